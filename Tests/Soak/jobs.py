#!/usr/bin/env python3
"""Puts jobs through worker processes that are killed all the time, and checks that none is lost.

    Tests/Soak/jobs.py                          100,000 jobs, ten workers, a kill per second, three restarts
    Tests/Soak/jobs.py --jobs 5000 --restarts 1

Build first: swift build -c release --product jobs-program. The script starts its own redis-server with an
append-only file, and needs nothing but Python. Every second, a worker is killed with SIGKILL and replaced. The
server is restarted with SIGKILL, SIGTERM, and SHUTDOWN in turn. The ledgers, which the producers and the workers
write on their own, are then checked without any code of the library:

  * every job of which a producer wrote that it was put has been done;
  * no job has been done that was never put;
  * a job was done twice only if the first worker was killed after it had written that it was done, or if the server
    was away meanwhile;
  * the second time was not before the visibility time had passed, except for the time that the first worker needed
    from the delivery, which is not in the ledger, to the begin of its handler (--slack);
"""

import argparse
import collections
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Server:
    def __init__(self, folder, fsync):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.arguments = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder, "--save", "",
            "--appendonly", "yes", "--appendfsync", fsync, "--loglevel", "warning"]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.DEVNULL)
        while True:
            try:
                if self.send("PING") == "+PONG":
                    return
            except OSError:
                pass
            time.sleep(0.02)

    def send(self, *words):
        """Sends a command, and returns the first line of the reply."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            connection.sendall(text.encode())
            return connection.makefile("rb").readline().decode().rstrip()

    def restart(self, way):
        if way == "SHUTDOWN":
            try:
                self.send("SHUTDOWN")
            except OSError:
                pass
        else:
            self.process.send_signal(getattr(signal, way))
        self.process.wait()
        begin = time.time()
        time.sleep(0.5)
        self.start()
        return begin, time.time()


def read(folder, pattern):
    for path in sorted(pathlib.Path(folder).glob(pattern)):
        for line in path.read_text().splitlines():
            yield line.split()


def check(folder, jobs, visibility, slack, killed, outages):
    """Reads the ledgers. Returns figures, and what is wrong."""
    put = {int(fields[1]) for fields in read(folder, "put-*")}
    runs = collections.defaultdict(dict)
    for kind, job, attempt, process, at in read(folder, "work-*"):
        run = runs[int(job)].setdefault((int(attempt), int(process)), {})
        run[kind] = int(at)
    wrong = []
    done = {job for job, tries in runs.items() if any("E" in run for run in tries.values())}
    for job in sorted(put - done)[:10]:
        wrong.append(f"job {job} is lost")
    for job in sorted(done - set(range(jobs)))[:10]:
        wrong.append(f"job {job} was never put")
    twice = interrupted = 0
    reasons = collections.Counter()
    for job, tries in runs.items():
        ordered = sorted(tries.items(), key=lambda item: item[1]["S"])
        for (first, second) in zip(ordered, ordered[1:]):
            (attempt, process), run = first
            gap = second[1]["S"] - run["S"]
            away = any(begin * 1000 <= second[1]["S"] and end * 1000 >= run["S"] for begin, end in outages)
            if "E" in run:
                twice += 1
                if process in killed and killed[process] >= run["E"] - 1:
                    reasons["the worker was killed after the end and before the acknowledgment"] += 1
                elif away:
                    reasons["the server was away when the delivery was to be acknowledged or renewed"] += 1
                else:
                    wrong.append(f"job {job} was done twice without a reason: {ordered}")
            else:
                interrupted += 1
                if process not in killed and not away:
                    wrong.append(f"job {job} was begun twice without a reason: {ordered}")
            if second[0][0] > attempt and gap < visibility - slack:
                wrong.append(f"job {job} was delivered again after {gap} ms: {ordered}")
    return {
        "put": len(put), "done": len(done), "runs": sum(map(len, runs.values())), "done twice": twice,
        "interrupted and repeated": interrupted, "reasons": dict(reasons)}, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--producers", type=int, default=2)
    parser.add_argument("--limit", type=int, default=10, help="jobs at once in each worker")
    parser.add_argument("--visibility", type=int, default=3000, help="in milliseconds")
    parser.add_argument("--slack", type=int, default=1000, help="of a loaded machine, in milliseconds")
    parser.add_argument("--pause", type=int, default=20, help="the mean duration of a job in milliseconds")
    parser.add_argument("--kill-every", type=float, default=1.0, help="in seconds")
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--fsync", default="always", choices=["always", "everysec"])
    parser.add_argument("--program", default=ROOT / ".build/release/jobs-program")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, options.fsync)
        killed, outages, processes = {}, [], []
        begin = time.time()

        def start(kind, number, *more):
            command = [options.program, kind, server.url, "soak", f"{folder}/{kind}-{number}", *map(str, more)]
            return subprocess.Popen(command, stdout=subprocess.DEVNULL)

        def worker(number):
            return start("work", number, options.limit, options.visibility, options.pause)

        try:
            share = -(-options.jobs // options.producers)
            producers = [
                start("put", number, number * share, min(share, options.jobs - number * share))
                for number in range(options.producers)]
            workers = [worker(number) for number in range(options.workers)]
            processes = producers + workers
            started, restarts, next_kill = len(workers), 0, time.time() + options.kill_every
            while True:
                time.sleep(0.05)
                try:
                    is_empty = server.send("ZCARD", "jobs:{soak}:all") == ":0"
                    code = "return tonumber(redis.call('HGET', KEYS[1], 'done') or '0')"
                    done = int(server.send("EVAL", code, "1", "jobs:{soak}:stats")[1:])
                except (OSError, ValueError):
                    continue
                if is_empty and all(process.poll() is not None for process in producers):
                    break
                if time.time() > next_kill:
                    next_kill += options.kill_every
                    index = random.randrange(len(workers))
                    victim = workers[index]
                    victim.kill()
                    killed[victim.pid] = time.time() * 1000
                    victim.wait()
                    workers[index] = worker(started)
                    started += 1
                    processes.append(workers[index])
                if restarts < options.restarts and done > options.jobs * (restarts + 1) / (options.restarts + 1):
                    outages.append(server.restart(["SIGKILL", "SIGTERM", "SHUTDOWN"][restarts % 3]))
                    restarts += 1
            duration = time.time() - begin
            for process in workers:
                process.terminate()
            codes = collections.Counter(process.wait(30) for process in workers)
            producer_codes = [process.returncode for process in producers]
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            server.process.kill()
            server.process.wait()

        figures, wrong = check(
            folder, options.jobs, options.visibility, options.slack, killed, outages)
        figures |= {
            "seconds": round(duration, 1), "jobs per second": round(options.jobs / duration),
            "workers killed": len(killed), "server restarts": len(outages),
            "bound of duplicates": len(killed) * options.limit + len(outages) * options.limit * options.workers}
        if any(producer_codes):
            wrong.append(f"producers ended with {producer_codes}")
        # A worker that has only just been started does not handle the signal yet.
        if not set(codes) <= {0, -signal.SIGTERM}:
            wrong.append(f"workers ended with {dict(codes)}")
        if figures["put"] != options.jobs:
            wrong.append(f"only {figures['put']} of {options.jobs} jobs were put")
        if figures["done twice"] + figures["interrupted and repeated"] > figures["bound of duplicates"]:
            wrong.append("there are more duplicates than killed workers can have had jobs")
    for name, value in figures.items():
        print(f"{name:26} {value}")
    for line in wrong[:20]:
        print("WRONG:", line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
