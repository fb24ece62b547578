#!/usr/bin/env python3
"""Counts the cost of each operation, and fails if one costs more than thresholds.json allows.

    swift build -c release --package-path Benchmarks
    python3 Benchmarks/check.py              # check, and exit with status 1 if a limit is exceeded
    python3 Benchmarks/check.py --record     # write new limits after a change that is worth its cost
    python3 Benchmarks/check.py --record --only pool,select    # the same for these, and leave the others

Times vary from run to run; counts hardly do. callgrind counts the instructions of
asyncio-bench's subcommands and the calls of malloc and similar functions. Each subcommand is run
twice, with few operations and with many, and the difference is divided by the additional operations.
This removes the cost of starting the program. `echo` is a server, with a client in this script. With
one connection, each request takes its own turn of the loop; with a hundred, requests share turns.
`redis` is redis-bench, with a server in this script, so redis-server is not needed.
`bytes` is what a sleeping task adds to the peak of resident memory, measured without callgrind.

Needs Python 3.8, valgrind, and strip. If they are missing, or if the limits were recorded on another
architecture, it says so and checks nothing.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, ".build", "release", "asyncio-bench")
LIMITS = os.path.join(HERE, "thresholds.json")

# The runs: a subcommand's arguments with few operations and with many, and the difference in operations.
MICRO = {
    "spawn": ("spawn 5000 1000", "spawn 25000 1000", 20_000),
    "switch": ("switch 100 20000", "switch 100 80000", 60_000),
    "pingpong": ("pingpong 3000", "pingpong 13000", 10_000),
    "mailbox": ("mailbox 10000", "mailbox 60000", 50_000),
    "lock": ("lock 100 3000", "lock 100 13000", 10_000),
    "timers": ("timers 5000 1000", "timers 45000 1000", 40_000),
    "sleepers": ("sleepers 2000 4", "sleepers 12000 4", 10_000),
    "broadcast": ("broadcast 1000 20000", "broadcast 1000 80000", 60_000),
}
for work in ("copy", "copy-by-hand", "copy-both-ways"):
    MICRO[work] = (f"{work} 100", f"{work} 600", 500)
CONVENIENCES = ("pool", "limiter", "breaker", "cache", "select", "iteration", "object-stream", "latest")
for work in CONVENIENCES:
    MICRO[work] = (f"convenience {work} 3000", f"convenience {work} 13000", 10_000)
# Functions that wait for other work. They are checked so that the user's types do not make them generic.
SCOPES = ("future", "timeout", "wait-for", "gather", "race", "group", "shield", "retry")
for work in SCOPES:
    MICRO["scope/" + work] = (f"scope {work} 500", f"scope {work} 2500", 2_000)
# Operations that move bytes. They are checked so that none of them does generic work for each byte, which
# costs fifty times as much. FOLDER and HERE are placeholders for directories.
for work, few, many in (
    ("write-lines", 20, 220), ("transport-write-lines", 20, 220), ("lines", 1_000, 9_000), ("read-until", 1_000, 9_000),
    ("read-exactly", 1_000, 9_000), ("frames", 1_000, 9_000), ("line-frames", 1_000, 9_000),
    ("integers", 1_000, 9_000), ("write-frame", 100, 1_100), ("corked", 20, 220), ("peek", 1_000, 9_000),
    ("proxy-header", 20, 120), ("read-into", 100, 1_100), ("communicate", 4, 68), ("file-write", 4, 44),
    ("read-text", 4, 44), ("send-file", 4, 44), ("datagrams", 100, 1_100), ("tls", 10, 60),
):  # fmt: skip
    MICRO["bytes/" + work] = (
        f"bytes {work} {few} FOLDER HERE/localhost.pem", f"bytes {work} {many} FOLDER HERE/localhost.pem", many - few)
OPTIONAL = {"broadcast", "copy", "copy-by-hand", "copy-both-ways"} | set(CONVENIENCES) | {
    name for name in MICRO if name.startswith(("bytes/", "scope/"))}
# The subcommand, the connections, and the number of requests in the short run and in the long one.
ECHO = {
    "echo/1": ("echo", 1, 1_000, 4_000),
    "echo/100": ("echo", 100, 1_000, 4_000),
    "proto/100": ("--proto echo", 100, 1_000, 4_000),
}
MESSAGE = b"x" * 1024
# What redis-bench does, the commands in flight, and the number of commands in the short run and in the long one.
REDIS = {
    "redis/pipeline": ("pipeline", 100, 4_000, 24_000),
    "redis/tasks": ("tasks", 50, 4_000, 24_000),
}
OPTIONAL |= set(REDIS)
ALL = [*MICRO, *ECHO, *REDIS]

# How far a limit is above the measured value: never more than 5 %. Two runs of a binary agree to
# one part in a thousand, even on a busy machine. The margins leave room for a patched C library. The
# wider ones also leave room for another kernel, which may put more or fewer of a hundred requests, or of
# the sleepers' wake-ups, into one turn, and for malloc, whose path through its bins depends on what the
# program allocated before: a spawn, a quarter of which is malloc, has differed by 2.7 % between two
# builds of the same code.
MARGINS = {"instructions": 0.03, "allocations": 0.02, "systemCalls": 0.02, "bytes": 0.03}
WIDER = {
    **{(server, figure): 0.04
       for server in ("echo/100", "proto/100", *REDIS) for figure in ("instructions", "systemCalls")},
    ("sleepers", "instructions"): 0.045,
    ("spawn", "instructions"): 0.045,
}
MOST = 0.05
# Operations that involve threads, a child, or another library: their limits catch only increases by a large factor.
LOOSE = {"bytes/" + work: 0.5 for work in ("communicate", "file-write", "read-text", "send-file", "tls")}
# How the bytes are divided depends on the buffers of the sockets, and how a connection ends, on the order of events.
LOOSE.update({name: 0.5 for name in ("copy", "copy-by-hand", "copy-both-ways", "bytes/proxy-header")})
# A busy machine divides the output of a child into more pieces, each of which is allocated.
LOOSE["bytes/communicate"] = 2
# Even if nothing was measured, one in fifty operations may grow a table.
LEAST = {"allocations": 0.02, "systemCalls": 0.02}

ALLOCATIONS = {"malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc"}
SYSTEM_CALLS = {
    "recv", "recvmsg", "recvfrom", "read", "readv", "send", "sendmsg", "sendto", "write", "writev", "accept4",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "timerfd_settime", "syscall",
}  # fmt: skip
# The same hashes in every run, epoll on every kernel (valgrind supports little of io_uring), no
# watchdog (a loop under callgrind looks blocked to it), and nothing else from the caller's
# environment. The processor does not have to be pinned: valgrind simulates its own.
ENVIRONMENT = {
    "ASYNCIO_BACKEND": "epoll",
    "ASYNCIO_WATCHDOG": "0",
    "SWIFT_DETERMINISTIC_HASHING": "1",
    **{name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ},
}
SECONDS = 120  # the time limit of one run


class Failed(Exception):
    """A run failed, and nothing was measured."""


# ---- counting ----

def calls(path):
    """How often each function was called, according to a callgrind output file."""
    names, counts, callee = {}, collections.Counter(), None
    with open(path, errors="replace") as lines:
        for line in lines:
            if line.startswith(("fn=", "cfn=")):
                number, name = re.match(r"c?fn=\((\d+)\)(?: (.*))?", line).groups()
                if name:  # a name is spelled out only once; "'2" marks recursion
                    names[number] = name.strip().split("'")[0]
                if line[0] == "c":
                    callee = names[number]
            elif line.startswith("calls="):
                counts[callee] += int(line[6:].split()[0])
    return counts


class Callgrind:
    """A command under callgrind: starts it, ends it, and reports its cost."""

    def __init__(self, binary, arguments, path):
        self.path = path
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={path}", binary] + arguments
        self.process = subprocess.Popen(
            command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def totals(self):
        try:
            output, errors = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"the run did not end within {SECONDS} s")
        collected = re.search(r"Collected : (\d+)", errors)
        if not collected or self.process.returncode not in (0, -15):
            raise Failed(f"status {self.process.returncode}:\n{(output + errors)[-1500:]}")
        counts = calls(self.path)
        return {
            "instructions": int(collected[1]),
            "allocations": sum(counts[name] for name in ALLOCATIONS),
            "systemCalls": sum(counts[name] for name in SYSTEM_CALLS),
        }

    def kill(self):
        self.process.kill()
        self.process.communicate()


def difference(few, many, operations, figures):
    return {figure: (many[figure] - few[figure]) / operations for figure in figures}


def micro(name, binary, folder):
    few, many, operations = MICRO[name]
    totals = [
        Callgrind(
            binary, arguments.replace("FOLDER", folder).replace("HERE", HERE).split(),
            os.path.join(folder, f"{name.replace('/', '.')}.{which}.callgrind")).totals()
        for which, arguments in (("few", few), ("many", many))
    ]
    return difference(*totals, operations, ("instructions", "allocations"))


# ---- echo ----

def ask(connections, rounds):
    """In each round, sends a message on every connection and then reads all the answers."""
    for _ in range(rounds):
        for connection in connections:
            connection.sendall(MESSAGE)
        for connection in connections:
            left = len(MESSAGE)
            while left:
                piece = connection.recv(left)
                if piece.strip(b"x") or not piece:
                    raise Failed("the answer differs from the message that was sent")
                left -= len(piece)


def echo_run(binary, command, connections, requests, path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    server = Callgrind(binary, command.split() + [str(port)], path)
    opened = []
    try:
        if server.process.stdout.readline().strip() != "READY":
            return server.totals()  # reports what went wrong
        for _ in range(connections):
            opened.append(socket.create_connection(("127.0.0.1", port), timeout=SECONDS))
            opened[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ask(opened, requests // connections)
        server.process.terminate()
        return server.totals()
    except OSError as error:
        raise Failed(f"echo: {error}")
    finally:
        for connection in opened:
            connection.close()
        if server.process.poll() is None:
            server.kill()


def few_and_many(name, folder, few, many, run):
    """The cost of one operation, from a run with `few` operations and one with `many`."""
    totals = [
        run(count, os.path.join(folder, f"{name.replace('/', '.')}.{which}.callgrind"))
        for which, count in (("few", few), ("many", many))
    ]
    return difference(*totals, many - few, ("instructions", "allocations", "systemCalls"))


def echo(name, binary, folder):
    command, connections, few, many = ECHO[name]
    return few_and_many(
        name, folder, few, many, lambda requests, path: echo_run(binary, command, connections, requests, path))


# ---- redis ----

def split(received):
    """Returns the complete commands, each a list of words, and the bytes after them. Words have no line ends."""
    lines, commands, at = received.split(b"\r\n"), [], 0
    while at < len(lines) - 1:
        end = at + 1 + 2 * int(lines[at][1:])
        if end > len(lines) - 1:
            break
        commands.append(lines[at + 2:end:2])
        at = end
    return commands, b"\r\n".join(lines[at:])


def answer(listener):
    """A server with the commands of redis-bench. It answers all commands that arrive together in one write."""
    connection, _ = listener.accept()
    values, received = {}, b""
    with connection:
        while piece := connection.recv(1 << 20):
            commands, received = split(received + piece)
            replies = []
            for name, *words in commands:
                if name == b"SET":
                    values[words[0]] = words[1]
                    replies.append(b"+OK\r\n")
                elif name == b"GET":
                    value = values[words[0]]
                    replies.append(b"$%d\r\n%s\r\n" % (len(value), value))
                else:  # the client logs in with RESP2 if HELLO fails
                    replies.append(b"+PONG\r\n" if name == b"PING" else b"-ERR unknown command\r\n")
            connection.sendall(b"".join(replies))


def redis_run(binary, work, width, count, path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer, args=(listener,), daemon=True)
        server.start()
        arguments = [str(listener.getsockname()[1]), work, str(count), str(width), "32"]
        return Callgrind(binary, arguments, path).totals()


def redis(name, binary, folder):
    work, width, few, many = REDIS[name]
    return few_and_many(name, folder, few, many, lambda count, path: redis_run(binary, work, width, count, path))


# ---- memory ----

def sleeper_bytes(binary):
    """The number of bytes that one more sleeping task adds to the peak of resident memory."""
    def peak(count):
        done = subprocess.run(
            [binary, "sleepers", str(count), "1"], env=ENVIRONMENT, stdout=subprocess.PIPE, timeout=SECONDS, check=True)
        return json.loads(done.stdout.splitlines()[-1])["hwm_kb"] * 1024

    few, many = 50_000, 150_000
    return (peak(many) - peak(few)) / (many - few)


# ---- all checks ----

def stripped_copy(binary, folder):
    copy = os.path.join(folder, os.path.basename(binary))
    subprocess.run(["strip", "-g", "-o", copy, binary], check=True)  # valgrind 3.19 cannot read DWARF 5
    return copy


def measure(binary, folder, names):
    stripped = stripped_copy(binary, folder)
    measured = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        runs = {name: threads.submit(micro, name, stripped, folder) for name in MICRO if name in names and name not in LOOSE}
        for name, run in runs.items():
            measured[name] = run.result()
    for name in LOOSE:  # one at a time: other load changes how much of a child's output arrives at once
        if name in names:
            measured[name] = micro(name, stripped, folder)
    for name in ECHO:  # one at a time: other load changes how many requests share a turn
        if name in names:
            measured[name] = echo(name, stripped, folder)
    if set(REDIS) & set(names):
        client = stripped_copy(os.path.join(os.path.dirname(binary), "redis-bench"), folder)
        for name in REDIS:  # one at a time: other load changes how many replies arrive at once
            if name in names:
                measured[name] = redis(name, client, folder)
    if "sleepers" in names:
        measured["sleepers"]["bytes"] = sleeper_bytes(binary)
    return measured


def first_line(*command):
    try:
        output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60).stdout
        return next((line.strip() for line in output.splitlines() if line.strip()), "unknown")
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"


def here():
    """What the counts depend on besides the code."""
    swift = re.search(r"Swift version (\S+)", first_line("swiftc", "--version"))
    return {
        "architecture": platform.machine(),
        "swift": swift[1] if swift else "unknown",
        "libc": " ".join(platform.libc_ver()),
        "valgrind": first_line("valgrind", "--version").replace("valgrind-", ""),
    }


def show(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def record(measured, others):
    limits = dict(others)
    for name, figures in measured.items():
        limits[name] = {}
        for figure, value in figures.items():
            margin = LOOSE.get(name) or WIDER.get((name, figure), MARGINS[figure])
            digits = 0 if value >= 100 else 3
            room = max(value * margin, LEAST.get(figure, 0))
            limits[name][figure] = {"measured": round(value, digits), "limit": round(value + room, digits)}
    rows = ",\n".join(
        f"    {json.dumps(name)}: {{\n"
        + ",\n".join(f"      {json.dumps(figure)}: {json.dumps(entry)}" for figure, entry in figures.items())
        + "\n    }"
        for name, figures in limits.items())
    with open(LIMITS, "w") as file:
        file.write(f'{{\n  "recorded": {json.dumps(here())},\n  "perOperation": {{\n{rows}\n  }}\n}}\n')


def compare(measured, limits):
    """Prints the table. Returns sentences about the figures over their limit and about those well under it."""
    over, under = [], []
    print(f"{'per operation':27} {'':13} {'now':>9} {'recorded':>9} {'limit':>9}")
    for name, figures in limits.items():
        for figure, entry in figures.items():
            margin = LOOSE.get(name, MOST)
            most = max(entry["measured"] * (1 + margin), entry["measured"] + LEAST.get(figure, 0))
            # Both figures are rounded.
            if entry["limit"] > most + (0.001 if figure in LEAST else 1):
                raise Failed(f"{LIMITS}: the limit of {name}, {figure}, is more than {margin:.0%} above the measured value")
            now = measured.get(name, {}).get(figure)
            if now is None:
                raise Failed(f"{LIMITS} has a limit for {name}, {figure}, which is no longer measured")
            was, most = entry["measured"], entry["limit"]
            change = now / was - 1 if was else now - was
            is_over = now > most
            print(f"{name:27} {figure:13} {show(now):>9} {show(was):>9} {show(most):>9} {change:+7.1%}"
                  f"{'  OVER THE LIMIT' if is_over else ''}")
            sentence = f"{name}: {show(now)} {figure} per operation, {show(was)} recorded ({change:+.1%}), limit {show(most)}."
            if is_over:
                over.append(sentence)
            elif change < -0.02:
                under.append(sentence)
    missing = [f"{name}, {figure}" for name in measured for figure in measured[name] if figure not in limits.get(name, {})]
    if missing:
        raise Failed(f"{LIMITS} has no limit for {'; '.join(missing)}; write limits with --record")
    return over, under


def skip(reason):
    print(f"\n!!! SKIPPED: {reason}\n!!! No limit on instructions or allocations was checked.\n", file=sys.stderr)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the measured values as the new limits")
    parser.add_argument("--binary", default=BENCH, help="the asyncio-bench to measure; redis-bench is in the same folder")
    parser.add_argument("--only", metavar="NAMES", help="only these, separated by commas: " + ",".join(ALL))
    parser.add_argument("--keep", metavar="FOLDER", help="keep callgrind's output files in this folder, for callgrind_annotate")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else ALL
    if not set(names) <= set(ALL):
        parser.error("--only takes these names, separated by commas: " + ",".join(ALL))

    for tool in ("valgrind", "strip"):
        if not shutil.which(tool):
            return skip(f"{tool} is not installed (Debian, Ubuntu: apt-get install valgrind binutils)")
    if not os.path.exists(options.binary):
        parser.error("asyncio-bench is not built; run swift build -c release --package-path " + os.path.relpath(HERE))
    stored = None
    others = {}
    if options.record and options.only:
        with open(LIMITS) as file:
            others = json.load(file)["perOperation"]
    if not options.record:
        with open(LIMITS) as file:
            stored = json.load(file)
        if stored["recorded"]["architecture"] != platform.machine():
            return skip(f"the limits are for {stored['recorded']['architecture']}, but this machine is {platform.machine()}")

    if stored and not options.only:
        # Some operations have no limits until someone records them on a quiet machine.
        names = [name for name in names if name not in OPTIONAL or name in stored["perOperation"]]
    start = time.monotonic()
    try:
        if options.keep:
            os.makedirs(options.keep, exist_ok=True)
            measured = measure(options.binary, options.keep, names)
        else:
            with tempfile.TemporaryDirectory() as folder:
                measured = measure(options.binary, folder, names)
        if options.record:
            record(measured, others)
            print(f"wrote {os.path.relpath(LIMITS)} in {time.monotonic() - start:.0f} s")
            return 0
        limits = stored["perOperation"]
        over, under = compare(measured, {name: limits[name] for name in limits if not options.only or name in names})
    except (Failed, subprocess.SubprocessError, ValueError, KeyError) as error:
        print(f"check.py: {error}", file=sys.stderr)
        return 2
    print(f"{time.monotonic() - start:.0f} s")
    if under:
        print("\nCheaper than recorded:\n  " + "\n  ".join(under))
        print("Record the new values with `python3 Benchmarks/check.py --record`, so that a later increase is noticed.")
    if not over:
        return 0
    print("\nOver the limit:\n  " + "\n  ".join(over))
    now = here()
    changed = [f"{what} {was} -> {now[what]}" for what, was in stored["recorded"].items() if now[what] != was]
    if changed:
        print(f"The environment has changed too: {', '.join(changed)}.")
    print(
        "Find the cause with `--keep FOLDER` and `callgrind_annotate FOLDER/NAME.many.callgrind`, before and after your\n"
        "change. If the change is worth its cost, write new limits with `python3 Benchmarks/check.py --record`. Commit\n"
        "them with the reason, and add a line to Design/0100-performance-log.md.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
