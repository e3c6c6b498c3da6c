"""Section 5 of docs/formats.md: what a rule makes of a value, and back."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .ciphers import Ff1, bits, pfx_decrypt, pfx_encrypt, unbits
from .conventions import Json, b32, lp, unb32
from .envelopes import MAX_DET, open_det, seal_det, siv_open, siv_seal, type_and_bytes
from .grammars import (
    MAX_TEXT,
    Uri,
    clear_part,
    coarse_number,
    coarse_time,
    digits_of,
    parse_address,
    parse_uri,
    spell_address,
    unmapped,
)
from .keys import Epoch

SHOWN_AS_IS = ("clear", "unsafe-clear")
HIDDEN = ("drop", "opaque")
MAX_HOST = 127
_DOMAIN = ".zt.invalid"
_UNITS = {"ms": 1000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86_400 * 10**6}


class HiddenValueError(ValueError):
    """A value that goes into the blob."""


class Made(NamedTuple):
    """What stands in the event, made of the canonical value by `scheme`."""

    scheme: str
    canonical: Any
    ciphertext: Any


def steps(step: int | str) -> int:
    """A step, which may be spelled as a span in a profile's file."""
    if isinstance(step, int):
        return step
    match = re.fullmatch("([1-9][0-9]{0,8})(ms|s|m|h|d)", step)
    if match is None:
        raise ValueError("no span")
    return int(match[1]) * _UNITS[match[2]]


class Field:
    """Values of a path under a rule."""

    def __init__(self, epoch: Epoch, path: str, rule: Json) -> None:
        self.epoch, self.rule = epoch, rule
        self.scheme: str = rule["scheme"]
        self.keyspace: str = rule.get("keyspace", path)
        self.made_by = "pfx" if rule.get("mode") == "pfx" else self.scheme
        if self.scheme == "fpe" and rule.get("keep"):
            self.made_by = f"fpe:{rule['keep']}"

    # --- to the event ---

    def canonical(self, value: Any) -> Any:
        """The canonical form, or None: the scheme does not take the value."""
        match self.scheme:
            case "det":
                return value
            case "uri":
                uri = parse_uri(value) if isinstance(value, str) else None
                return None if uri is None or len(uri.host) > MAX_HOST else str(uri)
            case "fpe":
                digits = digits_of(value)
                return digits if digits and self._clear(digits) is not None else None
            case "ip":
                address = parse_address(value) if isinstance(value, str) else None
                return None if address is None else spell_address(unmapped(address))
        assert self.scheme == "coarsen"
        coarse = coarse_time if self.rule["kind"] == "time" else coarse_number
        return coarse(value, steps(self.rule["step"]))

    def protect(self, value: Any) -> Made:
        """A scalar but null; raises HiddenValueError."""
        if self.scheme in SHOWN_AS_IS:
            return Made(self.scheme, value, value)
        if value is None or (isinstance(value, str) and len(value) > MAX_TEXT):
            raise HiddenValueError("null, or a long text")
        canonical = self.canonical(value)
        if canonical is None or self.scheme == "det":
            if len(type_and_bytes(value)[1]) > MAX_DET:
                raise HiddenValueError("too long for det")
            return Made("det", value, seal_det(self.epoch, self.keyspace, value))
        match self.scheme:
            case "uri":
                parsed = parse_uri(value)
                assert parsed is not None
                return Made("uri", canonical, self.seal_uri(parsed))
            case "fpe":
                return Made(self.made_by, canonical, self._fpe(canonical, decrypts=False))
            case "ip":
                return Made(self.made_by, canonical, self._seal_ip(canonical))
        return Made("coarsen", canonical, canonical)

    def seal_uri(self, uri: Uri) -> str:
        if uri.scheme == "tel":
            return "tel:" + b32(self.epoch.header + self._siv([b"tel"], uri.number))
        more = self._host_context(uri.scheme, has_user=uri.user is not None)
        text = b32(self.epoch.header + self._siv(more, uri.host))
        labels = [text[i : i + 63] for i in range(0, len(text), 63)]
        host = ".".join(labels) + _DOMAIN
        if uri.user is None:
            return f"{uri.scheme}:{host}"
        user = self._siv([uri.scheme.encode(), uri.host.encode()], uri.user)
        return f"{uri.scheme}:{b32(user)}@{host}"

    # --- from the event ---

    def open(self, shown: Any) -> tuple[str, Any]:
        """What made a ciphertext, and the canonical value; refuses what this scheme never makes."""
        if self.scheme in SHOWN_AS_IS:
            return self.scheme, shown
        if isinstance(shown, str) and shown.startswith(self.epoch.mark):
            return "det", open_det(self.epoch, self.keyspace, shown)
        if self.scheme == "coarsen":
            return "coarsen", shown
        if self.scheme == "det" or not isinstance(shown, str):
            raise ValueError("no ciphertext")
        match self.scheme:
            case "uri":
                opened = self._open_uri(shown)
            case "fpe":
                opened = self._fpe(shown, decrypts=True)
            case _:
                opened = self._open_ip(shown)
        if self.protect(opened) != (self.made_by, opened, shown):
            raise ValueError("a ciphertext of no canonical value")
        return self.made_by, opened

    def _open_uri(self, text: str) -> str:
        scheme, colon, rest = text.partition(":")
        if scheme == "tel" and colon:
            return "tel:" + self._unsiv([b"tel"], self._headless(rest))
        if scheme not in ("sip", "sips"):
            raise ValueError("no encrypted URI")
        user, at, host = rest.rpartition("@")
        name = host.removesuffix(_DOMAIN)
        joined = name.replace(".", "")
        if name == host or name != ".".join(re.findall(".{1,63}", joined)):
            raise ValueError("no encrypted host")
        more = self._host_context(scheme, has_user=bool(at))
        opened = self._unsiv(more, self._headless(joined))
        if not at:
            return f"{scheme}:{opened}"
        return f"{scheme}:{self._unsiv([*more, opened.encode()], unb32(user))}@{opened}"

    def _headless(self, text: str) -> bytes:
        data = unb32(text)
        if not data.startswith(self.epoch.header):
            raise ValueError("another version, suite or epoch")
        return data.removeprefix(self.epoch.header)

    # --- ciphers ---

    @staticmethod
    def _host_context(scheme: str, *, has_user: bool) -> list[bytes]:
        return [scheme.encode()] if has_user else [scheme.encode(), b""]

    def _context(self, more: list[bytes]) -> list[bytes]:
        return [self.epoch.header, self.keyspace.encode(), *more]

    def _siv(self, more: list[bytes], text: str) -> bytes:
        key = self.epoch.subkey(self.keyspace, b"uri", 64)
        return siv_seal(key, self._context(more), text.encode())

    def _unsiv(self, more: list[bytes], sealed: bytes) -> str:
        key = self.epoch.subkey(self.keyspace, b"uri", 64)
        return siv_open(key, self._context(more), sealed).decode()

    def _clear(self, text: str) -> str | None:
        return clear_part(text, self.rule.get("keep", 0))

    def fpe_tweak(self, clear: str) -> bytes:
        return lp(self.keyspace.encode()) + clear.encode()

    def _fpe(self, text: str, *, decrypts: bool) -> str:
        clear = self._clear(text) if digits_of(text) else None
        if clear is None:
            raise ValueError("no encrypted digits")
        ff1 = Ff1(self.epoch.subkey(self.keyspace, b"fpe", 32), 10)
        digits = list(map(int, text[len(clear) :]))
        run = ff1.decrypt if decrypts else ff1.encrypt
        return clear + "".join(map(str, run(digits, self.fpe_tweak(clear))))

    def ip_tweak(self, address: bytes) -> bytes:
        return lp(self.keyspace.encode(), b"\x04" if len(address) == 4 else b"\x06")

    def _ip_ff1(self) -> Ff1:
        return Ff1(self.epoch.subkey(self.keyspace, b"ip", 32), 2)

    def _pfx_key(self) -> bytes:
        return self.epoch.subkey(self.keyspace, b"pfx", 32)

    def _seal_ip(self, canonical: str) -> str:
        address = parse_address(canonical)
        assert address is not None
        if self.made_by == "pfx":
            return spell_address(pfx_encrypt(self._pfx_key(), address))
        sealed = self._ip_ff1().encrypt(bits(address), self.ip_tweak(address))
        return spell_address(unbits(sealed))

    def _open_ip(self, text: str) -> str:
        address = parse_address(text)
        if address is None or spell_address(address) != text:
            raise ValueError("no encrypted address")
        if self.made_by == "pfx":
            return spell_address(pfx_decrypt(self._pfx_key(), address))
        opened = self._ip_ff1().decrypt(bits(address), self.ip_tweak(address))
        return spell_address(unbits(opened))
