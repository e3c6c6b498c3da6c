"""How fast the honeypot is, and the collector that shares what it finds."""
