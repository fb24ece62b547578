"""What asyncio-bench does, on CPython's asyncio: spawn, switch and the line server."""
import asyncio
import json
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
    programs = {f.__name__: f for f in (spawn, switch, lineserver)}
    if len(sys.argv) < 2 or sys.argv[1] not in programs:
        sys.exit(64)
    asyncio.run(programs[sys.argv[1]](*map(int, sys.argv[2:])))
