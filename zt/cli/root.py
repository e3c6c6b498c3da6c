"""The commands of `zt`."""

from __future__ import annotations

import typer

from zt.cli.codec import decrypt, encrypt, rejects
from zt.cli.count import count
from zt.cli.demo import demo
from zt.cli.findings import findings
from zt.cli.honeynet import app as honeynet_app
from zt.cli.honeypot import app as honeypot_app
from zt.cli.hunt import hunt
from zt.cli.jobs import app as jobs_app
from zt.cli.policy import app as policy_app
from zt.cli.probe import app as probe_app
from zt.cli.profile import app as profile_app
from zt.cli.runtime import command
from zt.cli.search import search
from zt.cli.top import top
from zt.cli.values import values

app = typer.Typer(
    name="zt",
    help="Security analytics on ciphertext: encrypt events, ask, detect and block.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(probe_app, name="probe")
app.add_typer(profile_app, name="profile")
for function in (encrypt, decrypt, rejects, search, top, count, values):
    command(app)(function)
app.add_typer(jobs_app, name="jobs")
command(app)(findings)
command(app)(hunt)
app.add_typer(policy_app, name="policy")
app.add_typer(honeypot_app, name="honeypot")
app.add_typer(honeynet_app, name="honeynet")
command(app)(demo)
