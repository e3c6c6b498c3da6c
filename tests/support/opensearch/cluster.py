"""Several nodes of one cluster, for tests in which one of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from support.opensearch.node import QUICK, Node


class Cluster:
    """A node that manages the cluster and holds data, and others that hold data only.

    `nodes[0]` is the manager: while it is down, so is the cluster. The others may be killed.
    Nodes find each other by addresses on loopback; nothing is broadcast.

    Args:
        nodes: how many there are together.
        settings: of opensearch.yml, for all of them.
        heap, java: of each; see `Node`.
    """

    def __init__(
        self,
        nodes: int = 2,
        settings: Mapping[str, Any] | None = None,
        *,
        heap: str = "512m",
        java: str = QUICK,
    ) -> None:
        self._count = nodes
        self._settings = {"cluster.name": "zt-test", **(settings or {})}
        self._memory, self._java = heap, java
        self.nodes: list[Node] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The manager's address."""
        return self.nodes[0].url

    @property
    def urls(self) -> list[str]:
        """Every node's address, the manager's first."""
        return [node.url for node in self.nodes]

    def wait(self) -> None:
        """Wait until all nodes have joined (again)."""
        for node in self.nodes:
            node.wait(self._count)

    def close(self) -> None:
        """Stop all nodes, the manager last, and remove all of them."""
        while self.nodes:
            self.nodes.pop().close()

    def _start(self) -> None:
        manager = self._add(
            "manager",
            ["cluster_manager", "data", "ingest"],
            {"cluster.initial_cluster_manager_nodes": ["manager"], "discovery.seed_hosts": []},
        )
        manager.start()
        for number in range(1, self._count):
            self._add(f"data-{number}", ["data"], {"discovery.seed_hosts": [manager.transport]})
        for node in self.nodes[1:]:
            node.spawn()
        self.wait()

    def _add(self, name: str, roles: list[str], settings: Mapping[str, Any]) -> Node:
        named = {"node.name": name, "node.roles": roles}
        node = Node(
            {**self._settings, **named, **settings},
            heap=self._memory,
            java=self._java,
            alone=False,
        )
        self.nodes.append(node)
        return node
