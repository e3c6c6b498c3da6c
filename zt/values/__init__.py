"""What the texts of fields mean: URIs, addresses and numbers, parsed and in canonical form.

Two spellings of one thing have one canonical form. Schemes encrypt that form, so that both are
one group; the spelling itself travels in the event's opaque blob. Canonical forms are part of
the formats (docs/formats.md): a change here changes ciphertexts.
"""
