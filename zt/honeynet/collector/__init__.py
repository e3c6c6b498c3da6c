"""The collector: takes sightings of many honeypots, and shares the addresses of attackers.

book        what is known of addresses, in one SQLite file, and whom to believe
web         HTTP: APIBAN's interface, other lists, and what honeypots report
page        the front page
settings    what a collector can be told
"""
