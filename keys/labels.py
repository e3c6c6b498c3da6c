"""Every label that separates one derived key from another, with the reason for each.

Two uses of one key are safe only while no input of the one can be an input of the other, so no
key here serves two purposes. A label never changes; a new construction gets a new one.
"""

from __future__ import annotations

SALT = b"zt/v1"
"""HKDF salt of every derivation: separates this product's keys from any other use of a root."""

# --- from a root ---------------------------------------------------------------------------

KID = b"kid"
"""Names an epoch in four public bytes; derived, so that a ring can't mislabel its roots."""

KCV = b"kcv"
"""Public proof of which root a ring holds: 32 bytes that reveal nothing of the root."""

KEYSPACE = b"keyspace"
"""Gives each keyspace a key of its own: handing out one opens no other."""

# --- from a keyspace key: LP(purpose) LP(params) LP(length) --------------------------------

DET = b"det"
"""AES-SIV of values that the cloud compares for equality."""

URI = b"uri"
"""AES-SIV of the host and the user of URIs: apart from DET, whose plaintexts have another form."""

FPE = b"fpe"
"""FF1 (AES-256) of digits. The tweak separates keyspaces once more, and clear prefixes."""

IP = b"ip"
"""FF1 (AES-256) of addresses; the tweak holds the family."""

PFX = b"pfx"
"""ipcrypt-pfx of addresses: two AES-128 keys, one behind the other."""

OPAQUE = b"opaque"
"""AES-SIV of an event's opaque blob; in the keyspace `zt:event`."""

SEAL = b"seal"
"""MAC over an event; in the keyspace `zt:seal`."""

HEADER_TAG = b"header-tag"
"""MAC over a batch header; in the keyspace `zt:seal`."""

VALUE_TAG = b"value-tag"
"""MAC over a value record; in the value's own keyspace, so who may read may also check it."""

GRAM = b"gram"
"""Blind tokens of three-character pieces of a text."""

PREFIX = b"prefix"
"""Blind tokens of the first digits of a number."""

WHOLE = b"whole"
"""Blind tokens of whole texts, folded."""

NET = b"net"
"""Blind tokens of the networks that hold an address."""

CHECK = b"check"
"""Public proof of which keyspace key a reader ring holds: 32 bytes that reveal nothing of it."""

# --- reserved keyspaces: no profile may name them ------------------------------------------

RESERVED_PREFIX = "zt:"
EVENT_KEYSPACE = "zt:event"
SEAL_KEYSPACE = "zt:seal"
PROFILE_KEYSPACE = "zt:profile"

# --- from the tenant's id key, which does not rotate ---------------------------------------

EVENT_ID = b"event-id"
"""Ids of events: the same event resent after a rotation must keep its id."""

PROFILE_ID = b"profile-id"
"""The keyed name of a profile: tells the cloud which events share one, not what it says."""

JOB_VERSION = b"job-version"
"""The keyed version of a detection job before it was compiled."""

# --- from a provider's wrapping key --------------------------------------------------------

RING_WRAP = b"ring-wrap"
"""AES-SIV that wraps roots and the tenant's id key in the ring file."""

RING_MAC = b"ring-mac"
"""MAC over the whole ring file: states and generation can't be altered without the provider."""
