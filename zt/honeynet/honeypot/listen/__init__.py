"""Listening: messages of strangers come in, replies go out, and neither beyond its limits.

server, endpoints   what listens where
udp                 datagrams
streams, stream, framing, connections   TCP and TLS
desk                each message and each reply passes here: who is answered, and how much
trust               who has proven that an address is theirs
sources             who is never answered
buckets, pending, limits, counters   rates, replies that wait, and what bounds and counts them
partners            what the lure and the recorder must offer
"""
