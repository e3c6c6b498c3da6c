"""A polars frame in and out: encrypt a Parquet file's rows, and get the same frame back.

    python examples/frames.py ring.json sip-balanced events.parquet events.zt again.parquet

A row becomes an event, a column a field, a struct its fields below. Nulls, strings, booleans,
dates, datetimes, numbers (integers above 2**53 too), lists and structs come back as they were.
JSON has no NaN, no infinity, no bytes, durations or times of day, and decimals would become text:
a frame with those is refused. Columns of the scheme `drop` come back as nulls.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import polars as pl

from keys import KeysError, Ring
from zt.encoder import Decoder, Encoder
from zt.errors import InputError, IntegrityError, ZtError
from zt.profile import Profile, load_profile

SCALARS = (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.Categorical, pl.Enum, pl.Null)

SMALL = (pl.Int8, pl.Int16, pl.UInt8, pl.UInt16)  # polars reads no column of these from JSON


def has_json_form(dtype: pl.DataType | pl.datatypes.DataTypeClass) -> bool:
    """Whether JSON has a form for a type from which polars reads it again."""
    if isinstance(dtype, pl.Struct):
        return all(has_json_form(field.dtype) for field in dtype.fields)
    if isinstance(dtype, pl.List):
        return has_json_form(dtype.inner)
    return dtype.is_integer() or dtype.is_float() or isinstance(dtype, SCALARS)


def read_rows(text: bytes, schema: pl.Schema) -> pl.DataFrame:
    """The frame of lines of JSON; the schema says what JSON's types stand for."""
    small = pl.Schema((name, dtype) for name, dtype in schema.items() if dtype in SMALL)
    return pl.read_ndjson(text, schema={**schema, **dict.fromkeys(small, pl.Int64)}).cast(small)


def encrypt_frame(frame: pl.DataFrame, ring: Ring, profile: Profile, stream: str) -> list[bytes]:
    """The wire lines of a frame's rows; all of them, or none.

    Args:
        stream: a name of the frame's own; the same frame under the same name gives its events the
            same ids, and a store takes none of them twice.
    """
    if wrong := [name for name, dtype in frame.schema.items() if not has_json_form(dtype)]:
        raise InputError(f"JSON can't hold the columns {', '.join(wrong)}", "cast them first")
    text = frame.write_ndjson().encode()
    if not read_rows(text, frame.schema).equals(frame):
        raise InputError("JSON can't hold some values: NaN, infinity?", "make them null first")
    encoder = Encoder(ring, profile, stream=stream)
    wire = list(encoder.encrypt(text.splitlines(keepends=True)))
    if encoder.report.rejected:
        reason = f"{encoder.report.rejected} rows are no events"
        raise InputError(reason, "no column may be called zt, or stand there nested and dotted")
    return wire


def decrypt_frame(wire: Iterable[bytes], ring: Ring, schema: pl.Schema) -> pl.DataFrame:
    """The frame of wire lines, verified."""
    decoder = Decoder(ring)
    text = b"".join(msgspec.json.encode(event) + b"\n" for event in decoder.decrypt(wire))
    if decoder.report.rejected:
        raise IntegrityError(decoder.report.reason, "get the wire lines again")
    return read_rows(text, schema)


def main() -> int:
    """There and back."""
    parser = argparse.ArgumentParser(description="a Parquet file encrypted, and decrypted again")
    parser.add_argument("ring", type=Path, help="made by zt-keys init")
    parser.add_argument("profile", help="preset or YAML file")
    parser.add_argument("frame", type=Path, help="a Parquet file")
    parser.add_argument("wire", type=Path, help="written: what the cloud may see")
    parser.add_argument("again", type=Path, help="written: the frame, decrypted")
    given = parser.parse_args()
    try:
        ring, frame = Ring.open(given.ring), pl.read_parquet(given.frame)
        wire = encrypt_frame(frame, ring, load_profile(given.profile), stream=given.frame.name)
        given.wire.write_bytes(b"".join(wire))
        decrypt_frame(wire, ring, frame.schema).write_parquet(given.again)
    except (KeysError, ZtError) as error:
        sys.exit(error.diagnostics())
    except OSError as error:
        sys.exit(str(error))
    except pl.exceptions.PolarsError:  # its message may quote a value
        sys.exit(f"polars can't read or write {given.frame}, or what became of it")
    print(f"encrypted and decrypted {frame.height} rows", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
