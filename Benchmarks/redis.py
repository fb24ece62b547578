#!/usr/bin/env python3
"""Compares AsyncIORedis with redis-py's asyncio client and with redis-benchmark, in one run.

    swift build -c release --package-path Benchmarks --product redis-bench
    python3 Benchmarks/redis.py [--python PYTHON] [--rounds N]

All of them send SET and GET in equal parts, with values of 32 bytes, to the same server on this
machine, in turns, so that noise affects all equally. The figures are medians. CPU is that of the
client alone. `pipeline` sends 100 commands in each write on one connection; `tasks` has 50 tasks, each
of which waits for its reply before it sends again: 50 connections in redis-py and redis-benchmark, one
in AsyncIORedis, which pipelines by itself.

Needs redis-server and redis-benchmark, and for redis-py a Python with `redis` and `hiredis`. What is not
installed is left out. Exits with status 1 if a target is missed.
"""
import argparse
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(HERE, ".build", "release", "redis-bench")
PYTHON = os.path.join(HERE, "python", "redis_bench.py")
SIZE = 32
# The work: the commands that are in flight at once, and how many are sent.
WORK = {"pipeline": (100, 400_000), "tasks": (50, 200_000)}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def json_of(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def redis_benchmark(port, work, count, width):
    """redis-benchmark's figures for SET and GET, half of the commands each."""
    # With -c 1, a pipeline on one connection; otherwise a connection for each command in flight.
    connections, depth = (1, width) if work == "pipeline" else (width, 1)
    command = ["redis-benchmark", "-p", str(port), "-t", "set,get", "-n", str(count // 2), "-d", str(SIZE),
               "-c", str(connections), "-P", str(depth), "-r", "50", "--csv"]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rates = [float(rate) for rate in re.findall(r'^"(?:SET|GET)","([\d.]+)"', done.stdout, re.MULTILINE)]
    return {"n": count, "cpu_s": cpu, "wall_s": sum(count / 2 / rate for rate in rates)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="a Python with redis and hiredis")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not shutil.which("redis-server"):
        print("skipped: redis-server is not installed")
        return
    if not os.path.exists(OURS):
        sys.exit(f"{OURS} does not exist; see the beginning of this file")
    has_python = subprocess.run([options.python, "-c", "import redis.asyncio, hiredis"], capture_output=True).returncode == 0
    has_benchmark = shutil.which("redis-benchmark") is not None
    if not has_python:
        print("without redis-py: this Python has no redis and hiredis; see --python")
    if not has_benchmark:
        print("without redis-benchmark: it is not installed")

    port = free_port()
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL)
        try:
            for _ in range(500):
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            for work, (width, count) in WORK.items():
                arguments = [str(port), work, str(count), str(width), str(SIZE)]
                clients = {"AsyncIORedis": lambda: json_of([OURS, *arguments])}
                if has_python:
                    fewer = [str(port), work, str(count // 8), str(width), str(SIZE)]
                    clients["redis-py"] = lambda: json_of([options.python, PYTHON, *fewer])
                if has_benchmark:
                    clients["redis-benchmark"] = lambda: redis_benchmark(port, work, count, width)
                runs = {name: [] for name in clients}
                for _ in range(options.rounds):
                    for name, run in clients.items():
                        runs[name].append(run())
                rate = {name: statistics.median(one["n"] / one["wall_s"] for one in all) for name, all in runs.items()}
                cpu = {name: statistics.median(one["cpu_s"] / one["n"] for one in all) for name, all in runs.items()}
                print(f"\n{work}: {width} commands in flight")
                for name in clients:
                    print(f"  {name:16} {rate[name]:>12,.0f} commands/s {cpu[name] * 1e6:>8.2f} µs of CPU per command")
                if has_python:
                    faster = rate["AsyncIORedis"] / rate["redis-py"]
                    missed |= faster < 3
                    print(f"  {faster:.1f} times the commands per second of redis-py (target: at least 3)")
                if has_benchmark:
                    ratio = cpu["AsyncIORedis"] / cpu["redis-benchmark"]
                    missed |= ratio > 1.5
                    print(f"  {ratio:.2f} times the CPU per command of redis-benchmark (target: at most 1.5)")
        finally:
            server.kill()
            server.wait()
    if missed:
        sys.exit("a target is missed")


if __name__ == "__main__":
    main()
