"""Key bytes stand nowhere that a command writes: output, logs, files, temporary ones, tracebacks.

The commands run in this process, so that every key they handle is known: each is noted as its
`Secret` is made. What providers read (key file, passphrase files) stands in a folder of its own,
which is not searched.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import secrets
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.every_scheme import DERIVE, FIELDS
from support.key_bytes import END, Attic, Vault, contents, found_in, spellings, with_locals
from typer.testing import CliRunner

import keys.providers.file as file_provider
from analytics.cli.root import app as analytics_app
from keys import Ring, Secret, backup_of
from keys.content import Epoch
from keys.providers import decode_key
from zt.cli.keys import app as keys_app
from zt.cli.root import app as zt_app

APPS = {"zt": zt_app, "zt-keys": keys_app, "zt-analytics": analytics_app}
PASSPHRASES = ["correct horse battery staple", "another one, ünusual and longer"]
EVENTS = [
    {
        "time": f"2026-11-24T00:00:{n:02}Z",
        "user": f"alice{n % 3}",
        "sip": {"from": f"sip:alice{n % 3}@example.org", "to": "tel:+12015550123"},
        "phone": "+4930123456789",
        "account": f"12345678{n % 4}",
        "client.ip": f"192.0.2.{n % 5}",
        "trunk": {"ip": "2001:db8::1"},
        "hidden": "something",
    }
    for n in range(20)
]
SHOWN = {path: {"scheme": "unsafe-clear"} for path in ("from_scheme", "net6", "country")}
PROFILE = {"name": "every-scheme", "time": "time", "derive": DERIVE, "fields": FIELDS | SHOWN}
PACK = """
name: calls
jobs:
  - {id: many, kind: event_count, where: "*", group_by: [client.ip], window: 5m, threshold: 2,
     severity: low}
"""


@dataclass
class Desk:
    """A place to run commands in, where everything is noted.

    Attributes:
        told: all that was written to stdout and stderr, and tracebacks with local variables.
    """

    folder: Path
    custody: Path
    vault: Vault
    attic: Attic
    log: pytest.LogCaptureFixture
    told: list[bytes | str] = field(default_factory=list)

    @property
    def ring(self) -> Path:
        return self.folder / "ring.json"

    @property
    def store(self) -> str:
        return f"duckdb:{self.folder / 'cloud.duckdb'}"

    def run(self, name: str, *arguments: str | Path, code: int = 0, stdin: str = "") -> bytes:
        """Run a command, which must end with this code; what it wrote to stdout."""
        done = CliRunner().invoke(APPS[name], list(map(str, arguments)), input=stdin)
        assert done.exit_code == code, (arguments, done.stderr, done.exception)
        self.told += [done.stdout_bytes, done.stderr_bytes]
        if done.exception is not None:
            assert isinstance(done.exception, SystemExit)
            self.told.append(with_locals(done.exception))
        return done.stdout_bytes

    def keep(self, name: str, text: str) -> Path:
        """A private file that is the custodian's own."""
        path = self.custody / name
        path.touch(0o600)
        path.write_text(text)
        return path

    def leaked(self) -> list[bytes]:
        """The keys that stand in anything that was told, logged or written."""
        files = contents(self.folder, self.attic.folder)
        known = self.vault.keys()
        assert len(known) > 5, "the wrapping key, what is derived from it, roots"
        return found_in(known, *self.told, self.log.text, *files)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Desk:
    folder, custody = tmp_path / "desk", tmp_path / "custody"
    for made in (folder, custody, folder / "tmp"):
        made.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(folder)
    caplog.set_level(logging.DEBUG)
    lines = [*map(json.dumps, EVENTS), "not an event", ""]
    (folder / "events.ndjson").write_text("\n".join(lines))
    (folder / "profile.yaml").write_text(json.dumps(PROFILE))
    (folder / "pack.yaml").write_text(PACK)
    attic = Attic(monkeypatch, tmp_path / "attic", but=custody)
    return Desk(folder, custody, Vault(monkeypatch), attic, caplog)


def encrypt(desk: Desk, stream: str) -> None:
    """Encrypt the events, one line of which is none, and ingest them."""
    words = ("zt", "encrypt", "-k", desk.ring, "-p", "profile.yaml", "--stream", stream)
    desk.run(*words, "events.ndjson", "-o", f"{stream}.zt", code=1)
    desk.run("zt", "rejects", "-k", desk.ring, f"{stream}.zt.rejects")
    desk.run("zt-analytics", "ingest", "-s", desk.store, f"{stream}.zt")
    assert len(desk.run("zt", "decrypt", "-k", desk.ring, f"{stream}.zt").splitlines()) == 20


def ask(desk: Desk) -> None:
    asked: tuple[str | Path, ...] = ("-k", desk.ring, "-s", desk.store)
    assert desk.run("zt", "search", "user:*lice1*", *asked)
    for path in ("user", "sip.from", "phone", "account", "client.ip", "trunk.ip"):
        assert desk.run("zt", "top", path, "--json", *asked) != b"[]\n"
    packed = (*asked, "--pack", "pack.yaml")
    desk.run("zt", "jobs", "push", "pack.yaml", *asked)
    desk.run("zt-analytics", "run", "-s", desk.store, "--once")
    assert desk.run("zt", "findings", "--json", *packed)
    at = ("--at", EVENTS[-1]["time"])
    desk.run("zt", "policy", "run", "--dry-run", "--json", *packed, *map(str, at))
    desk.run("zt-keys", "check", "one.zt", "--json", *asked)


def fail(desk: Desk) -> None:
    """What goes wrong after a ring was opened."""
    wire = (desk.folder / "one.zt").read_bytes()
    lines = wire.splitlines(keepends=True)
    altered = [
        lines[0],
        *(line.replace(b'"n"', b'"m"').replace(b"2026", b"2027") for line in lines),
    ]
    (desk.folder / "altered.zt").write_bytes(b"".join(altered))
    (desk.folder / "header.zt").write_bytes(wire.replace(b'"generation":1', b'"generation":2'))
    for name in ("altered.zt", "header.zt"):
        desk.run("zt", "decrypt", "-k", desk.ring, name, "-o", "out", code=1)
    asked: tuple[str | Path, ...] = ("-k", desk.ring, "-s", desk.store)
    desk.run("zt", "search", "nowhere:*x*", *asked, code=1)
    desk.run("zt", "top", "hidden", *asked, code=1)
    desk.run("zt-keys", "destroy", "00000000", *asked, code=1)
    desk.run("zt-keys", "destroy", "00000000", "-k", desk.ring, "--force", code=1)
    desk.run("zt-keys", "recover", "-k", desk.ring, code=1)
    desk.run("zt-keys", "init", "-k", desk.ring, "--tenant", "acme", code=1)
    good = desk.ring.read_bytes()
    for bad in (good[:-9], good.replace(b'"generation": ', b'"generation": 1'), b"{}"):
        desk.ring.write_bytes(bad)
        for words in (("zt-keys", "list"), ("zt-keys", "rotate"), ("zt", "encrypt")):
            desk.run(*words, "-k", desk.ring, code=1)
    desk.run("zt-keys", "recover", "-k", desk.ring)
    desk.ring.write_bytes(good)


def test_a_ring_in_a_key_files_life(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that there is, with a key file first and passphrases then."""
    provider = ("--tenant", "acme", "--provider", "file:../custody/ring.key")
    desk.run("zt-keys", "init", "-k", desk.ring, *provider)
    encrypt(desk, "one")
    ask(desk)
    desk.run("zt-keys", "rotate", "-k", desk.ring)
    fail(desk)
    first = first_epoch(desk.ring)
    encrypt(desk, "two")
    ask(desk)
    asked: tuple[str | Path, ...] = ("-k", desk.ring, "-s", desk.store)
    desk.run("zt-keys", "destroy", first.kid, *asked, code=1)
    desk.run("zt-keys", "rewrap", "--dry-run", *asked)
    desk.run("zt-keys", "rewrap", *asked)
    ask(desk)
    desk.run("zt-keys", "destroy", first.kid, *asked)
    old, new = (desk.keep(f"{n}", f"{text}\n") for n, text in enumerate(PASSPHRASES))
    changed = ("zt-keys", "passwd", "-k", desk.ring)
    monkeypatch.setenv("ZT_PASSPHRASE_FILE", "")
    desk.run(*changed, "--new-passphrase-file", old)
    desk.run(*changed, "--passphrase-file", new, "--new-passphrase-file", new, code=1)
    desk.run(*changed, "--passphrase-file", old, "--new-passphrase-file", new)
    monkeypatch.setenv("ZT_PASSPHRASE_FILE", str(new))
    assert desk.run("zt", "top", "user", *asked)
    assert {text.encode() for text in PASSPHRASES} <= set(desk.vault.keys())
    assert desk.leaked() == []
    assert not list((desk.folder / "tmp").iterdir()), "nothing temporary is left"

    # the root of the destroyed epoch is gone as it was wrapped too
    assert first.root is not None
    assert first.root.encode() not in b"".join(contents(desk.folder))
    assert first.kid.encode() in desk.ring.read_bytes()
    assert first_epoch(desk.ring).root is None
    assert first_epoch(backup_of(desk.ring)).root is None


def first_epoch(path: Path) -> Epoch:
    """A ring's oldest epoch as its file states it."""
    epoch = Ring.open(path).epochs[0]
    assert isinstance(epoch, Epoch)
    return epoch


def test_a_destroyed_epoch_is_in_no_file_at_once(desk: Desk) -> None:
    """Right after it was destroyed, before another change overwrites anything."""
    provider = ("--tenant", "acme", "--provider", "file:../custody/ring.key")
    desk.run("zt-keys", "init", "-k", desk.ring, *provider)
    desk.run("zt-keys", "rotate", "-k", desk.ring)
    epoch = first_epoch(desk.ring)
    assert epoch.root is not None
    holders = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert sum(epoch.root.encode() in path.read_bytes() for path in holders) == 2, "ring and backup"
    desk.run("zt-keys", "destroy", epoch.kid, "-k", desk.ring, "--force", stdin=f"{epoch.kid}\n")
    assert epoch.root.encode() not in b"".join(contents(desk.folder, desk.custody))


def command_provider(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> str:
    return f"command:cat {desk.keep('printed', secrets.token_hex(32))}"


def variable_provider(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("A_KEY", secrets.token_hex(32))
    return "env:A_KEY"


def passphrase_provider(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ZT_PASSPHRASE_FILE", str(desk.keep("passphrase", PASSPHRASES[0])))
    return "passphrase:"


def damage_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints the key with a blank before it."""
    path = desk.custody / "printed"
    path.write_text(f" {path.read_text()}")


def damage_variable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same key in capitals."""
    monkeypatch.setenv("A_KEY", "AB" * 32)


def damage_passphrase(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.keep("passphrase", PASSPHRASES[1])


PROVIDERS = {
    "command": (command_provider, damage_command),
    "variable": (variable_provider, damage_variable),
    "passphrase": (passphrase_provider, damage_passphrase),
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_other_providers(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    provide, damage = PROVIDERS[name]
    uri = provide(desk, monkeypatch)
    desk.run("zt-keys", "init", "-k", desk.ring, "--tenant", "acme", "--provider", uri)
    encrypt(desk, "one")
    desk.run("zt-keys", "rotate", "-k", desk.ring)
    assert desk.run("zt", "top", "user", "-k", desk.ring, "-s", desk.store)
    damage(desk, monkeypatch)
    for words in (("zt-keys", "list"), ("zt", "decrypt", "one.zt"), ("zt-keys", "passwd")):
        desk.run(*words, "-k", desk.ring, code=1)
    assert desk.leaked() == []


def test_keys_that_could_not_be_stored(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk: neither key file nor ring is made, and the traceback shows no key."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    init = ("zt-keys", "init", "-k", desk.ring, "--tenant", "acme", "--provider")
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        desk.run(*init, "file:../custody/ring.key", code=1)
    for text in ("short", "", "\xff"):
        path = desk.custody / "bad"
        path.touch(0o600)
        path.write_bytes(text.encode("latin-1"))
        monkeypatch.setenv("ZT_PASSPHRASE_FILE", str(path))
        desk.run(*init, "passphrase:", code=1)
    assert not desk.ring.exists()
    desk.run(*init, "file:../custody/ring.key")
    desk.run("zt-keys", "rotate", "-k", desk.ring)
    assert desk.leaked() == []


# --- the search itself finds what there is -----------------------------------------------------

KEY = bytes(range(100, 164))


@pytest.mark.parametrize("part", [KEY, KEY[:END], KEY[-END:]], ids=["whole", "begin", "end"])
def test_every_spelling_is_found(part: bytes) -> None:
    said: list[bytes | str] = [
        b"..." + part + b"...",
        f"key={part.hex()}",
        f"key={part.hex().upper()}",
        json.dumps({"k": list(part)}),
        repr(list(part)),
        repr(tuple(part)),
        json.dumps(list(part), separators=(",", ":")),
        repr(part),
        repr({"k": bytearray(part)}),
        *(base64.b64encode(b"x" * n + part + b"y" * 3) for n in range(3)),
        *(base64.urlsafe_b64encode(b"x" * n + part + b"y" * 3) for n in range(3)),
    ]
    for place in said:
        assert found_in([KEY], "before", place, "after") == [KEY], place
    assert found_in([KEY], "before", bytes(64), repr(bytes(64))) == []
    assert all(len(spelling) >= END for spelling in spellings(KEY))


CARELESS = """
def careless(encoded, where):
    content = encoded.secret_key_access()
    genuine(encoded, where)
    raise OSError(5, "careless")
"""


@pytest.mark.parametrize("place", ["stdout", "log", "file", "temporary", "overwritten", "locals"])
def test_a_planted_key_is_found(desk: Desk, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """A root is let out of the real commands in each of the ways that are searched."""
    genuine = Secret.secret_key_access

    def leaking(secret: Secret) -> bytes:
        data = genuine(secret)
        match place:
            case "stdout":
                sys.stdout.write(data.hex())
            case "log":
                logging.getLogger("somewhere").debug("key %r", data)
            case "file":
                (desk.folder / "tmp" / secrets.token_hex(8)).write_bytes(data)
            case "temporary":
                handle, name = tempfile.mkstemp()
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).unlink()
            case "overwritten":
                for content in (data, b"nothing"):
                    handle, name = tempfile.mkstemp()
                    with os.fdopen(handle, "wb") as file:
                        file.write(content)
                    Path(name).replace(desk.folder / "there")
        return data

    provider = ("--tenant", "acme", "--provider", "file:../custody/ring.key")
    desk.run("zt-keys", "init", "-k", desk.ring, *provider)
    assert desk.leaked() == []
    if place == "locals":
        scope: dict[str, Any] = {"genuine": decode_key}
        exec(compile(CARELESS, "careless.py", "exec"), scope)  # a frame that is not a test's
        monkeypatch.setattr(file_provider, "decode_key", scope["careless"])
        desk.run("zt-keys", "list", "-k", desk.ring, code=1)
    else:
        monkeypatch.setattr(Secret, "secret_key_access", leaking)
        desk.run("zt-keys", "list", "-k", desk.ring)
    assert desk.leaked() != []
