"""The cloud: stores, groups, counts, searches and runs detections on ciphertext it cannot read.

Nothing in this package holds a key or imports a cipher; import-linter and
`tests/unit/test_trust_boundary.py` hold it to that.
"""
