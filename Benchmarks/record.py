#!/usr/bin/env python3
"""Measures this library and its peers, records the results, and generates the performance page.

    python3 Benchmarks/record.py --harness DIR            # about an hour; use a quiet machine
    python3 Benchmarks/record.py --harness DIR --quick    # about 15 minutes

DIR contains the peers, the load generator, and `run.py`. The peers are small programs for asyncio, uvloop,
SwiftNIO, Swift's own executor, tokio, Go, Node, libuv, and plain C, with the same subcommands as
asyncio-bench; README.md describes these. `run.py` builds the peers, runs them in turns, and writes the
results as JSON.

asyncio-bench is built twice, the second time with Swift's standard library linked statically. The
results are written to Benchmarks/results/peers.json, from which report.py generates the page.
"""
import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(HERE, ".build")
RESULTS = os.path.join(HERE, "results", "peers.json")

SIZES, CONNECTIONS = "64,1024,16384,102400", "10,100,1000"
# Options of the harness: for tasks and timers, and for sockets.
FULL = (["--repeat", "5"], ["--repeat", "5", "--duration", "2"])
QUICK = (["--repeat", "2", "--scale", "0.3"], ["--repeat", "2", "--duration", "1"])
TASKS = "spawn,switch,pingpong,timers,timers_live,lock"
# A million for every peer that supports it, because the large number is what is tested.
SLEEPERS = ["--bench", "sleepers", "--repeat", "2", "--sleep-seconds", "5"]
# More samples where the results are closest to the targets.
NARROW = [
    ["--bench", "spawn", "--repeat", "5", "--scale", "0.3", "--peers", "asyncio,swift-stock,tokio"],
    ["--bench", "echo", "--repeat", "7", "--duration", "0.6", "--peers", "c-epoll,uvloop"],
]


def build(*options, folder):
    command = ["swift", "build", "-c", "release", "--package-path", HERE, "--scratch-path", folder, *options]
    print(shlex.join(["swift", "build", "-c", "release", *options]), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr)
    return os.path.join(folder, "release", "asyncio-bench")


def first_match(path, pattern):
    try:
        with open(path) as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
        return found[1].strip().strip('"') if found else "unknown"
    except OSError:
        return "unknown"


def machine():
    memory = first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)")
    return {
        "processor": first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory) / 2**20) if memory.isdigit() else None,
        "system": first_match("/etc/os-release", r'^PRETTY_NAME=(.*)'),
        "kernel": platform.release(),
    }


def commit():
    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], stdout=subprocess.PIPE, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "Sources", "Benchmarks/Sources")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def sizes(*binaries):
    """The sizes of the executables in bytes, without the debug information that Swift's static libraries contain."""
    found = []
    for binary in binaries:
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-g", "-o", stripped.name, binary], check=True)
            found.append(os.path.getsize(stripped.name))
    return dict(zip(("ours", "ours-static"), found))


def run(harness, options, extras, passed_on):
    """The results of one run of the harness."""
    command = [sys.executable, os.path.join(harness, "run.py"), "--max-seconds", "7200", *options, *passed_on]
    for name, invocation in extras.items():
        command += ["--extra", f"{name}={shlex.join(invocation)}"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        subprocess.run(command + ["--out", path], check=True, stdout=subprocess.DEVNULL)
        with open(path) as file:
            return json.load(file)


# The fields of a sample that are stored; the others are dropped to keep the file small.
FIELDS = ("peer", "bench", "params", "repeat", "elapsed_s", "other_cpu_s", "result", "error")
RESULTS_OF = {
    "n", "ns_per_op", "cpu_ns_per_op", "over_s", "bytes_per_task", "bytes_per_conn",
    "rps", "p50_us", "p99_us", "p999_us", "server_cpu_us_per_req",
}  # fmt: skip


def short(value):
    """Rounds floats to five digits; the rest is noise."""
    if isinstance(value, dict):
        return {key: short(entry) for key, entry in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value


def essence(sample):
    kept = {field: short(sample[field]) for field in FIELDS if field in sample}
    if "result" in kept:
        kept["result"] = {field: value for field, value in kept["result"].items() if field in RESULTS_OF}
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harness", required=True, metavar="DIR", help="the folder with the peers and their run.py")
    parser.add_argument("--quick", action="store_true", help="use fewer operations and repeats")
    parser.add_argument("--no-build", action="store_true", help="use asyncio-bench and the peers as they are built")
    parser.add_argument("--peers", help="only these peers of the harness, separated by commas")
    parser.add_argument("--out", default=RESULTS)
    options = parser.parse_args()
    if not os.path.exists(os.path.join(options.harness, "run.py")):
        parser.error(f"--harness must contain run.py, got {options.harness}")

    dynamic, static = BUILD, os.path.join(BUILD, "static")
    if options.no_build:
        ours, ours_static = (os.path.join(folder, "release", "asyncio-bench") for folder in (dynamic, static))
    else:
        ours, ours_static = build(folder=dynamic), build("--static-swift-stdlib", folder=static)
    passed_on = ["--no-build"] if options.no_build else []
    if options.peers:
        passed_on += ["--peers", options.peers]

    tasks, sockets = QUICK if options.quick else FULL
    both = {"ours": [ours], "ours-static": [ours_static]}
    measured = [
        run(options.harness, ["--bench", TASKS, *tasks], both, passed_on),
        run(options.harness, SLEEPERS, both, passed_on),
        run(options.harness, ["--bench", "echo,idle", "--sizes", SIZES, "--conns", CONNECTIONS, *sockets],
            {**both, "ours-proto": [ours, "--proto"]}, passed_on),
        *(run(options.harness, [*narrow, "--sizes", SIZES, "--conns", CONNECTIONS], both, ["--no-build"]) for narrow in NARROW),
    ]
    first = measured[0]["meta"]
    meta = {
        "started": first["started"], "quick": options.quick, "commit": commit(), "machine": machine(),
        "options": {"tasks": " ".join(tasks), "sockets": " ".join(sockets)}, "executables": sizes(ours, ours_static),
        "versions": first["versions"], "not_built": sorted(first["not_built"]),
    }
    samples = [essence(sample) for part in measured for sample in part["samples"]]
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    with open(options.out, "w") as file:
        rows = ",\n".join(json.dumps(sample, separators=(",", ":")) for sample in samples)
        file.write(f'{{"meta": {json.dumps(meta, indent=1)},\n"samples": [\n{rows}\n]}}\n')
    print(f"wrote {options.out}: {len(samples)} samples", file=sys.stderr)
    if os.path.abspath(options.out) == RESULTS:
        return subprocess.run([sys.executable, os.path.join(HERE, "report.py")]).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
