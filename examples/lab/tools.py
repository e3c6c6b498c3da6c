"""What has to be installed, and which versions were."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys

from config import RUN, SIPVICIOUS
from errors import LabError
from processes import run

PACKAGES = {  # program -> Debian package
    "kamailio": "kamailio",
    "sipp": "sip-tester",
    "tcpdump": "tcpdump",
    "tshark": "tshark",
    "nft": "nftables",
    "ip": "iproute2",
    "ethtool": "ethtool",
}
VENV = RUN / "venv"


def check() -> None:
    """Fail early, and say what to do, where root or a program is missing."""
    if os.geteuid() != 0:
        raise LabError("network namespaces need root: run this with sudo")
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if missing:
        raise LabError(f"install first: apt-get install {' '.join(missing)}")


def install_sipvicious() -> None:
    """Install SIPVicious in a virtual environment of its own, unless it is there."""
    if sipvicious("svmap").exists():
        return
    try:
        run(sys.executable, "-m", "venv", "--clear", str(VENV))
        run(str(VENV / "bin" / "pip"), "install", "--quiet", SIPVICIOUS)
    except LabError as error:
        raise LabError(f"{error} (Debian: apt-get install python3-venv)") from error


def sipvicious(program: str) -> os.PathLike[str]:
    """Path of `svmap`, `svwar` or `svcrack`."""
    return VENV / "bin" / f"sipvicious_{program}"


def versions() -> dict[str, str]:
    """Version numbers of everything that took part."""
    asked = {
        "kamailio": ("kamailio", "-v"),
        "sipp": ("sipp", "-v"),
        "tcpdump": ("tcpdump", "--version"),
        "tshark": ("tshark", "--version"),
        "nftables": ("nft", "--version"),
        "iproute2": ("ip", "-V"),
    }
    found = {name: first_version(command) for name, command in asked.items()}
    found["sipvicious"] = SIPVICIOUS.partition("==")[2]
    found["python"] = platform.python_version()
    return found


def first_version(command: tuple[str, ...]) -> str:
    """The first version number that a program prints about itself (sipp exits 99 after it)."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    match = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return match.group() if match else "unknown"
