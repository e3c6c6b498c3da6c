"""What a live source refuses before it captures anything; needs no privilege."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from zt.errors import InputError
from zt.sip.live import LiveSource


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        ([], "no interface"),
        (["any", "lo"], "`any` and 1 more"),
        ([f"eth{number}" for number in range(65)], "too many"),
        (["nosuch0"], "no network interface nosuch0"),
        (["a-name-that-is-too-long"], "no network interface a-name"),
    ],
)
def test_interfaces_that_make_no_sense(interfaces: Sequence[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LiveSource(interfaces)


def test_an_unknown_interface_is_told_with_those_that_there_are() -> None:
    with pytest.raises(InputError) as caught:
        LiveSource(["nosuch0"])
    assert "lo" in caught.value.hint


def test_ports_are_looked_at_first() -> None:
    with pytest.raises(InputError, match="no ports"):
        LiveSource(["nosuch0"], ports=[])
