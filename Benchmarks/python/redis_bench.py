#!/usr/bin/env python3
"""The work of redis-bench with redis-py's asyncio client: redis_bench.py PORT tasks|pipeline COUNT WIDTH SIZE"""
import asyncio
import json
import resource
import sys
import time

import redis.asyncio


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def tasks(client, count, width, value):
    # redis-py has no automatic pipelining: each task has a connection of its own while it waits.
    async def one(number):
        key = f"key:{number}"
        for _ in range(count // width // 2):
            await client.set(key, value)
            if await client.get(key) != value:
                raise ValueError("wrong value")

    await asyncio.gather(*(one(number) for number in range(width)))


async def pipeline(client, count, width, value):
    keys = [f"key:{number}" for number in range(width // 2)]
    for _ in range(count // width):
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.set(key, value)
            pipe.get(key)
        replies = await pipe.execute()
        if len(replies) != width or replies[1] != value:
            raise ValueError("wrong value")


async def main():
    port, work, count, width, size = int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
    client = redis.asyncio.Redis(port=port, max_connections=1000, protocol=3)
    value = b"x" * size
    run = tasks if work == "tasks" else pipeline
    await run(client, width * 20, width, value)
    wall, used = time.perf_counter(), cpu()
    await run(client, count, width, value)
    used = cpu() - used
    print(json.dumps({"n": count, "wall_s": time.perf_counter() - wall, "cpu_s": used}))
    await client.aclose()


asyncio.run(main())
