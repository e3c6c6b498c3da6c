"""Sightings reach the collector once, whatever happens on the way; the token goes nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.certificates import Authority
from support.honeypot_collector import ScriptedCollector, collecting
from support.shipping import until
from support.sip_packets import START, packed

from keys.errors import RingError
from zt.errors import InputError, WorkerError
from zt.honeynet.honeypot.tell.posting import PATH, Mailbox
from zt.honeynet.honeypot.tell.report_settings import ReportSettings, read_token
from zt.honeynet.honeypot.tell.reporting import Reporter
from zt.honeynet.honeypot.tell.sightings import Sightings
from zt.honeynet.sighting import MAX_SIGHTINGS, Kind

TOKEN = "a-token-that-nobody-may-see"


class Reporting:
    """A reporter at work, and what it said."""

    def __init__(self, url: str, folder: Path, authorities: Path | None = None) -> None:
        self.token_file = folder / "token"
        self.write_token(TOKEN)
        self.said: list[str] = []
        self.table = Sightings()
        settings = ReportSettings(url, self.token_file, authorities)
        self.reporter = Reporter(Mailbox(settings), self.table, self.said.append)

    def write_token(self, token: str) -> None:
        self.token_file.write_text(f"{token}\n")
        self.token_file.chmod(0o600)

    def see(self, *numbers: int, kind: Kind = Kind.SCAN) -> None:
        for number in numbers:
            address = packed("10.0.0.0")[:2] + number.to_bytes(2)
            self.table.add(address, kind, proven=True, moment=START, tool="")

    def wait_for_all(self) -> None:
        until(lambda: self.reporter.waiting == 0)


@contextmanager
def reporting(url: str, folder: Path, authorities: Path | None = None) -> Iterator[Reporting]:
    one = Reporting(url, folder, authorities)
    one.reporter.start()
    try:
        yield one
    finally:
        one.reporter.close(20)
        assert TOKEN not in "".join(one.said)


@pytest.fixture
def collector() -> Iterator[ScriptedCollector]:
    with collecting() as one:
        yield one


def addresses(collector: ScriptedCollector) -> list[str]:
    return sorted(one.address for one in collector.sightings())


def test_sightings_are_posted_with_the_token(collector: ScriptedCollector, tmp_path: Path) -> None:
    with reporting(collector.url, tmp_path) as one:
        one.see(1, 2)
        one.wait_for_all()
    assert addresses(collector) == ["10.0.0.1", "10.0.0.2"]
    assert {(post.path, post.token) for post in collector.posts} == {(PATH, TOKEN)}
    assert one.said == []


def test_batches_have_names_of_their_own_and_at_most_so_many(
    collector: ScriptedCollector, tmp_path: Path
) -> None:
    with reporting(collector.url, tmp_path) as one:
        one.see(*range(MAX_SIGHTINGS + 10))
        one.wait_for_all()
    sizes = [len(post.batch.sightings) for post in collector.posts]
    assert sum(sizes) == MAX_SIGHTINGS + 10
    assert max(sizes) <= MAX_SIGHTINGS
    names = [post.batch.batch for post in collector.posts]
    assert len(set(names)) == len(names) > 1
    with reporting(collector.url, tmp_path) as other:
        other.see(1)
        other.wait_for_all()
    assert collector.posts[-1].batch.batch not in names


def test_a_batch_is_sent_again_as_it_was_and_meanwhile_the_rest_is_added_up(
    collector: ScriptedCollector, tmp_path: Path
) -> None:
    collector.answers = [(503, {}), (500, {}), (429, {"Retry-After": "0"})]
    with reporting(collector.url, tmp_path) as one:
        one.see(1)
        until(lambda: len(collector.posts) > 0)
        for _ in range(5):
            one.see(2)
        until(lambda: len(collector.posts) > 3)
        one.wait_for_all()
        assert one.reporter.failures == 3
    assert len({post.body for post in collector.posts[:4]}) == 1
    assert [(each.address, each.count) for each in collector.sightings()] == [
        ("10.0.0.1", 1),
        ("10.0.0.2", 5),
    ]
    assert [text.partition("\n")[0] for text in one.said] == [
        "the collector answered 503",
        "the collector answered 500",
        "the collector answered 429",
        "the collector takes sightings again",
    ]


def test_a_collector_that_is_away_gets_them_when_it_is_there(tmp_path: Path) -> None:
    with collecting() as first:
        url = first.url
    with reporting(url, tmp_path) as one:
        one.see(1)
        until(lambda: one.reporter.failures > 0)
        assert one.reporter.waiting == 1
        assert "can't be reached: connection refused" in one.said[0]
        with collecting(port=int(url.rpartition(":")[2])) as back:
            one.wait_for_all()
        assert addresses(back) == ["10.0.0.1"]


def test_what_is_left_at_the_end_is_said(tmp_path: Path) -> None:
    with collecting() as first:
        url = first.url
    with reporting(url, tmp_path) as one:
        one.see(1, 2)
        until(lambda: one.reporter.failures > 0)
        one.see(3)
    assert one.said[-1] == "3 sightings are lost: the collector did not take them"


def test_what_waits_at_the_end_is_reported(collector: ScriptedCollector, tmp_path: Path) -> None:
    one = Reporting(collector.url, tmp_path)
    one.see(1)
    one.table.take(10)
    one.see(1)  # known, so that it could wait
    one.reporter.start()
    one.reporter.close(20)
    assert addresses(collector) == ["10.0.0.1"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_batch_that_is_refused_for_good_is_not_sent_again(
    status: int, collector: ScriptedCollector, tmp_path: Path
) -> None:
    collector.answers = [(status, {})]
    with reporting(collector.url, tmp_path) as one:
        one.see(1)
        until(lambda: one.reporter.refused == 1)
        one.see(2)
        one.wait_for_all()
    assert len(collector.posts) == 2
    assert f"for good ({status})" in one.said[0]


def test_a_wrong_token_is_said_and_a_new_one_is_used_at_once(
    collector: ScriptedCollector, tmp_path: Path
) -> None:
    collector.answers = [(401, {})]
    with reporting(collector.url, tmp_path) as one:
        one.see(1)
        until(lambda: one.reporter.failures > 0)
        one.write_token("the-right-one")
        one.reporter.reload()
        one.wait_for_all()
    assert [post.token for post in collector.posts] == [TOKEN, "the-right-one"]
    assert "does not know this honeypot's token" in one.said[0]


def test_a_token_that_can_be_read_by_others_changes_nothing(
    collector: ScriptedCollector, tmp_path: Path
) -> None:
    with reporting(collector.url, tmp_path) as one:
        one.token_file.chmod(0o644)
        with pytest.raises(RingError, match="open to other users"):
            one.reporter.reload()
        one.see(1)
        one.wait_for_all()
    assert collector.posts[0].token == TOKEN


def test_no_redirect_is_followed(collector: ScriptedCollector, tmp_path: Path) -> None:
    with collecting() as elsewhere:
        collector.answers = [(307, {"Location": elsewhere.url + PATH})]
        with reporting(collector.url, tmp_path) as one:
            one.see(1)
            one.wait_for_all()
        assert elsewhere.posts == []
    assert len(collector.posts) == 2


def test_no_proxy_of_the_environment_gets_the_token(
    collector: ScriptedCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as proxy:
        for name in ("http_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with reporting(collector.url, tmp_path) as one:
            one.see(1)
            one.wait_for_all()
        assert proxy.posts == []


def test_tls_is_verified(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    with collecting(ours.issue("collector")) as collector:
        with reporting(collector.url, tmp_path, other.ca) as wrong:
            wrong.see(1)
            until(lambda: wrong.reporter.failures > 0 or len(collector.posts) > 0)
        assert "its certificate is not valid" in wrong.said[0]
        assert collector.posts == []
        with reporting(collector.url, tmp_path, ours.ca) as right:
            right.see(1)
            right.wait_for_all()
        assert len(collector.posts) == 1


def test_a_defect_is_not_passed_over(
    collector: ScriptedCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError(TOKEN)

    monkeypatch.setattr(Mailbox, "post", fail)
    with reporting(collector.url, tmp_path) as one:
        one.reporter.check()
        one.see(1)

        until(lambda: not one.reporter.is_alive)
        with pytest.raises(WorkerError, match="RuntimeError") as caught:
            one.reporter.check()
    assert TOKEN not in caught.value.diagnostics()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"url": "collector.example"}, "no address of a collector"),
        ({"url": "ftp://collector.example"}, "no address of a collector"),
        ({"url": "https://user:secret@collector.example"}, "no address of a collector"),
        ({"url": "https://collector.example/?key=1"}, "no address of a collector"),
        ({"url": "https://collector.example:0"}, "no address of a collector"),
        ({"url": "https://collector.example:99999"}, "no address of a collector"),
        ({"url": "https://"}, "no address of a collector"),
        ({"url": "https://a b"}, "no address of a collector"),
        ({"url": "http://collector.example"}, "has no TLS"),
        ({"url": "http://10.0.0.1:8080"}, "has no TLS"),
        ({"url": "https://collector.example", "token_file": None}, "asks for a token"),
        ({"never_report": ("10.0.0.0/33",)}, "neither an address nor a network"),
    ],
)
def test_settings_that_can_not_be_meant_are_refused(
    settings: dict[str, object], reason: str
) -> None:
    make: Callable[..., ReportSettings] = ReportSettings
    with pytest.raises(InputError, match=reason):
        make(**{"token_file": Path("token"), **settings})


@pytest.mark.parametrize(
    "url",
    [
        "https://collector.example",
        "https://[2001:db8::1]:8443/behind/",
        "http://127.0.0.1:8080",
        "http://[::1]:1",
        "http://localhost",
    ],
)
def test_settings_that_are_right(url: str) -> None:
    assert ReportSettings(url, Path("token")).url == url


def test_a_way_without_tls_can_be_asked_for() -> None:
    assert ReportSettings("http://10.0.0.1", Path("token"), unsafe_http=True).url


@pytest.mark.parametrize("text", [b"", b"\nx", b"two words", b"\xff" * 9, b"x" * 5_000, b"a\x1bb"])
def test_what_is_no_token(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(InputError, match="is no token") as caught:
        read_token(ReportSettings("https://x", path))
    quoted = re.sub(re.escape(str(tmp_path)), "", caught.value.diagnostics())
    assert "two words" not in quoted


def test_authorities_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token")
    (tmp_path / "token").chmod(0o600)
    for name, reason in (("none.pem", "no such file"), ("token", "it holds none")):
        settings = ReportSettings("https://x", tmp_path / "token", tmp_path / name)
        with pytest.raises(InputError, match=reason):
            Mailbox(settings)
