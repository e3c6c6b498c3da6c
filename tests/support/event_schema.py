"""Every event that any test makes is compared with the schema, whatever the test is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from zt.sip import Event, Probe
from zt.sip.schema import schema

VALIDATOR = jsonschema_rs.Draft202012Validator(schema())


def violations(event: Event) -> list[str]:
    """What is wrong with an event, or nothing."""
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in VALIDATOR.iter_errors(event)
    ]


@pytest.fixture(autouse=True, scope="session")
def _every_event_is_valid() -> Iterator[None]:
    """Checks what probes give, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("feed", "advance", "finish"):
            patch.setattr(Probe, name, _checked(getattr(Probe, name)))
        yield


def _checked(method: Any) -> Any:
    def run(probe: Probe, *arguments: Any, **named: Any) -> list[Event]:
        events: list[Event] = method(probe, *arguments, **named)
        for event in events:
            assert not (found := violations(event)), (found, event)
        return events

    return run
