"""Providers of the wrapping key: each gives its one key, or says why not; none shows it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys import ProviderError, Ring, RingError, init_ring
from keys.providers import open_provider

KEY = "0f" * 32


@pytest.fixture
def key_variable(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ACME_KEY", KEY)
    return "env:ACME_KEY"


@pytest.fixture
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "passphrase"
    path.touch(0o600)
    path.write_text("correct horse battery staple\n")
    monkeypatch.setenv("ZT_PASSPHRASE_FILE", str(path))
    return path


def test_a_key_from_the_environment(tmp_path: Path, key_variable: str) -> None:
    made = init_ring(tmp_path / "ring.json", "acme", key_variable)
    assert Ring.open(tmp_path / "ring.json").active.kid == made.active.kid
    assert KEY not in made.path.read_text()


@pytest.mark.parametrize("command", ["printf '%s\\n' {}", "echo {}", "sh -c 'printf {}'"])
def test_a_key_from_a_program(tmp_path: Path, command: str) -> None:
    uri = f"command:{command.format(KEY)}"
    key = open_provider(uri, tmp_path).wrapping_key()
    assert key.secret_key_access() == bytes.fromhex(KEY)
    assert open_provider(uri, tmp_path).uri == uri


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("command:", "names no program"),
        ("command:'", "can't be split"),
        ("command:/no/such/program", "can't run"),
        ("command:false", "failed with exit code 1"),
        ("command:true", "holds no key"),
        ("command:echo secret-hunter2", "holds no key"),
        ("command:echo $ACME_KEY", "holds no key"),  # no shell expands it
        ("env:", "names no variable"),
        ("env:NOT_SET_ANYWHERE", "is not set"),
        ("env:ACME BAD", "names no variable"),
        ("env:BAD_KEY", "holds no key"),
        ("env:NO_TEXT", "holds no key"),
        ("vault:x", "no key provider is called 'vault'"),
        ("nothing", "no key provider is called 'nothing'"),
    ],
)
def test_what_gives_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, reason: str
) -> None:
    monkeypatch.setenv("BAD_KEY", "secret-hunter2")
    monkeypatch.setenv("NO_TEXT", os.fsdecode(b"\xff" * 64))
    with pytest.raises(ProviderError, match=reason) as caught:
        open_provider(uri, tmp_path).wrapping_key()
    assert caught.value.hint
    assert "hunter2" not in str(caught.value) + caught.value.hint or "echo" in uri
    with pytest.raises(ProviderError):
        init_ring(tmp_path / "ring.json", "acme", uri)
    assert not (tmp_path / "ring.json").exists()


def test_a_passphrase(tmp_path: Path, passphrase: Path) -> None:
    made = init_ring(tmp_path / "ring.json", "acme", "passphrase:")
    assert made.provider.startswith("passphrase:t=3,m=262144,p=4,salt=")
    assert Ring.open(made.path).active.kid == made.active.kid
    assert "horse" not in made.path.read_text()
    other = init_ring(tmp_path / "other.json", "acme", "passphrase:")
    assert other.provider != made.provider, "each ring has a salt of its own"
    passphrase.write_text("incorrect horse battery staple\n")
    with pytest.raises(RingError, match="gives another wrapping key"):
        Ring.open(made.path)


def test_the_derivation_is_argon2id(tmp_path: Path, passphrase: Path) -> None:
    uri = "passphrase:t=1,m=65536,p=2,salt=AAAAAAAAAAAAAAAAAAAAAA"
    key = open_provider(uri, tmp_path).wrapping_key()
    kdf = Argon2id(salt=bytes(16), length=32, iterations=1, lanes=2, memory_cost=65536)
    assert key.secret_key_access() == kdf.derive(b"correct horse battery staple")
    assert open_provider(uri, tmp_path).uri == uri


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("t=3,m=65535,p=4,salt=AAAAAAAAAAAAAAAAAAAAAA", "65535 KiB of memory is refused"),
        ("t=3,m=99999999,p=4,salt=AAAAAAAAAAAAAAAAAAAAAA", "99999999 KiB of memory is refused"),
        ("t=0,m=262144,p=4,salt=AAAAAAAAAAAAAAAAAAAAAA", "states no parameters"),
        ("t=3,m=262144,p=4,salt=AAAA", "states no parameters"),
        ("t=3,m=262144,p=4", "states no parameters"),
        ("hunter2", "states no parameters"),
    ],
)
def test_weak_or_odd_parameters_are_refused(tmp_path: Path, rest: str, reason: str) -> None:
    with pytest.raises(ProviderError, match=reason):
        open_provider(f"passphrase:{rest}", tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\n", "is no text"),
        (b"short\n", "fewer than 8"),
    ],
)
def test_passphrase_files_that_hold_none(
    tmp_path: Path, passphrase: Path, content: bytes, reason: str
) -> None:
    passphrase.write_bytes(content)
    with pytest.raises(ProviderError, match=reason):
        init_ring(tmp_path / "ring.json", "acme", "passphrase:")
    assert not (tmp_path / "ring.json").exists()


def test_a_passphrase_file_that_others_may_read_is_refused(
    tmp_path: Path, passphrase: Path
) -> None:
    passphrase.chmod(0o644)
    with pytest.raises(ProviderError, match="open to other users"):
        init_ring(tmp_path / "ring.json", "acme", "passphrase:")


def test_a_credential_of_a_service_may_have_an_access_list(
    tmp_path: Path, passphrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd grants a service an access list, which shows as the group's right to read."""
    passphrase.chmod(0o440)
    with pytest.raises(ProviderError, match="open to other users"):
        init_ring(tmp_path / "ring.json", "acme", "passphrase:")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(passphrase.parent))
    init_ring(tmp_path / "ring.json", "acme", "passphrase:")
    for mode in (0o444, 0o460):
        passphrase.chmod(mode)
        with pytest.raises(ProviderError, match="open to other users"):
            init_ring(tmp_path / "other.json", "acme", "passphrase:")


SCRIPT = """
from pathlib import Path
from keys import KeysError, Ring, init_ring
try:
    ring = init_ring(Path("ring.json"), "acme", "passphrase:")
    print("made", ring.tenant, flush=True)
    print("opened", Ring.open(Path("ring.json")).tenant, flush=True)
except KeysError as error:
    print("refused:", error, flush=True)
"""


TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # stdin becomes the controlling terminal, /dev/tty
"""


def typed(folder: Path, *answers: str) -> str:
    """What a terminal shows when these lines are typed, each at a prompt."""
    terminal, end = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "ZT_PASSPHRASE_FILE"}
    child = subprocess.Popen(
        [sys.executable, "-c", TERMINAL + SCRIPT],
        cwd=folder, env=environment, stdin=end, stdout=end, stderr=end, start_new_session=True,
    )  # fmt: skip
    os.close(end)
    shown, waiting, deadline = b"", list(answers), time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                more = os.read(terminal, 1024)
            except OSError:  # the child ended
                break
            shown += more
            if waiting and shown.rstrip().endswith(b":"):
                os.write(terminal, waiting.pop(0).encode() + b"\n")
                shown += b"|"
    finally:
        child.kill()
        child.wait()
        os.close(terminal)
    return shown.decode()


def test_a_passphrase_is_asked_for_without_echo(tmp_path: Path) -> None:
    shown = typed(tmp_path, "hunter2-hunter2", "hunter2-hunter2", "hunter2-hunter2")
    assert "made acme" in shown
    assert "opened acme" in shown
    assert "hunter2" not in shown
    other = tmp_path / "other"
    other.mkdir()
    assert "refused: the two passphrases differ" in typed(other, "one-long-1", "two-long-2")


def test_without_a_terminal_there_is_a_clear_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        start_new_session=True, env={k: v for k, v in os.environ.items() if "PASSPHRASE" not in k},
    )  # fmt: skip
    assert "no terminal to ask on" in done.stdout


PLUGIN = """
from keys.material import Secret

class Plugged:
    def __init__(self, rest, folder):
        self.uri = f"plugged:{rest}"
    def wrapping_key(self):
        return Secret(self.uri.encode().ljust(32, b"x"))
    create = wrapping_key
"""


def test_a_package_can_bring_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an entry point, as a cloud KMS will come."""
    info = tmp_path / "site" / "plugged-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "plugged.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zt.key_providers]\nplugged = plugged:Plugged\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    made = init_ring(tmp_path / "ring.json", "acme", "plugged:somewhere")
    assert made.provider == "plugged:somewhere"
    assert Ring.open(made.path).active.kid == made.active.kid
