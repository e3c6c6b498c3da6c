"""Hunting: which addresses of a list ever touched the customer, without showing the list to anyone.

entries    one entry of a list: an address, a network, a range
listing    the entries of a list, to be asked for an address
reading    lists as files spell them: lines, CSV, ipset, nftables, JSON
fetching   lists of files, of web servers, and of servers that speak APIBAN's interface
hunt       the question, which is the same for every list, and the match at the edge
"""
