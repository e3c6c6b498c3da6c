"""A SIP security lab in network namespaces: a real server, ordinary users, real attack tools.

    sudo python3 examples/lab/lab.py --out demo.pcap --truth demo.truth.json

It records what passes the server's interface, and writes down who was who. Nothing leaves the
machine, and everything it set up is removed at the end, after a failure too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import commands
import network
import server
import tools
from config import RUN, USERS
from errors import LabError
from plan import Phase, plan
from processes import STEP_SECONDS, end, log, start
from truth import Record, truth


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` still runs
    try:
        tools.check()
        RUN.mkdir(exist_ok=True)
        if options.down:
            remove()
        elif options.play:
            replay(options.play)
        else:
            records = perform(options.keep)
            deliver(records, options.out, options.truth)
    except LabError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, metavar="FILE.pcap", help="write the capture there")
    parser.add_argument("--truth", type=Path, metavar="FILE.json", help="write the ground truth")
    parser.add_argument("--keep", action="store_true", help="leave namespaces and Kamailio up")
    parser.add_argument("--play", metavar="PHASE", help="play one phase in a lab that is kept up")
    parser.add_argument("--down", action="store_true", help="remove a lab that was kept up")
    options = parser.parse_args()
    if not any(vars(options).values()):
        parser.error("nothing to do: give --out and --truth, or see --help")
    return options


def perform(keep: bool) -> list[Record]:
    """Set everything up, play the plan, and take everything down again."""
    if network.existing():
        raise LabError("a lab is up already: remove it first with --down")
    tools.install_sipvicious()
    helpers: list[subprocess.Popen[bytes]] = []
    kept = False
    try:
        network.up()
        kamailio = server.start_kamailio()
        helpers.append(kamailio)
        tcpdump = server.start_capture()
        helpers.append(tcpdump)
        for role, user in USERS.items():
            if user.answers:
                host = network.host(user.address)
                helpers.append(start(f"{role}-phone", host, commands.listen(user)))
        records = play(plan())
        time.sleep(1)  # the last answers
        end(tcpdump, signal.SIGINT)
        if keep:
            helpers.remove(kamailio)
            kept = True
            say(f"left up: namespaces {network.PREFIX}*, kamailio with pid {kamailio.pid}")
        return records
    finally:
        for process in reversed(helpers):
            end(process)
        if not kept:
            network.down()


def play(stages: list[list[Phase]]) -> list[Record]:
    """Run the stages one after the other; returns the record of every phase."""
    running: list[subprocess.Popen[bytes]] = []
    beside: list[Future[Record]] = []
    records: list[Record] = []
    with ThreadPoolExecutor(max_workers=32) as pool:
        try:
            for stage in stages:
                if stage is stages[-1]:
                    wait(beside)
                futures = [(phase, pool.submit(play_phase, phase, running)) for phase in stage]
                beside += [future for phase, future in futures if phase.beside]
                records += [future.result() for phase, future in futures if not phase.beside]
            return records + [future.result() for future in beside]
        except BaseException:  # also Ctrl-C: the pool waits for its threads, they for these
            for process in running:
                end(process)
            raise


def play_phase(phase: Phase, running: list[subprocess.Popen[bytes]]) -> Record:
    """Run one phase to its end and check that it went as planned."""
    began = time.time()
    process = start(phase.name, network.host(phase.source), phase.command)
    running.append(process)
    try:
        code = process.wait(timeout=STEP_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{phase.name} did not end, see {log(phase.name)}") from error
    finally:
        end(process)
    record = Record(phase, began, time.time())
    say(f"{phase.kind:4} {phase.source:18} {record.end - began:5.1f} s  {phase.name}")
    printed = log(phase.name).read_text(encoding="utf-8", errors="replace")
    if code not in phase.codes or phase.prints not in printed:
        raise LabError(f"{phase.name} went wrong (exit code {code}), see {log(phase.name)}")
    return record


def replay(name: str) -> None:
    """Play one phase of the plan in a lab that was left up."""
    if not network.existing():
        raise LabError("no lab is up: start one with --keep")
    phases = {phase.name: phase for stage in plan() for phase in stage}
    if name not in phases:
        raise LabError(f"no phase is called {name!r}; there are: {', '.join(sorted(phases))}")
    play([[phases[name]]])


def deliver(records: list[Record], capture: Path | None, described: Path | None) -> None:
    """Put the capture and its ground truth where they were asked for."""
    if capture:
        shutil.copyfile(server.CAPTURE, capture)
        say(f"wrote {capture} ({capture.stat().st_size} bytes)")
    if described:
        text = json.dumps(truth(records, tools.versions()), indent=1)
        described.write_text(text + "\n", encoding="ascii")
        say(f"wrote {described}")


def remove() -> None:
    """Remove what an earlier run left up."""
    server.end_kept_kamailio()
    network.down()


def say(line: str) -> None:
    """Prose goes to stderr, a line at once, because phases end side by side."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
