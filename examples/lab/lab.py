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
from concurrent.futures import Future, ThreadPoolExecutor
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
        if options.down:
            remove()
            return 0
        if network.existing():
            raise LabError("a lab is up already: end it first with --down")
        RUN.mkdir(exist_ok=True)
        tools.install_sipvicious()
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
    parser.add_argument("--out", type=Path, metavar="FILE.pcap", help="the capture")
    parser.add_argument("--truth", type=Path, metavar="FILE.json", help="the ground truth")
    parser.add_argument("--keep", action="store_true", help="leave namespaces and Kamailio up")
    parser.add_argument("--down", action="store_true", help="remove what --keep left, and end")
    options = parser.parse_args()
    if not options.down and not (options.out and options.truth):
        parser.error("--out and --truth are needed")
    return options


def perform(keep: bool) -> list[Record]:
    """Set everything up, play the plan, and take everything down again."""
    helpers: list[subprocess.Popen[bytes]] = []
    kept = False
    try:
        network.up()
        kamailio = server.start_kamailio()
        helpers.append(kamailio)
        tcpdump = server.start_capture()
        helpers.append(tcpdump)
        for user in USERS.values():
            if user.answers:
                name = f"phone-{user.name}"
                helpers.append(start(name, network.host(user.address), commands.listen(user)))
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
    going_on: list[Future[Record]] = []
    records: list[Record] = []
    with ThreadPoolExecutor(max_workers=32) as pool:
        for stage in stages:
            futures = [(phase, pool.submit(play_phase, phase)) for phase in stage]
            going_on += [future for phase, future in futures if phase.beside]
            records += [future.result() for phase, future in futures if not phase.beside]
        return records + [future.result() for future in going_on]


def play_phase(phase: Phase) -> Record:
    """Run one phase to its end and check that it went as planned."""
    began = time.time()
    process = start(phase.name, network.host(phase.source), phase.command)
    try:
        code = process.wait(timeout=STEP_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{phase.name} did not end, see {log(phase.name)}") from error
    finally:
        end(process)
    record = Record(phase, began, time.time(), code)
    say(f"{phase.kind:4} {phase.source:20} {record.end - began:5.1f} s  {phase.name}")
    printed = log(phase.name).read_text(encoding="utf-8", errors="replace")
    if code not in phase.codes or phase.prints not in printed:
        raise LabError(f"{phase.name} ended unexpectedly (code {code}), see {log(phase.name)}")
    return record


def deliver(records: list[Record], capture: Path, described: Path) -> None:
    """Put the capture and its ground truth where they were asked for."""
    shutil.copyfile(server.CAPTURE, capture)
    text = json.dumps(truth(records, tools.versions()), indent=1, ensure_ascii=True)
    described.write_text(text + "\n", encoding="ascii")
    say(f"wrote {capture} ({capture.stat().st_size} bytes) and {described}")


def remove() -> None:
    """Remove what an earlier run left up."""
    server.end_kept_kamailio()
    network.down()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
