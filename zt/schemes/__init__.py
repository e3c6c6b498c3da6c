"""Schemes: how a field's value is protected, one file each.

| scheme | for | what stands in the event |
|---|---|---|
| `clear`, `unsafe-clear` | time, type, method, status | the value |
| `det` | whatever is compared as a whole | a ciphertext |
| `uri` | SIP, SIPS and TEL URIs | a URI with encrypted host and user |
| `fpe` | phone numbers, long numeric ids | as many digits |
| `ip` | addresses | an address of the same family |
| `coarsen` | times, numbers | the value rounded down |
| `opaque` | everything else | nothing: it moves into the event's blob |
| `drop` | what should not leave | nothing |
"""
