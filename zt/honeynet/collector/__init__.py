"""The collector: takes sightings of many honeypots, and shares the addresses of attackers."""
