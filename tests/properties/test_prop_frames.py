"""The frames example: a frame comes back as it was, or is refused."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from polars.testing import assert_frame_equal
from polars.testing.parametric import column, dataframes
from support.thorough import examples

from analytics.wire import parse_time
from examples.frames import decrypt_frame, encrypt_frame
from keys import Ring
from zt.errors import InputError
from zt.profile import Profile

PROFILE = Profile.model_validate(
    {
        "name": "frames",
        "time": "at",
        "fields": {"at": {"scheme": "clear", "kind": "time"}, "e*": {"scheme": "det"}},
    }
)
TYPES: list[pl.DataType | pl.datatypes.DataTypeClass] = [
    pl.Int64, pl.UInt64, pl.Int8, pl.UInt16, pl.Float64, pl.Float32, pl.Boolean, pl.String,
    pl.Date, pl.Datetime("us", "UTC"), pl.Datetime("ns"), pl.Datetime("ms"), pl.Categorical,
    pl.Enum, pl.Null, pl.List, pl.Struct,
]  # fmt: skip
FRAMES = dataframes(
    # encrypted, hidden in the blob: what comes back must not depend on the scheme
    cols=[column("e1"), column("e2"), column("hidden")],
    max_size=6,
    allowed_dtypes=TYPES,
    allow_infinity=False,
    allow_nan=False,
)


@settings(max_examples=examples(60))
@given(frame=FRAMES)
def test_a_frame_comes_back_as_it_was(shared_ring: Ring, frame: pl.DataFrame) -> None:
    wire = encrypt_frame(frame, shared_ring, PROFILE, "frame")
    assert_frame_equal(decrypt_frame(wire, shared_ring, frame.schema), frame, check_exact=True)


@pytest.mark.parametrize(
    "column",
    [
        [float("nan")], [float("inf")], [[1.0, float("nan")]], [b"bytes"], [{"deep": b"bytes"}],
        [Decimal("1.10")], [timedelta(1)], [time(1)], [[time(1)]],
    ],
)  # fmt: skip
def test_what_json_has_no_form_for_is_refused(shared_ring: Ring, column: list[object]) -> None:
    """Rather than become null, or text, on the way."""
    with pytest.raises(InputError, match="JSON can't hold"):
        encrypt_frame(pl.DataFrame({"a": column}), shared_ring, PROFILE, "frame")


@pytest.mark.parametrize("columns", [{"zt": [1]}, {"a.b": [1], "a": [{"b": 1}]}])
def test_rows_that_are_no_events_are_refused(
    shared_ring: Ring, columns: dict[str, list[object]]
) -> None:
    with pytest.raises(InputError, match="1 rows are no events"):
        encrypt_frame(pl.DataFrame(columns), shared_ring, PROFILE, "frame")


def test_a_datetime_is_a_time_to_the_cloud(shared_ring: Ring) -> None:
    """polars spells it otherwise than the probe does; stores must understand it."""
    moment = datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)
    for zone in ("UTC", "Europe/Berlin"):
        frame = pl.DataFrame({"at": [moment]}).with_columns(pl.col("at").dt.convert_time_zone(zone))
        wire = encrypt_frame(frame, shared_ring, PROFILE, "frame")
        at = pl.read_ndjson(wire[-1])["at"].cast(pl.String)[0]
        assert parse_time(at) == moment.timestamp() * 1_000_000
