#!/usr/bin/env python3
"""Measures what is built from the primitives, and checks the targets.

    swift build -c release --package-path Benchmarks
    python3 Benchmarks/conveniences.py

`copy` and a hand-written loop run in turns, as do `broadcast` and tokio's; the others are compared with a
time. The figures are medians of CPU time per operation. tokio is built from peers/tokio, without a network
if Debian's packages of its crates are installed; if it cannot be built, the reason is printed. Exits with
status 1 if a target is missed.
"""
import argparse
import os
import statistics
import sys

import loops
from check import CONVENIENCES
from compare import OURS, run

TOKIO = os.path.join(loops.PEERS, "cargo", "release", "tokio-loops")
RUNS = 11


def figures(commands):
    """The medians of the nanoseconds per operation of commands that run in turns."""
    samples = [[] for _ in commands]
    for _ in range(RUNS):
        for command, taken in zip(commands, samples):
            result = run(command, 0)
            taken.append(result["cpu_s"] / result["n"] * 1e9)
    return [statistics.median(taken) for taken in samples]


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    missed = []

    def show(what, value, limit=None, unit="ns"):
        is_missed = limit is not None and value > limit
        print(f"{what:44} {value:10,.2f} {unit:5}" + (f" target {limit:,}" if limit else "") + ("  MISSED" * is_missed))
        if is_missed:
            missed.append(what)

    copied, by_hand = figures([[OURS, "copy", "4000"], [OURS, "copy-by-hand", "4000"]])
    show("copy, 64 KiB", copied)
    show("the same loop by hand", by_hand)
    show("copy / by hand", copied / by_hand, 1.05, "")
    for what in CONVENIENCES:
        show(what, figures([[OURS, "convenience", what, "200000"]])[0], {"pool": 300}.get(what))
    show("two queues without select (pingpong)", figures([[OURS, "pingpong", "200000"]])[0])
    ours = [OURS, "broadcast", "1000", "2000000"]
    try:
        os.makedirs(loops.PEERS, exist_ok=True)
        loops.build_tokio(None)
    except (RuntimeError, OSError) as error:
        print(f"tokio cannot be built: {error}", file=sys.stderr)
        show("broadcast to 1,000, one delivery", figures([ours])[0])
    else:
        mine, theirs = figures([ours, [TOKIO, "1", "broadcast", "2000000"]])
        show("broadcast to 1,000, one delivery", mine)
        show("the same with tokio", theirs)
        show("broadcast / tokio", mine / theirs, unit="")
    if missed:
        print("\nMissed: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
