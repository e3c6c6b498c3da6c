"""A honeypot's file of settings: what is wrong names its line, and secrets stay in their files."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from support.certificates import Authority

from keys.errors import RingError
from zt.errors import InputError
from zt.honeynet.honeypot.lure.personality import PERSONALITIES
from zt.honeynet.honeypot.settings import (
    MEMORY,
    THROTTLE,
    TIMERS,
    HoneypotSettings,
    TlsSettings,
    load_honeypot,
    load_personality,
    load_secrets,
    load_tls,
    renew_tls,
)

LISTEN = "listen: ['udp:127.0.0.1:0']\n"
EXAMPLE = Path(__file__).parents[3] / "examples" / "honeypot.yaml"


def load(folder: Path, text: str) -> HoneypotSettings:
    file = folder / "honeypot.yaml"
    file.write_text(LISTEN + text)
    return load_honeypot(file)


def test_little_has_to_be_said(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert [str(one) for one in settings.listen] == ["udp:127.0.0.1:0"]
    assert settings.memory == MEMORY
    assert settings.name
    assert settings.report.url == ""
    assert load_personality(settings) == PERSONALITIES.load("asterisk")
    assert load_tls(settings) is None


def test_the_example_is_right() -> None:
    settings = load_honeypot(EXAMPLE)
    assert settings.region == "eu-central"
    assert len(settings.listen) == 4


def test_every_line_that_the_example_only_suggests_is_right(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    for line in ("secret_file", "tls", "report", "  url", "  token_file", "  never_report"):
        assert f"\n# {line}:" in text
        text = text.replace(f"\n# {line}:", f"\n{line}:")
    file = tmp_path / "honeypot.yaml"
    file.write_text(text)
    settings = load_honeypot(file)
    assert settings.report.never_report == ("192.0.2.0/24",)
    assert settings.secret_file == tmp_path / "secret"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("listn: x\n", "line 2: listn: no such option"),
        ("name: a b\n", "line 2: name"),
        ("name: ''\n", "line 2: name"),
        ('region: "a\\nb"\n', "line 2: region"),
        ("limits: {connections: 0}\n", "line 2: limits.*connections is 0"),
        ("limits: {connections: yes}\n", "line 2: limits.*neither true nor false"),
        ("limits: {conections: 1}\n", "line 2: limits.conections"),
        ("lure: {extensions: 9-1}\n", "line 2: lure.*begins with the greater number"),
        ("report: {url: 'http://198.51.100.1'}\n", "line 2: report.*has no TLS"),
        ("timers: {challenge: 0}\n", "line 2: timers: the timer challenge"),
        ("throttle: {rates: {second: -1}}\n", "line 2: throttle"),
        ("memory: {proofs: 0}\n", "line 2: memory"),
        ("tls: {certificate: a.pem}\n", "line 2: tls.key"),
    ],
)
def test_what_is_wrong_names_its_line(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        load(tmp_path, text)


def test_what_a_section_does_not_name_stays_a_honeypots(tmp_path: Path) -> None:
    settings = load(tmp_path, "timers: {bye: 9}\nmemory: {calls: 7}\nthrottle: {first: 50}\n")
    assert (settings.timers.bye, settings.timers.challenge) == (9, TIMERS.challenge)
    assert (settings.memory.calls, settings.memory.proofs) == (7, MEMORY.proofs)
    assert (settings.throttle.first, settings.throttle.rates) == (50, THROTTLE.rates)


@pytest.mark.parametrize(
    "listen", ["[]", "['5060']", "['udp:localhost:5060']", "['sctp:1.1.1.1:1']"]
)
def test_where_nobody_can_listen(listen: str, tmp_path: Path) -> None:
    file = tmp_path / "honeypot.yaml"
    file.write_text(f"name: x\nlisten: {listen}\n")
    with pytest.raises(InputError, match="line 2: listen"):
        load_honeypot(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"can't read .*none\.yaml: no such file"):
        load_honeypot(tmp_path / "none.yaml")


def test_relative_paths_begin_at_the_files_folder(tmp_path: Path) -> None:
    own = "title: mine\nsoftware: PBX 1\nallow: [INVITE]\nrealm: here\nextensions: 100-101\n"
    (tmp_path / "mine.yaml").write_text(own)
    settings = load(
        tmp_path,
        "personality: mine.yaml\nsecret_file: s\ngeoip: /g.mmdb\ntls: {certificate: c, key: /k}\n"
        "report: {url: 'https://x', token_file: t, ca_file: ca}\n",
    )
    assert settings.secret_file == tmp_path / "s"
    assert settings.geoip == Path("/g.mmdb")
    assert settings.tls == TlsSettings(certificate=tmp_path / "c", key=Path("/k"))
    assert (settings.report.token_file, settings.report.ca_file) == (
        tmp_path / "t",
        tmp_path / "ca",
    )
    assert load_personality(settings).realm == "here"


def test_a_personality_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no personality .*asterix"):
        load_personality(load(tmp_path, "personality: asterix\n"))


def secret(folder: Path, text: str = "0123456789abcdef0123456789abcdef") -> Path:
    path = folder / "secret"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def test_one_secret_gives_all_honeypots_one_salt_and_each_its_own_nonces(tmp_path: Path) -> None:
    secret(tmp_path)
    one, again, other = (
        load_secrets(load(tmp_path, f"name: {name}\nsecret_file: secret\n"))
        for name in ("one", "one", "other")
    )
    assert one == again
    assert one.salt == other.salt
    assert one.lure != other.lure
    assert one.lure != one.salt
    secret(tmp_path, "another secret of the net's")
    assert load_secrets(load(tmp_path, "name: one\nsecret_file: secret\n")).salt != one.salt


def test_without_a_secret_each_start_has_its_own(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert load_secrets(settings) != load_secrets(settings)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    assert repr(load_secrets(load(tmp_path, ""))) == "Secrets(...)"


def test_a_secret_that_others_can_read_or_guess_is_refused(tmp_path: Path) -> None:
    settings = load(tmp_path, "secret_file: secret\n")
    secret(tmp_path, "short")
    with pytest.raises(InputError, match="less than 16 characters"):
        load_secrets(settings)
    secret(tmp_path).chmod(0o644)
    with pytest.raises(RingError, match="open to other users"):
        load_secrets(settings)


def test_certificates_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("one")
    other = authority.issue("other")[1]
    for files, reason in (
        ((certificate, tmp_path / "none"), "no such file"),
        ((certificate, other), "no pair"),
        ((certificate, certificate), "no pair"),
    ):
        tls = TlsSettings(certificate=files[0], key=files[1])
        settings = load(tmp_path, "").model_copy(update={"tls": tls})
        with pytest.raises(InputError, match=reason):
            load_tls(settings)
    context = load_tls(
        load(tmp_path, "").model_copy(update={"tls": TlsSettings(certificate=certificate, key=key)})
    )
    assert isinstance(context, ssl.SSLContext)
    with pytest.raises(InputError, match="no pair"):
        renew_tls(context, TlsSettings(certificate=certificate, key=other))
