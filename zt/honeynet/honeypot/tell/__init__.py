"""Telling: what a honeypot saw, as events for a store and as sightings for the collector.

recorder        both directions of the traffic, through the probe's rules
credentials     what was tried, as salted hashes
sightings       who did what, added up
reporting, posting, report_settings   sightings on their way to the collector
"""
