"""The same requests with aiohttp: `aiohttp_client.py URL COUNT CONCURRENCY`."""
import asyncio
import sys
import time

import aiohttp

url, count, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def overlapping():
    gate = asyncio.Semaphore(concurrency)
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as session:

        async def one():
            async with gate, session.get(url) as answer:
                await answer.read()
                return answer.status == 200

        return sum(await asyncio.gather(*(one() for _ in range(count))))


began = time.perf_counter()
good = asyncio.run(overlapping())
print(f"aiohttp {time.perf_counter() - began:.3f} {good}")
