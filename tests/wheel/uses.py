"""Makes the calls that discover.py does not make, and prints the results."""

import asyncio
import json
import sys

import kubepeers

options = json.loads(sys.argv[1])


async def follow():
    """Wait in the event loop."""
    async with kubepeers.AsyncProvider(**options) as provider:
        print("async wait", *await provider.wait(timeout=60))
        print("async wait_for_peers", *await provider.wait_for_peers(1, timeout=60))
        async for peers in provider.changes():
            print("async changes", *peers)
            break


asyncio.run(follow())
with kubepeers.Provider(**options) as provider:
    print("changes", *next(provider.changes()))
    print("explain", *(f"{pod.name}={pod.verdict}" for pod in provider.explain().pods))
    health = provider.health()
    print("health", health.stale, health.polling, health.error, health.synced)
