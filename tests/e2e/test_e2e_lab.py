"""The lab live: fresh traffic of real servers and attack tools, and blocks in a real firewall.

Needs root and Debian's packages; everything happens in network namespaces made here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.commands import run
from support.house import House, build, policy_run

LAB = Path(__file__).parents[2] / "examples" / "lab" / "lab.py"
TOOLS = ("kamailio", "sipp", "tcpdump", "tshark", "nft", "ip", "ethtool")

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]) -> House:
    """The whole way on traffic that the lab makes now."""
    require(os.geteuid() == 0, "the lab needs root for its network namespaces")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    require(not missing, f"the lab needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("lab")
    capture, truth = folder / "live.pcap", folder / "live.truth.json"
    done = subprocess.run(
        [sys.executable, LAB, "--out", capture, "--truth", truth],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return build(folder, capture, truth)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace of this test."""
    name = f"zt-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


def test_fresh_attackers_are_blocked_and_no_user_is(live: House) -> None:
    code, decision, said = policy_run(live)
    assert (code, said) == (0, "")
    assert {block["address"] for block in decision["blocks"]} == set(live.truth["attackers"])


def test_the_printed_commands_block_in_a_real_firewall(live: House, namespace: str) -> None:
    command = ["zt", "policy", "run", "--dry-run", "--at", live.end]
    script = run(*command, "-k", live.ring, "-s", live.store).out
    nft = ["ip", "netns", "exec", namespace, "nft"]
    for _ in range(2):  # a second run refreshes the blocks instead of failing
        subprocess.run([*nft, "-f", "-"], input=script, check=True)
    blocked: set[str] = set()
    for name in ("block4", "block6"):
        listed = subprocess.run(
            [*nft, "-j", "list", "set", "inet", "zt", name], capture_output=True, check=True
        )
        content = json.loads(listed.stdout)["nftables"][1]["set"]
        blocked |= {element["elem"]["val"] for element in content["elem"]}
    assert blocked == set(live.truth["attackers"])
