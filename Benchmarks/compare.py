#!/usr/bin/env python3
"""Compares asyncio-bench with CPython's asyncio on this machine, and checks three targets.

    swift build -c release --package-path Benchmarks
    python3 Benchmarks/compare.py

Both run the same work in turns, so that noise affects both equally. The figures are medians of
CPU time per operation; only the ratios within one run are meaningful. Needs Python 3.8 or later,
and only its standard library. Exits with status 1 if a target is missed.
"""
import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(HERE, ".build", "release", "asyncio-bench")
THEIRS = os.path.join(HERE, "python", "asyncio_bench.py")
TICK = os.sysconf("SC_CLK_TCK")


def pinned(command, cpu):
    """The command pinned to one processor, if possible, so that other work disturbs it less."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ["taskset", "-c", str(cpu)] + command
    return command


def run(command, cpu):
    done = subprocess.run(pinned(command, cpu), stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """The user and system time that a process has used so far."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def microbenchmark(*arguments):
    """Nanoseconds of CPU per operation."""

    def measure(command):
        result = run(command + list(map(str, arguments)), 0)
        return result["cpu_s"] / result["n"] * 1e9

    return measure


def line_server(connections, seconds):
    """Microseconds of the server's CPU per request."""

    def measure(command):
        port = str(free_port())
        server = subprocess.Popen(pinned(command + ["lineserver", port], 0), stdout=subprocess.PIPE, text=True)
        try:
            if server.stdout.readline().strip() != "READY":
                raise RuntimeError(f"{command[0]} lineserver did not start")
            before = cpu_seconds(server.pid)
            load = run([OURS, "lineload", port, str(connections), str(seconds)], 1)
            return (cpu_seconds(server.pid) - before) / load["n"] * 1e6
        finally:
            server.terminate()
            server.wait()

    return measure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="the CPython to compare with")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to load each line server, in seconds")
    parser.add_argument("--smoke", action="store_true", help="make one short run, and do not check the targets")
    options = parser.parse_args()
    if options.smoke:
        options.repeat, options.seconds = 1, 0.5
    if not os.path.exists(OURS):
        parser.error("asyncio-bench is not built; run swift build -c release --package-path " + os.path.relpath(HERE))

    # The operation, the unit, the largest allowed ratio of ours to theirs, the work.
    rows = [
        ("spawn and await a task", "ns", 1 / 5, microbenchmark("spawn", 200_000, 1000)),
        ("switch (sleep of zero)", "ns", 1 / 4, microbenchmark("switch", 100, 1_000_000)),
        ("line server, per request", "µs", 1 / 2, line_server(options.connections, options.seconds)),
    ]
    sides = {"ours": [OURS], "asyncio": [options.python, THEIRS]}
    samples = {(row[0], side): [] for row in rows for side in sides}
    for _ in range(options.repeat):
        for name, _, _, measure in rows:
            for side, command in sides.items():
                samples[name, side].append(measure(command))

    version = subprocess.run([options.python, "-V"], stdout=subprocess.PIPE, text=True).stdout.strip()
    print(f"CPU time per operation, median of {options.repeat}; {version}, Linux {platform.release()}\n")
    print(f"{'':26} {'ours':>10} {'asyncio':>10} {'times less':>11} {'target':>7}")
    missed = 0
    for name, unit, most, _ in rows:
        ours, theirs = (statistics.median(samples[name, side]) for side in sides)
        passed = ours <= theirs * most
        missed += not passed
        print(
            f"{name:26} {ours:7.4g} {unit} {theirs:7.4g} {unit} {theirs / ours:11.2f} {1 / most:7g}"
            f"  {'pass' if passed else 'MISSED'}")
    return 1 if missed and not options.smoke else 0


if __name__ == "__main__":
    sys.exit(main())
