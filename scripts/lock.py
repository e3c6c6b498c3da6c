"""Lock the dependencies with hashes into requirements/, without addresses of any index."""

import subprocess
import sys
from pathlib import Path

COMMAND = (
    "pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url "
    "--no-annotate --no-header --quiet --upgrade pyproject.toml requirements/build.in"
).split()
LOCKS = {
    "requirements/run.txt": [],
    "requirements/dev.txt": [
        "--extra",
        "dev",
        "--extra",
        "opensearch",
        "-c",
        "requirements/run.txt",
    ],
}

for lock, options in LOCKS.items():
    subprocess.run(
        [Path(sys.executable).with_name("uv"), *COMMAND, *options, "-o", lock], check=True
    )
