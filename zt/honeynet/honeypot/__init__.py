"""A SIP server that looks like a PBX and is none: it places no call and relays nothing.

listen      sockets of UDP, TCP and TLS, and the limits that strangers can't move
lure        what is answered, so that attackers take it for a PBX and stay
tell        what is remembered: events of the probe's schema, and sightings for the collector
settings    what a honeypot can be told
run         all of this together
"""
