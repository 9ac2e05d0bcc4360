"""Uses what the package has besides the list of peers, and prints what it finds."""

import asyncio
import sys

import kubepeers


async def follow(provider):
    """Wait in the event loop."""
    print("wait_async", *(await provider.wait_async(timeout=60)).addresses)
    changes = provider.changes()
    async for peers in changes:
        print("async changes", *peers.addresses)
        break


with kubepeers.Provider(**dict(argument.split("=", 1) for argument in sys.argv[1:])) as provider:
    print("changes", *next(iter(provider.changes())).addresses)
    asyncio.run(follow(provider))
    print("explain", *(f"{pod['name']}={pod['verdict']}" for pod in provider.explain()["pods"]))
    health = provider.health()
    print("health", health.stale, health.polling, health.error, health.age is not None)
