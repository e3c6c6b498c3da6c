"""Personalities: which PBX a honeypot looks like, in YAML.

    software: Asterisk PBX 16.2.1       # of every reply
    allow: [INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, MESSAGE]
    realm: asterisk
    extensions: 100-110                 # that exist, unless the honeypot's settings name others
    guessable: {"102": "102"}           # and their passwords, of those that have a weak one

A personality is a look, no more: what a reply may contain, and how long it may be, is the lure's
own business, so no personality can make a honeypot unsafe. Texts are printable ASCII.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from zt.configuration import Presets
from zt.errors import InputError
from zt.honeynet.honeypot.lure.extensions import check_guessable, extensions
from zt.honeynet.honeypot.lure.marks import Spelling

_Text = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,128}\z")]
_Optional = Annotated[str, StringConstraints(pattern=r"^[ -~]{0,128}\z")]
_Plain = Annotated[str, StringConstraints(pattern=r"^[ !#-\[\]-~]{1,64}\z")]  # to stand in quotes
_Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}\z")]
_Method = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,16}\z")]

OWN_RULES: Final = frozenset({"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"})
"""Methods that no personality can answer otherwise."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(_Frozen):
    """A final response other than success."""

    status: Annotated[int, Field(ge=400, le=699)]
    reason: _Text


class Personality(_Frozen):
    """How a honeypot looks.

    Attributes:
        title: what it is called in lists.
        software: value of the header named by `software_header`.
        allow: methods of the Allow header.
        supported, accept, allow_events: values of these headers; empty: none.
        realm: of challenges.
        algorithms: one challenge for each; MD5 is what nearly all tools know.
        qop: whether challenges offer `qop="auth"`.
        opaque: whether they have an `opaque`.
        nonce: how nonces are spelt.
        register_challenge, other_challenge: 401 or 407, for REGISTER and for all other requests.
        unknown_user: answers a REGISTER for an extension that doesn't exist. Who answers as for
            one that exists can't be scanned for extensions.
        wrong_password: answers credentials that fit no password; None: another challenge.
        challenged: methods that are challenged, beside REGISTER and INVITE.
        unsupported: answers methods that are not in `allow`.
        tag_prefix: of To tags.
        session: name of a media session; `session_user` stands in its origin.
        expires: seconds that a registration is granted at most.
        extensions: that exist, as `zt.honeynet.honeypot.lure.extensions` reads them.
        guessable: passwords that guessing finds.
    """

    title: _Text
    software: _Text
    software_header: Literal["Server", "User-Agent"] = "Server"
    allow: Annotated[tuple[_Method, ...], Field(min_length=1, max_length=24)]
    supported: _Optional = ""
    accept: _Optional = ""
    allow_events: _Optional = ""
    realm: _Plain
    algorithms: Annotated[tuple[Literal["MD5", "SHA-256"], ...], Field(min_length=1)] = ("MD5",)
    qop: bool = False
    opaque: bool = False
    nonce: Spelling = "hex"
    register_challenge: Literal[401, 407] = 401
    other_challenge: Literal[401, 407] = 401
    unknown_user: Answer = Answer(status=404, reason="Not Found")
    wrong_password: Answer | None = None
    challenged: tuple[_Method, ...] = ("SUBSCRIBE", "MESSAGE", "PUBLISH", "REFER")
    unsupported: Answer = Answer(status=405, reason="Method Not Allowed")
    tag_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{0,16}\z")] = ""
    session: _Text = "session"
    session_user: _Word = "-"
    expires: Annotated[int, Field(ge=60, le=86_400)] = 3_600
    extensions: Annotated[str, Field(max_length=4_096)]
    guessable: dict[_Word, str] = {}

    @model_validator(mode="after")
    def _check(self) -> Personality:
        if own := OWN_RULES.intersection(self.challenged):
            raise ValueError(f"{min(own)} has rules of its own, and is not in `challenged`")
        check_guessable(self.guessable, extensions(self.extensions))
        return self


class PersonalityError(InputError):
    """A personality is wrong, or there is none of that name."""


PERSONALITIES: Final = Presets(
    "zt.honeynet.honeypot.lure", "personalities", Personality, PersonalityError, "personality"
)
"""Those that come with this release; `load` takes a name, or a YAML file's path."""
