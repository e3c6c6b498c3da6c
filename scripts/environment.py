"""Make a virtual environment and install what is locked; called by the Makefile.

    python3 scripts/environment.py run|dev|bench

Other products that benchmarks compare with stand in .venv-bench alone, all else in .venv.

Written in the syntax of old Pythons too, so that these can say that they are too old.
"""

import hashlib
import os
import subprocess
import sys

OLDEST = (3, 11)


def stop(message):
    """End with a message for people."""
    sys.stderr.write(message + "\n")
    sys.exit(1)


if sys.version_info < OLDEST:
    stop(
        "Python %d.%d or later is needed, this is %d.%d\n"
        "  install a newer one, then: make PYTHON=python3.12 demo"
        % (OLDEST + tuple(sys.version_info[:2]))
    )
try:
    import ensurepip  # noqa: F401  # what Debian leaves out of its python3
    import venv
except ImportError:
    stop(
        "this Python lacks its venv module\n"
        "  install it (Debian and Ubuntu: apt-get install python3-venv), then try again"
    )

from pathlib import Path  # noqa: E402  # not in all the Pythons that must get here

FOLDERS = {"run": Path(".venv"), "dev": Path(".venv"), "bench": Path(".venv-bench")}
SERVES = {  # an environment for development runs, too
    "run": ("run", "dev"),
    "dev": ("dev",),
    "bench": ("bench",),
}


def lock_of(kind):
    """The lock file of a kind of environment."""
    return Path("requirements") / (kind + ".txt")


def stamp_of(kind):
    """The file that says what was installed."""
    return FOLDERS[kind] / (".installed-" + kind)


def wanted(kind):
    """What the stamp of an environment that is up to date says."""
    content = lock_of(kind).read_bytes() + Path("pyproject.toml").read_bytes()
    return hashlib.sha256(content).hexdigest()


def is_installed(kind):
    """Whether this kind of environment is there as it is locked now."""
    return stamp_of(kind).exists() and stamp_of(kind).read_text() == wanted(kind)


def install(kind):
    """Install what is locked, then the product itself."""
    folder = FOLDERS[kind]
    sys.stderr.write("installing into %s ...\n" % folder)
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(str(folder), with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for arguments in (
        ["--use-pep517", "--require-hashes", "--requirement", str(lock_of(kind))],
        ["--no-deps", "--no-build-isolation", "--editable", "."],
    ):
        if subprocess.call(pip + arguments, env=dict(os.environ, PIP_NO_INPUT="1")):
            stop("the installation failed; see the messages above\n  is PyPI reachable from here?")
    stamp_of(kind).write_text(wanted(kind))


if __name__ == "__main__":
    if not any(map(is_installed, SERVES[sys.argv[1]])):
        install(sys.argv[1])
