#!/usr/bin/env python3
"""Compares several loops in one process with one loop, with processes, and with other runtimes on two processors.

    python3 Benchmarks/loops.py --harness DIR             # about 15 minutes; use a quiet machine
    python3 Benchmarks/loops.py --harness DIR --quick     # about 3 minutes
    python3 Benchmarks/loops.py --bench spawn,queue       # print only; without the harness if not for `echo`

Builds asyncio-loops and the programs in peers/, which do the same work with tokio, Go, and SwiftNIO, and runs all of
them in turns. DIR contains the load generator for the echo server, c/loadgen.c; see README.md. The results are
written to Benchmarks/results/loops.json, from which report.py generates a part of the performance page.
"""
import argparse
import glob
import json
import os
import re
import select
import socket
import statistics
import subprocess
import sys
import time

from record import HERE, commit, first_match, machine, short

BUILD = os.path.join(HERE, ".build")
PEERS = os.path.join(BUILD, "peers")
RESULTS = os.path.join(HERE, "results", "loops.json")
OURS = os.path.join(BUILD, "release", "asyncio-loops")
NIO_BUILD = os.path.join(PEERS, "nio")
REGISTRY = "/usr/share/cargo/registry"  # Debian's packages of crates, which need no network

# Operations on each loop: about a quarter of a second with ours. Many short samples are better than a few long ones,
# because the speed of a virtual machine changes every few seconds.
COUNTS = {"spawn": 400_000, "switch": 2_500_000, "lock": 800_000, "queue": 800_000, "timeout": 300_000, "compute": 200_000_000}
ITEMS = 1_000_000
SIZES, CONNECTIONS = (64, 1024, 16384, 102400), 100
UNSUPPORTED = 64


class Contestant:
    """A program with a number of loops, workers, or processors; `processes` of it run at once.

    `pinned` runs its echo server on the first processor, and the load generator on the second. `echo` is the argument
    for the echo server, if it differs. A contestant with `only_echo` does nothing else.
    """

    def __init__(self, name, kind, program, peer, processes=1, echo=None, pinned=False):
        self.name, self.kind, self.program, self.peer = name, kind, program, peer
        self.processes, self.echo, self.pinned = processes, echo or kind, pinned
        self.only_echo = pinned or self.echo.endswith("-batch")


CONTESTANTS = [
    Contestant("process", "process", OURS, "ours"),
    Contestant("loops-1", "1", OURS, "ours"),
    Contestant("loops-2", "2", OURS, "ours"),
    Contestant("workers-2", "process", OURS, "ours", processes=2, echo="workers"),
    *(Contestant(f"{peer}-{number}", str(number), os.path.join(PEERS, program), peer)
      for peer, program in (("tokio", "cargo/release/tokio-loops"), ("go", "go-loops"), ("nio", "nio/release/nio-loops"))
      for number in (1, 2)),
    Contestant("batch-1", "1", OURS, "ours", echo="1-batch"),
    Contestant("batch-2", "2", OURS, "ours", echo="2-batch"),
    Contestant("pinned-1", "1", OURS, "ours", pinned=True),
    Contestant("pinned-2", "2", OURS, "ours", pinned=True),
]
# The contestants of `mailbox`, and their subcommands.
MAILBOX = {"loops-2": "mailbox", "tokio-2": "mailbox", "go-2": "mailbox", "go-2-threads": "mailbox-threads"}


# ---- building ----

def build_ours(_):
    run(["swift", "build", "-c", "release", "--package-path", HERE, "--product", "asyncio-loops"])


def build_tokio(_):
    command = ["cargo", "build", "--release", "--target-dir", os.path.join(PEERS, "cargo")]
    if os.path.isdir(REGISTRY):
        command += ["--offline", "--config", 'source.crates-io.replace-with="debian"',
                    "--config", f'source.debian.directory="{REGISTRY}"']
    run(command, os.path.join(HERE, "peers", "tokio"))


def build_go(_):
    run(["go", "build", "-o", os.path.join(PEERS, "go-loops"), "."], os.path.join(HERE, "peers", "go"))


def build_nio(_):
    run(["swift", "build", "-c", "release", "--package-path", os.path.join(HERE, "peers", "nio"), "--scratch-path", NIO_BUILD])


def build_client(harness):
    run(["gcc", "-O2", "-o", os.path.join(PEERS, "loadgen"), os.path.join(harness, "c", "loadgen.c")])


def run(command, folder=HERE):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout.strip()[-600:])


def build(harness):
    """Builds everything. Returns the reason for each peer that cannot be built."""
    os.makedirs(PEERS, exist_ok=True)
    reasons = {}
    parts = {"ours": build_ours, "tokio": build_tokio, "go": build_go, "nio": build_nio}
    if harness:
        parts["client"] = build_client
    for peer, part in parts.items():
        print(f"building: {peer}", file=sys.stderr, flush=True)
        try:
            part(harness)
        except (RuntimeError, OSError) as error:
            if peer in ("ours", "client"):
                raise SystemExit(f"loops.py: {error}")
            reasons[peer] = str(error)
    return reasons


# ---- measuring ----

class Failed(Exception):
    pass


def busy():
    """The CPU seconds that all processes have used since the machine was started."""
    with open("/proc/stat") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return (sum(fields[:3]) + sum(fields[5:7])) / os.sysconf("SC_CLK_TCK")


def finish(processes, seconds=120):
    """The results of processes that run at the same time; None if they do not support the work."""
    outcomes = []
    try:
        for process in processes:
            output, errors = process.communicate(timeout=seconds)
            if process.returncode not in (0, UNSUPPORTED):
                raise Failed(errors.strip()[-300:] or f"status {process.returncode}")
            outcomes.append(json.loads(output.splitlines()[-1]) if process.returncode == 0 else None)
    except subprocess.TimeoutExpired:
        raise Failed(f"did not end within {seconds} s")
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return None if None in outcomes else outcomes


def start(*command, cpu=None):
    return subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=None if cpu is None else lambda: os.sched_setaffinity(0, {cpu}))


def compute(contestant, work, count):
    """Wall-clock and CPU nanoseconds per operation, of all loops together."""
    if contestant.only_echo:
        return None
    outcomes = finish([start(contestant.program, contestant.kind, work, count) for _ in range(contestant.processes)])
    if outcomes is None:
        return None
    operations = sum(outcome["n"] for outcome in outcomes)
    return {
        "n": operations,
        "ns_per_op": max(outcome["wall_s"] for outcome in outcomes) / operations * 1e9,
        "cpu_ns_per_op": sum(outcome["cpu_s"] for outcome in outcomes) / operations * 1e9,
    }


class Server:
    """An echo server, and the workers that it has started."""

    def __init__(self, contestant):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.port = unused.getsockname()[1]
        server, self.client_cpu = (0, 1) if contestant.pinned else (None, None)
        self.process = start(contestant.program, contestant.echo, "echo", self.port, cpu=server)
        self.wait_until_ready(2 if contestant.echo == "workers" else 1)

    def wait_until_ready(self, lines):
        read, end = b"", time.monotonic() + 15
        while read.count(b"READY") < lines:
            readable = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]
            part = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not part:
                self.stop()
                raise Failed("the echo server did not start")
            read += part

    def used(self):
        """The nanoseconds on a processor of all threads so far, and how often one of them went to sleep."""
        nanoseconds = sleeps = 0
        for pid in [self.process.pid, *children(self.process.pid)]:
            for folder in glob.glob(f"/proc/{pid}/task/*"):
                with open(f"{folder}/schedstat") as file:
                    nanoseconds += int(file.read().split()[0])
                with open(f"{folder}/status") as file:
                    sleeps += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.MULTILINE)[1])
        return nanoseconds, sleeps

    def stop(self):
        self.process.terminate()
        try:
            self.process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def children(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path) as file:
            found += file.read().split()
    return found


def echo(server, size, connections, seconds):
    """The server's CPU time per request, from the first connection to the last answer, and how often it slept."""
    before = server.used()
    client = start(os.path.join(PEERS, "loadgen"), "echo", server.port, size, connections, seconds, 0.1,
                   cpu=server.client_cpu)
    outcome = finish([client])[0]
    after, requests = server.used(), outcome["requests"] + outcome["warmup_requests"]
    if not requests:
        raise Failed("no request was answered")
    return {
        "server_cpu_us_per_req": (after[0] - before[0]) / requests / 1e3,
        "sleeps_per_req": (after[1] - before[1]) / requests,
        **{key: outcome[key] for key in ("rps", "p50_us", "p99_us")},
    }


class Recorder:
    def __init__(self):
        self.samples = []

    def take(self, name, bench, params, measure):
        """Adds a sample. Returns false if the contestant does not do this work."""
        since, used = time.monotonic(), busy()
        sample = {"peer": name, "bench": bench, "params": params}
        try:
            result = measure()
            if result is None:
                return False
            sample["result"] = short(result)
        except (Failed, OSError, ValueError, KeyError) as error:
            sample["error"] = str(error)
        sample["cpus_busy"] = round((busy() - used) / (time.monotonic() - since), 2)
        self.samples.append(sample)
        figures = sample.get("error") or " ".join(f"{key} {value:g}" for key, value in sample["result"].items())
        print(f"{bench:8} {params.get('size', ''):>6} {name:14} {figures}", file=sys.stderr, flush=True)
        return True


def turns(contestants, repeat):
    """The contestants in rotating order, so that noise affects all of them equally."""
    first = repeat % len(contestants)
    return contestants[first:] + contestants[:first]


def measure_all(contestants, benches, repeats, scale, seconds, connections):
    recorder, unsupported = Recorder(), set()
    for repeat in range(repeats):
        for bench in benches:
            if bench == "echo":
                measure_echo(recorder, turns(contestants, repeat), seconds, connections)
            elif bench == "mailbox":
                for name, subcommand in MAILBOX.items():
                    base = next((one for one in contestants if name.startswith(one.name)), None)
                    if base:
                        recorder.take(name, bench, {}, lambda: compute(base, subcommand, int(ITEMS * scale)))
            else:
                for contestant in turns(contestants, repeat):
                    if (contestant.name, bench) in unsupported:
                        continue
                    if not recorder.take(
                            contestant.name, bench, {}, lambda: compute(contestant, bench, int(COUNTS[bench] * scale))):
                        unsupported.add((contestant.name, bench))
    return recorder.samples


def measure_echo(recorder, contestants, seconds, connections):
    """Starts all servers, and measures one after another, so that figures that are compared are taken close together."""
    servers = {}
    try:
        for contestant in contestants:
            try:
                servers[contestant.name] = Server(contestant)
            except Failed as error:
                # One for each size, so that the n-th sample of a contestant is always that of the n-th repeat.
                recorder.samples += [
                    {"peer": contestant.name, "bench": "echo", "params": {"size": size}, "error": str(error)}
                    for size in SIZES]
        for size in SIZES:
            for name, server in servers.items():
                recorder.take(name, "echo", {"size": size}, lambda: echo(server, size, connections, seconds))
    finally:
        for server in servers.values():
            server.stop()


# ---- the results ----

def version(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split("\n")[0]
    except OSError:
        return "unknown"


def versions():
    return {
        "tokio": first_match(os.path.join(HERE, "peers", "tokio", "Cargo.lock"), r'^name = "tokio"\nversion = (.*)'),
        "rustc": version("rustc", "--version"),
        "go": version("go", "version"),
        "swift-nio": first_match(
            os.path.join(HERE, "peers", "nio", "Package.resolved"), r'"identity" : "swift-nio",(?:.*\n)*?.*"version" : (.*)'),
        "swift": version("swiftc", "--version"),
    }


def print_medians(samples):
    figures = {}
    for sample in samples:
        for key, value in sample.get("result", {}).items():
            figures.setdefault((sample["bench"], sample["params"].get("size", 0), sample["peer"], key), []).append(value)
    for (bench, size, peer, key), values in sorted(figures.items()):
        if key != "n":
            print(f"{bench:8} {size or '':>6} {peer:14} {key:22} {statistics.median(values):10.5g}  of {len(values)}, "
                  f"{min(values):.5g} to {max(values):.5g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harness", metavar="DIR", help="the folder with the load generator")
    parser.add_argument("--quick", action="store_true", help="use fewer operations and repeats")
    parser.add_argument("--repeat", type=int, help="the number of repeats; by default 15, or 5 if quick")
    parser.add_argument("--no-build", action="store_true", help="use the programs as they are built")
    parser.add_argument("--bench", metavar="NAMES", help="only these, separated by commas; writes no results")
    parser.add_argument("--only", metavar="NAMES", help="only these contestants, separated by commas; writes no results")
    parser.add_argument(
        "--connections", type=int, help=f"connections to the echo server, instead of {CONNECTIONS}; writes no results")
    options = parser.parse_args()
    all_benches = [*COUNTS, "mailbox", "echo"]
    benches = options.bench.split(",") if options.bench else all_benches
    names = options.only.split(",") if options.only else [contestant.name for contestant in CONTESTANTS]
    if not set(benches) <= set(all_benches) or not set(names) <= {contestant.name for contestant in CONTESTANTS}:
        parser.error(f"--bench takes {','.join(all_benches)}; --only takes {','.join(c.name for c in CONTESTANTS)}")
    if "echo" in benches and not options.harness:
        parser.error("echo needs --harness")

    reasons = {} if options.no_build else build(options.harness)
    missing = {c.peer for c in CONTESTANTS if not os.path.exists(c.program)} | set(reasons)
    contestants = [c for c in CONTESTANTS if c.peer not in missing and c.name in names]
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    repeats = options.repeat or (5 if options.quick else 15)
    samples = measure_all(
        contestants, benches, repeats, 0.5 if options.quick else 1, 0.3 if options.quick else 0.5,
        options.connections or CONNECTIONS)
    print_medians(samples)
    if options.bench or options.only or options.connections:
        return 0
    meta = {
        "started": started, "quick": options.quick, "commit": commit(), "machine": machine(), "versions": versions(),
        "repeats": repeats, "connections": CONNECTIONS,
        "not_built": {peer: reasons.get(peer, "not built") for peer in sorted(missing)},
    }
    with open(RESULTS, "w") as file:
        rows = ",\n".join(json.dumps(sample, separators=(",", ":")) for sample in samples)
        file.write(f'{{"meta": {json.dumps(meta, indent=1)},\n"samples": [\n{rows}\n]}}\n')
    print(f"wrote {os.path.relpath(RESULTS)}: {len(samples)} samples", file=sys.stderr)
    return subprocess.run([sys.executable, os.path.join(HERE, "report.py")]).returncode


if __name__ == "__main__":
    sys.exit(main())
