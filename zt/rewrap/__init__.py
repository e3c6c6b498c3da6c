"""Rewrap: the history of retired epochs, encrypted again under the ring's active epoch."""

from zt.rewrap.rewrap import Estimate, Progress, Rewrap, RewrapReport, Stock

__all__ = ["Estimate", "Progress", "Rewrap", "RewrapReport", "Stock"]
