"""Running the command lines within the test's own process: dozens of commands take a second."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from analytics.cli.root import app as analytics
from support.commands import Result
from zt.cli.keys import app as keys
from zt.cli.root import app as zt

APPS = {"zt": zt, "zt-keys": keys, "zt-analytics": analytics}


def call(*command: str | Path, stdin: bytes = b"") -> Result:
    """As `support.commands.run`, but without a process; an error that no user should see rises."""
    name, *arguments = map(str, command)
    done = CliRunner().invoke(APPS[name], arguments, input=stdin)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Result(done.exit_code, done.stdout_bytes, done.stderr)


def fine(*command: str | Path, stdin: bytes = b"") -> Result:
    """A command that must end with 0."""
    result = call(*command, stdin=stdin)
    assert result.code == 0, result.err
    return result
