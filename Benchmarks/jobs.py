#!/usr/bin/env python3
"""Measures jobs per second and CPU time per job of RedisQueue, and of arq if the running Python has it.

    Benchmarks/jobs.py              20,000 jobs that do nothing, one worker process, 100 jobs at once

Build first: swift build -c release --product jobs-program. For arq, run the script with a Python that has the
package arq (with hiredis). The script starts its own redis-server, which writes nothing to disk. The jobs are put
by one process, and then run by another one. CPU time is that of these processes, without the server.
"""

import argparse
import importlib.util
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

ARQ_FILL = """
import asyncio, sys
from arq import create_pool
from arq.connections import RedisSettings
async def main():
    pool = await create_pool(RedisSettings(port=int(sys.argv[1])))
    limit = asyncio.Semaphore(100)
    async def put(number):
        async with limit:
            await pool.enqueue_job("work", number)
    await asyncio.gather(*(put(number) for number in range(int(sys.argv[2]))))
asyncio.run(main())
"""
ARQ_DRAIN = """
import sys
from arq import run_worker
from arq.connections import RedisSettings
async def work(context, number):
    pass
class Settings:
    functions = [work]
    redis_settings = RedisSettings(port=int(sys.argv[1]))
    burst, max_jobs, keep_result, poll_delay, log_results = True, int(sys.argv[2]), 600, 0.01, False
import logging; logging.disable()
run_worker(Settings)
"""


def measure(command):
    """Runs a program. Returns the elapsed time and the CPU time in seconds."""
    begin = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed with status {status}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--program", default=ROOT / ".build/release/jobs-program")
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            url = f"redis://127.0.0.1:{port}"
            kinds = {
                "RedisQueue": (
                    [options.program, "fill", url, "bench", options.jobs],
                    [options.program, "drain", url, "bench", options.limit])}
            if importlib.util.find_spec("arq"):
                kinds["arq"] = (
                    [sys.executable, "-c", ARQ_FILL, port, options.jobs],
                    [sys.executable, "-c", ARQ_DRAIN, port, options.limit])
            print(f"{'':12}{'put/s':>10}{'CPU us/put':>12}{'done/s':>10}{'CPU us/job':>12}")
            for name, (fill, drain) in kinds.items():
                best = None
                for _ in range(options.runs):
                    put, run = measure(fill), measure(drain)
                    if best is None or run[0] < best[1][0]:
                        best = put, run
                put, run = best
                print(
                    f"{name:12}{options.jobs / put[0]:10.0f}{put[1] / options.jobs * 1e6:12.1f}"
                    f"{options.jobs / run[0]:10.0f}{run[1] / options.jobs * 1e6:12.1f}", flush=True)
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
