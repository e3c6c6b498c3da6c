"""Measures of the store in OpenSearch; see `tests.bench.opensearch.__main__`."""
