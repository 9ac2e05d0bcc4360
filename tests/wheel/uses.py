"""Uses what the package has besides the list of peers, and prints what it finds."""

import asyncio
import sys

import kubepeers

options = dict(argument.split("=", 1) for argument in sys.argv[1:])


async def follow():
    """Wait in the event loop."""
    async with kubepeers.Provider(**options) as provider:
        print("wait_async", *await provider.wait_async(timeout=60))
        print("wait_for_peers_async", *await provider.wait_for_peers_async(1, timeout=60))
        async for peers in provider.changes():
            print("async changes", *peers)
            break


asyncio.run(follow())
with kubepeers.Provider(**options) as provider:
    print("changes", *next(iter(provider.changes())))
    print("explain", *(f"{pod['name']}={pod['verdict']}" for pod in provider.explain()["pods"]))
    health = provider.health()
    print("health", health.stale, health.polling, health.error, health.age is not None)
