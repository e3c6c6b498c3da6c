"""Users' type checkers see our types: PEP 561, in the wheel as it is built."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
from collections.abc import Iterator
from pathlib import Path

from keys import KeysError, Ring, init_ring
from zt.encoder import Decoder, DecryptReject, Encoder, EncryptReport, Reject
from zt.errors import ZtError
from zt.profile import Profile, load_profile

ring: Ring = init_ring(Path("ring.json"), "acme", "file:ring.key")
profile: Profile = load_profile("generic")
rejects: list[Reject] = []
encoder = Encoder(ring, profile, stream="s", on_reject=rejects.append, workers=2)
wire: Iterator[bytes] = encoder.encrypt([b"{}"])
batches: Iterator[list[bytes]] = encoder.encrypt_batches([[b"{}"], []])
report: EncryptReport = encoder.report
failed: list[DecryptReject] = []
for event in Decoder(ring, on_reject=failed.append).decrypt(wire):
    value: object = event["field"]
try:
    Ring.open(Path("ring.json"))
except (KeysError, ZtError) as error:
    print(error.diagnostics(), error.hint, [r.line for r in rejects], [r.reason for r in failed])
"""

WRONG = """
from zt.encoder import Encoder

Encoder("ring.json", "generic")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and with the libraries of this one."""
    folder = tmp_path_factory.mktemp("typed")
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(built, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "site", with_pip=False, symlinks=True)
    (packages,) = (folder / "site" / "lib").glob("python*/site-packages")
    with ZipFile(wheel) as archive:
        archive.extractall(packages)
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def check(site: Path, program: str) -> subprocess.CompletedProcess[str]:
    (site / "program.py").write_text(program)
    python = site / "site" / "bin" / "python"
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)]
    return subprocess.run(
        [*command, "--config-file=", "program.py"],
        cwd=site, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_users_program_is_checked_against_the_installed_package(site: Path) -> None:
    """Right use passes `mypy --strict`; wrong use does not, so the types were really seen."""
    right = check(site, PROGRAM)
    assert right.returncode == 0, right.stdout
    wrong = check(site, WRONG)
    assert wrong.returncode == 1
    assert wrong.stdout.count("[arg-type]") == 2, wrong.stdout


@pytest.mark.parametrize("package", ["zt", "keys", "analytics"])
def test_each_package_says_that_it_is_typed(package: str, site: Path) -> None:
    assert list(site.glob(f"site/lib/python*/site-packages/{package}/py.typed"))
