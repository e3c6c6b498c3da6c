"""A real nginx on loopback with its own prefix and nothing else.

`running` is one that writes a JSON access log; `serving` takes any configuration of servers.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
PATIENCE = 20  # seconds

USERS = ("alice.keller", "bob_meier", "carol.nguyen", "dieter-schulz")
CLIENTS = tuple(f"127.0.17.{n}" for n in range(1, 30))
FORWARDED = tuple(f"203.0.113.{n}" for n in range(1, 30))
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "SoftphoneUpdater/4.2 (deskphone-0815)",
    "curl/8.5.0",
)
STATUSES = {"/": 200, "/login": 302, "/private": 403, "/files/report-keller.pdf": 404, "/api": 200}

FRAME = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {servers}
}}
"""

ACCESS_LOG = """\
    log_format events escape=json '{{"time":"$time_iso8601","msec":$msec,'
        '"remote_addr":"$remote_addr","remote_port":$remote_port,"remote_user":"$remote_user",'
        '"host":"$host","server_name":"$server_name","server_port":$server_port,'
        '"scheme":"$scheme","server_protocol":"$server_protocol",'
        '"request":"$request","request_method":"$request_method","request_uri":"$request_uri",'
        '"uri":"$uri","args":"$args","request_length":$request_length,"request_id":"$request_id",'
        '"status":$status,"status_text":"$status","body_bytes_sent":$body_bytes_sent,'
        '"request_time":$request_time,"connection":"$connection",'
        '"headers":{{"referer":"$http_referer","user_agent":"$http_user_agent",'
        '"x_forwarded_for":"$http_x_forwarded_for","cookie":"$http_cookie",'
        '"authorization":"$http_authorization","accept_language":"$http_accept_language"}},'
        '"session":"$cookie_sid","gzip_ratio":"$gzip_ratio","pipe":"$pipe"}}';
    access_log access.log events;
    server {{
        listen 127.0.0.1:{port};
        server_name shop.example.org;
        location = / {{ return 200 "welcome\\n"; }}
        location = /api {{ return 200 "{{}}"; }}
        location = /login {{ return 302 /; }}
        location = /private {{ return 403; }}
        location / {{ return 404; }}
    }}
"""


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """A server with its files in a folder; gives its port."""
    port = free_port()
    with serving(folder, ACCESS_LOG.format(port=port), port):
        yield port


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def serving(folder: Path, servers: str, port: int) -> Iterator[None]:
    """An nginx with these servers, its files in a folder, that listens on the port by now."""
    (folder / "nginx.conf").write_text(FRAME.format(servers=servers))
    command = [str(PROGRAM), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]
    with (folder / "errors").open("wb") as errors:
        server = subprocess.Popen(command, stderr=errors, stdin=subprocess.DEVNULL)
        try:
            _wait(server, port, folder / "errors")
            yield
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _wait(server: subprocess.Popen[bytes], port: int, errors: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert server.poll() is None, errors.read_text()
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nginx did not answer")


def visit(port: int) -> int:
    """What people do on a web site, 100 times over; the number of requests."""
    paths = list(STATUSES)
    for n in range(100):
        user = USERS[n % len(USERS)]
        headers = {
            "Host": "shop.example.org",
            "User-Agent": AGENTS[n % len(AGENTS)],
            "X-Forwarded-For": FORWARDED[n % len(FORWARDED)],
            "Cookie": f"sid=s3cret-{n:032x}; lang=de",
            "Referer": f"https://intranet.example.org/people?name={user}",
            "Accept-Language": "de-DE,de;q=0.9",
        }
        if n % 3:
            token = b64encode(f"{user}:s3cret-pw-{n}".encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        query = f"?token=s3cret{n:08d}&mail={user}@example.org" if n % 2 else ""
        client = (CLIENTS[n % len(CLIENTS)], 0)
        with closing(HTTPConnection("127.0.0.1", port, PATIENCE, source_address=client)) as web:
            web.request("GET" if n % 5 else "POST", paths[n % len(paths)] + query, headers=headers)
            response = web.getresponse()
            response.read()
            assert response.status == STATUSES[paths[n % len(paths)]]
    return 100
