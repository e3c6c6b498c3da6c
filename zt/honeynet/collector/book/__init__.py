"""The book of addresses, in one SQLite file.

book        the door: all that others call
model       the values that go in and out
guard       whose word makes an address one that is shared
schema, database   the tables, and connections to the file
taking, sharing, expiry   what honeypots report, what becomes of it, and when it goes
listing, figures   what is told of it
access      who may report and ask
"""
