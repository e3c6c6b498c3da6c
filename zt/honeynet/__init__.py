"""The honeynet: honeypots that attackers fall for, and the collector that shares their addresses.

    sighting    what a honeypot tells the collector: the one thing both know
    honeypot    a SIP server that looks like a PBX and is none
    collector   keeps addresses for a week, and shares them by APIBAN's interface and other lists
    gathering   findings of jobs on honeypots' encrypted events, proven, as sightings
    told, outlets   what of them the collector knows already, and the way to it

Neither half imports the other.
"""
