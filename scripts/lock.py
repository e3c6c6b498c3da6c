"""Lock the dependencies with hashes into requirements/, without addresses of any index."""

import subprocess
import sys
from pathlib import Path

COMPILE = ["pip", "compile", "pyproject.toml", "requirements/build.in", "--upgrade"]
STYLE = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
QUIET = ["--no-annotate", "--no-header", "--quiet"]
RUN = "requirements/run.txt"
LOCKS = {
    RUN: [],
    "requirements/dev.txt": [
        *["--extra", "dev", "--extra", "geoip", "--extra", "honeynet", "--extra", "opensearch"],
        *["-c", RUN],
    ],
    "requirements/bench.txt": ["requirements/bench.in", "--extra", "opensearch", "-c", RUN],
}

uv = Path(sys.executable).with_name("uv")
for lock, options in LOCKS.items():
    subprocess.run([uv, *COMPILE, *STYLE, *QUIET, *options, "-o", lock], check=True)
