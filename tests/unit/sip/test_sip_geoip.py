"""Places of addresses, from a small MaxMind file that the test makes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from support.sip_dialogs import exchange
from support.sip_packets import AGENT, OTHER_PHONE, PHONE, SERVER, datagram

from zt.errors import InputError
from zt.sip import Event, Probe
from zt.sip.geoip import Places

RECORDS: dict[str, Any] = {
    PHONE: {"country": {"iso_code": "DE"}, "city": {"geoname_id": 2_950_159}},
    SERVER: {"country": {"iso_code": "AT"}},
    "2001:db8::5": {"country": {"iso_code": "FR"}},
    OTHER_PHONE: {"country": "not an object", "city": {"geoname_id": "no number"}},
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    for address, record in RECORDS.items():
        writer.insert_network(IPSet([address]), record)
    path = tmp_path / "places.mmdb"
    writer.to_db_file(str(path))
    return path


def located(places: Places | None, client: str = PHONE, server: str = SERVER) -> Event:
    probe = Probe(AGENT, places=places)
    steps = exchange(0, "MESSAGE", 404, client=client, server=server)
    (event,) = [event for step in steps for event in probe.feed(datagram(*step))]
    return event


def test_events_say_where_both_ends_are(database: Path) -> None:
    assert located(Places(database))["geoip"] == {
        "src": {"iso_code": "DE", "city_id": "2950159"},
        "dst": {"iso_code": "AT"},
    }


def test_ipv6_has_places_too(database: Path) -> None:
    assert located(Places(database), "2001:db8::5", "2001:db8::6")["geoip"] == {
        "src": {"iso_code": "FR"}
    }


def test_what_is_unknown_or_odd_says_nothing(database: Path) -> None:
    assert "geoip" not in located(Places(database), OTHER_PHONE, "192.0.2.1")


def test_without_a_file_there_are_no_places() -> None:
    assert "geoip" not in located(None)


def test_what_a_user_does_to_one_event_changes_no_other(database: Path) -> None:
    places = Places(database)
    located(places)["geoip"]["src"]["iso_code"] = "XX"
    assert located(places)["geoip"]["src"]["iso_code"] == "DE"


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.mmdb: No such file"):
        Places(tmp_path / "no.mmdb")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.mmdb"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(InputError, match="not a MaxMind database"):
        Places(path)


def test_a_damaged_file_stops_nothing(database: Path) -> None:
    data = bytearray(database.read_bytes())
    for position in range(0, len(data), 7):
        broken = data.copy()
        broken[position] ^= 0xFF
        database.write_bytes(broken)
        try:
            places = Places(database)
        except InputError:
            continue
        for address in (PHONE, SERVER, "192.0.2.1", "2001:db8::5"):
            assert isinstance(places.place(address), dict)


def test_a_missing_package_is_said_so(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(InputError) as caught:
        Places(database)
    assert "zt-analytics[geoip]" in caught.value.hint
