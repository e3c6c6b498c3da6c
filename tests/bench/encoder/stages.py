"""Where the time of an encryption goes, stage by stage.

Update `RULES` when code moves: a test checks that each still names something.
"""

from __future__ import annotations

from ..sampling import Profile, Rule

READ = "read and parse"
IDS = "event ids"
WALK = "shapes and columns"
VALUES = "distinct values: find, keep"
CIPHERS = "schemes and ciphers"
TOKENS = "search tokens"
RECORDS = "records and headers"
BLOB = "opaque blob"
SEAL = "seal"
WRITE = "put lines together"
STAGES = (READ, IDS, WALK, VALUES, CIPHERS, TOKENS, RECORDS, BLOB, SEAL, WRITE)

RULES = (  # the first that fits a frame
    Rule(READ, "zt/encoder/input.py"),
    Rule(READ, "zt/encoder/encrypt.py", "LineEncoder._read"),
    Rule(READ, "zt/encoder/encrypt.py", "_Places"),
    Rule(IDS, "zt/encoder/event_id.py"),
    Rule(WALK, "zt/encoder/batch.py"),
    Rule(WALK, "zt/encoder/shapes.py"),
    Rule(WALK, "zt/encoder/layout.py"),
    Rule(WALK, "zt/encoder/derived.py"),
    Rule(BLOB, "zt/encoder/group.py", "_hidden"),
    Rule(BLOB, "zt/encoder/group.py", "Group._blobs"),
    Rule(WALK, "zt/encoder/group.py", "Group.__init__"),
    Rule(WALK, "zt/encoder/group.py", "Group._ask"),
    Rule(WALK, "zt/encoder/group.py", "Group._derive"),
    Rule(WRITE, "zt/encoder/group.py"),
    Rule(VALUES, "zt/encoder/made.py"),
    Rule(WALK, "zt/encoder/plan.py", "Plan"),
    Rule(CIPHERS, "zt/encoder/fields.py", "FieldPlan"),
    Rule(CIPHERS, "zt/schemes/det.py", "Det"),
    Rule(CIPHERS, "zt/schemes/fpe.py"),
    Rule(CIPHERS, "zt/schemes/ip.py"),
    Rule(CIPHERS, "zt/schemes/uri.py"),
    Rule(CIPHERS, "zt/schemes/coarsen.py"),
    Rule(CIPHERS, "zt/crypto/ff1_column.py"),
    Rule(CIPHERS, "zt/crypto/ipcrypt_pfx.py"),
    Rule(TOKENS, "zt/schemes/search.py"),
    Rule(TOKENS, "zt/crypto/gram.py"),
    Rule(TOKENS, "zt/crypto/tokens.py"),
    Rule(TOKENS, "zt/crypto/fold.py"),
    Rule(RECORDS, "zt/encoder/fields.py", "Dictionary"),
    Rule(RECORDS, "zt/encoder/seal.py", "ValueTag"),
    Rule(RECORDS, "zt/encoder/seal.py", "HeaderTag"),
    Rule(RECORDS, "zt/encoder/writer.py"),
    Rule(BLOB, "zt/schemes/opaque.py"),
    Rule(SEAL, "zt/encoder/seal.py", "EventSeal"),
)


def profile() -> Profile:
    """A profile of no samples yet."""
    return Profile(RULES, STAGES)
