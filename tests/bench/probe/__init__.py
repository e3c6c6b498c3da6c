"""How fast the SIP probe is, and beside what."""
