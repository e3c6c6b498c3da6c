"""Looking for key material where there must be none: in texts, files, tracebacks and objects.

A key counts as found if either end of it, 16 bytes, stands anywhere as it is, in hexadecimal,
base64 (at any alignment), as a list of numbers or as Python writes bytes.
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

from keys import Secret, derive, labels

END = 16  # bytes
TESTS = Path(__file__).parents[1]


def spellings(key: bytes) -> set[bytes]:
    """The ways in which either end of a key could stand somewhere."""
    found: set[bytes] = set()
    for part in (key[:END], key[-END:]):
        numbers = list(part)
        found |= {
            part,
            part.hex().encode(),
            part.hex().upper().encode(),
            str(numbers)[1:-1].encode(),
            str(numbers)[1:-1].replace(" ", "").encode(),
            repr(part)[2:-1].encode(),
        }
        for shift in range(3):
            for encode in (b64encode, urlsafe_b64encode):
                text = encode(bytes(shift) + part)
                first = -(-shift * 8 // 6)  # characters that what stands before would change
                found.add(text[first : (shift + len(part)) * 8 // 6])
    return found


def found_in(keys: Iterable[bytes], *places: bytes | str) -> list[bytes]:
    """The keys that stand in one of the places in some spelling."""
    joined = b"\0".join(p.encode(errors="replace") if isinstance(p, str) else p for p in places)
    return [key for key in keys if any(spelling in joined for spelling in spellings(key))]


class Vault:
    """Every key, wrapping key and passphrase that the program handles, as it is drawn or a `Secret`
    is made of it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seen: set[bytes] = set()
        self._public: set[bytes] = set()
        init, hkdf, random = Secret.__init__, derive.hkdf, secrets.token_bytes

        def remember(secret: Secret, data: bytes) -> None:
            self._seen.add(data)
            init(secret, data)

        def derived(secret: Secret, info: bytes, length: int) -> Secret:
            key = hkdf(secret, info, length)
            if info == derive.lp(labels.KCV):
                self._public.add(key.secret_key_access())
            return key

        def drawn(size: int | None = None) -> bytes:
            data = random(size)
            if size == derive.ROOT_SIZE:  # salts are shorter
                self._seen.add(data)
            return data

        monkeypatch.setattr(secrets, "token_bytes", drawn)
        monkeypatch.setattr(Secret, "__init__", remember)
        monkeypatch.setattr(derive, "hkdf", derived)

    def keys(self) -> list[bytes]:
        """What is secret of it: all but key check values, which are derived as keys are."""
        return sorted(key for key in self._seen - self._public if len(key) >= 8)


class Attic:
    """Keeps a copy of every file before the program removes, renames or overwrites it.

    So temporary files are searched too, however shortly they live. Files in the folder `but`,
    which may hold keys, are not kept.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, *, but: Path) -> None:
        self.folder = folder
        self._but = but.resolve()
        folder.mkdir()
        self._numbers = count()
        for name in ("remove", "unlink", "rename", "replace"):
            genuine = getattr(os, name)

            def keeping(path: Any, *rest: Any, _do: Any = genuine, **options: Any) -> Any:
                self._keep(path)
                for other in rest[:1]:
                    self._keep(other)  # what a rename overwrites
                return _do(path, *rest, **options)

            monkeypatch.setattr(os, name, keeping)

    def _keep(self, path: Any) -> None:
        if not isinstance(path, str | os.PathLike) or not Path(path).is_file():
            return
        if not Path(path).resolve().is_relative_to(self._but):
            shutil.copyfile(path, self.folder / str(next(self._numbers)))


def contents(*folders: Path) -> list[bytes]:
    """The content of every file in the folders."""
    return [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those it came of, hidden ones too."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def with_locals(error: BaseException) -> str:
    """What a tool shows of an exception that prints local variables, of the product's frames.

    As `traceback.TracebackException` does with `capture_locals`, but an object that is only half
    made, as by a copy that was refused, does not stop it.
    """
    lines = []
    for each in chain(error):
        for frame, number in traceback.walk_tb(each.__traceback__):
            if Path(frame.f_code.co_filename).is_relative_to(TESTS):
                continue
            lines.append(f"{frame.f_code.co_filename}:{number} in {frame.f_code.co_qualname}")
            lines += [f"  {name} = {_shown(value)}" for name, value in frame.f_locals.items()]
        lines.append(f"{type(each).__qualname__}: {each} {each.args!r} {vars(each)!r}")
    return "\n".join(lines)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except AttributeError:
        return "<half made>"


def reachable(*roots: Any) -> Iterator[Any]:
    """Every object that is reached from some, but for what a `Secret` holds and for code."""
    seen: dict[int, Any] = {}
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, ModuleType | type):
            continue
        seen[id(thing)] = thing  # held, so that no other object gets its id
        yield thing
        if isinstance(thing, FunctionType):
            waiting += [thing.__closure__, thing.__defaults__, thing.__kwdefaults__]
        elif not isinstance(thing, Secret):
            waiting += gc.get_referents(thing)


def shown(things: Iterable[Any]) -> list[bytes | str]:
    """How objects show themselves; bytes and arrays also as they are."""
    texts: list[bytes | str] = []
    for thing in things:
        if isinstance(thing, bytes | bytearray):
            texts.append(bytes(thing))
        elif isinstance(thing, memoryview | np.ndarray):
            texts.append(thing.tobytes())
        elif not isinstance(thing, dict | list | tuple | set | frozenset):  # their items come too
            texts.append(repr(thing))
    return texts
