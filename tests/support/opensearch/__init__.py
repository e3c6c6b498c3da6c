"""A real OpenSearch for tests: fetched once, started on ports of its own, never left behind."""

from support.opensearch.cluster import Cluster
from support.opensearch.distribution import UnavailableError
from support.opensearch.node import Node

__all__ = ["Cluster", "Node", "UnavailableError"]
