"""The store in an OpenSearch cluster. Imported only when such a store is opened.

Its client is an optional dependency, which whoever installs this product for DuckDB does without.
"""

from analytics.wire import StoreError

try:
    import opensearchpy as _client  # noqa: F401
except ModuleNotFoundError as missing:
    raise StoreError(
        "the client for OpenSearch is not installed here",
        "install it: pip install 'zt-analytics[opensearch]'",
    ) from missing
