#!/usr/bin/env python3
"""Measures what a second worker gains: the requests per second of `workers` in Examples, whose answers
take some computation, with one worker and with two, and how the work was distributed.

    swift build -c release --package-path Examples --product workers
    python3 Benchmarks/workers.py [--work MICROSECONDS] [--connections N] [--seconds N]

Connections are persistent, or opened for each request (--short). The client uses part of the
processors itself; the longer an answer computes, the smaller that part is.
"""

import argparse
import asyncio
import collections
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "Examples/.build/release/workers"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def client(port, until, keeps, answers):
    while time.monotonic() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            answers[(await reader.readexactly(length)).split()[1]] += 1
            if not keeps:
                break
        writer.close()


def processor_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / 100


async def measure(count, arguments):
    server = subprocess.Popen(
        [PROGRAM, "--port", "0", "--count", str(count), "--work", str(arguments.work)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        ready = [server.stdout.readline() for _ in range(count)]
        pids = [int(line.split("process ")[1].split(",")[0]) for line in ready]
        port = int(ready[0].split("port ")[1])
        answers = collections.Counter()
        start, used = time.monotonic(), processor_seconds(pids)
        until = start + arguments.seconds
        await asyncio.gather(
            *[client(port, until, not arguments.short, answers) for _ in range(arguments.connections)])
        took, used = time.monotonic() - start, processor_seconds(pids) - used
        rate = sum(answers.values()) / took
        shares = " ".join(f"{n / sum(answers.values()):.0%}" for _, n in sorted(answers.items()))
        print(f"{count} worker(s): {rate:8.0f} requests/s, {used / took:.2f} processors busy, shares {shares}")
        return rate
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=int, default=2000, help="computation per answer, in microseconds")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--short", action="store_true", help="open a connection for each request")
    arguments = parser.parse_args()
    one = await measure(1, arguments)
    two = await measure(2, arguments)
    print(f"two workers handle {two / one:.2f} times as many requests as one")


if __name__ == "__main__":
    asyncio.run(main())
