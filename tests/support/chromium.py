"""A real Chromium without a window, driven over its pipe by the DevTools protocol.

Messages are JSON, each ended by a NUL byte, on the file descriptors 3 and 4 of the browser
(`--remote-debugging-pipe`). It reaches nothing but loopback: names are not looked up.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 60  # seconds

OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-sandbox",  # only pages of the tests are opened, and root has no other way
)


class Chromium:
    """A running browser with one open page."""

    def __init__(self, send: int, receive: int) -> None:
        self._send = send
        self._receive = receive
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.said: list[str] = []
        """What the page said on the console, and what the browser had to say of it."""
        self.asked: list[str] = []
        """The addresses that the page asked for."""
        self._loaded = False

    def start(self) -> None:
        """Open an empty page."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def look(
        self, *, width: int, height: int = 900, dark: bool = False, phone: bool = False
    ) -> None:
        """What the page is shown on."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Open an address, and wait until all of it is there."""
        self.said.clear()
        self.asked.clear()
        self._loaded = False
        opened = self.call("Page.navigate", url=url)
        assert "errorText" not in opened, opened
        end = time.monotonic() + PATIENCE
        while not self._loaded:
            self._event(self._message(end))

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> bytes:
        """A picture (PNG) of the whole page, also beyond the window's end."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(picture := b64decode(answer["data"]))
        return picture

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something, and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            answer = self._message(end)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self._event(answer)

    def _event(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.asked.append(parameters["request"]["url"])
            case "Runtime.consoleAPICalled":
                self.said.append(f"console: {parameters['args']}")
            case "Runtime.exceptionThrown":
                self.said.append(f"exception: {parameters['exceptionDetails']['text']}")
            case "Log.entryAdded":
                self.said.append(f"{parameters['entry']['level']}: {parameters['entry']['text']}")

    def _message(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._receive], [], [], max(0, end - time.monotonic()))
            assert ready, "Chromium did not answer"
            piece = os.read(self._receive, 1 << 20)
            assert piece, "Chromium ended"
            self._rest += piece
        first, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message


@contextmanager
def browsing(folder: Path) -> Iterator[Chromium]:
    """A browser that keeps its files in a folder, and ends with the block."""
    assert PROGRAM
    to_browser, send = os.pipe()
    receive, from_browser = os.pipe()

    # The browser expects its ends at 3 and 4, which a shell can give them.
    script = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"'
    command = [PROGRAM, *OPTIONS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command],
            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=os.environ | {"HOME": str(folder)},
        )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        browser = Chromium(send, receive)
        browser.start()
        yield browser
        browser.call("Browser.close")
    finally:
        os.close(send)
        os.close(receive)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
