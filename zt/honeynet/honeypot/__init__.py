"""A SIP server that looks like a PBX and is none: it places no call and relays nothing."""
