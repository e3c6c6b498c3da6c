"""The collector over HTTP.

app, protection, answers   the application, and what all its answers share
apiban, bwnoa, lists, formats   interfaces to addresses
submissions, intake   what honeypots report
admission, rates, sources   who may ask, how often, and from where
serving, listening, doorkeeper, connections   the process, its sockets and their limits
"""
