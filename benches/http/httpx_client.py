"""The same requests with httpx: `httpx_client.py WAY URL COUNT CONCURRENCY`, WAY is threads or async."""
import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

way, url, count, concurrency = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)


def threads():
    with httpx.Client(limits=limits, timeout=60) as client, ThreadPoolExecutor(concurrency) as pool:
        return sum(client.status_code == 200 for client in pool.map(lambda _: client.get(url), range(count)))


async def overlapping():
    gate = asyncio.Semaphore(concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def one():
            async with gate:
                return (await client.get(url)).status_code == 200

        return sum(await asyncio.gather(*(one() for _ in range(count))))


began = time.perf_counter()
good = threads() if way == "threads" else asyncio.run(overlapping())
seconds = time.perf_counter() - began
print(f"{way} {seconds:.3f} {good}")
