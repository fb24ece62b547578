"""The counterpart of asyncio-bench on CPython's asyncio: spawn, switch, files, and the line server."""
import asyncio
import json
import os
import sys
import time


class Measure:
    def __init__(self):
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def report(self, bench, operations):
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        print(json.dumps({"bench": bench, "n": operations, "wall_s": wall, "cpu_s": cpu}), flush=True)


async def nothing():
    pass


async def spawn(count, batch):
    measure = Measure()
    done = 0
    while done < count:
        tasks = [asyncio.create_task(nothing()) for _ in range(batch)]
        for task in tasks:
            await task
        done += batch
    measure.report("spawn", done)


async def switch(tasks, total):
    each = total // tasks

    async def worker():
        for _ in range(each):
            await asyncio.sleep(0)

    measure = Measure()
    await asyncio.gather(*[worker() for _ in range(tasks)])
    measure.report("switch", each * tasks)


BLOCK, BLOCKS = 4096, 16384


async def files(work, count, directory):
    """Files as asyncio programs use them: with `to_thread`."""
    path = f"{directory}/asyncio-bench-{os.getpid()}"
    with open(path, "wb") as file:
        file.write(b"\7" * (BLOCK * BLOCKS))
    with open(path + ".small", "wb") as small:
        small.write(b"\7" * BLOCK)
    file = os.open(path, os.O_RDWR)
    os.fsync(file)
    if work == "cold":
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    data = b"\7" * BLOCK

    def offset(index):
        return index * 7919 % BLOCKS * BLOCK

    def whole():
        with open(path + ".small", "rb") as small:
            return small.read()

    async def read(index):
        await asyncio.to_thread(os.pread, file, BLOCK, offset(index))

    async def write(index):
        await asyncio.to_thread(os.pwrite, file, data, offset(index))

    async def small(index):
        await asyncio.to_thread(whole)

    async def worker(body, first, step):
        for index in range(first, count, step):
            await body(index)

    body, step = {"hot": (read, 1), "cold": (read, 32), "small": (small, 1), "write": (write, 1), "write32": (write, 32)}[work]
    measure = Measure()
    await asyncio.gather(*[worker(body, first, step) for first in range(step)])
    measure.report("files-" + work, count)
    os.close(file)
    os.unlink(path)
    os.unlink(path + ".small")


async def lineserver(port):
    async def handler(reader, writer):
        try:
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", port, backlog=4096)
    print("READY", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    programs = {f.__name__: f for f in (spawn, switch, files, lineserver)}
    if len(sys.argv) < 2 or sys.argv[1] not in programs:
        sys.exit(64)
    asyncio.run(programs[sys.argv[1]](*(int(word) if word.isdigit() else word for word in sys.argv[2:])))
