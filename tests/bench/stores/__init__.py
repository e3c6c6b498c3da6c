"""Measures of stores; see `tests.bench.stores.__main__`."""
