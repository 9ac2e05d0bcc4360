"""The end of the interpreter beside everything that may go on then. A hang fails by the time limit of `run`."""

from __future__ import annotations

import pytest
from configuration import Options
from program import run, succeeds

RUNS = 100

#: Part of a program: threads that wait in every way, one that asks all the time, and tasks.
PROGRAM = """
import asyncio, logging, sys, threading, time
logging.basicConfig(stream=open("/dev/null", "w"), level=logging.DEBUG)
provider.close()
provider = new_provider(log="debug").__enter__()
def quietly(call):
    def calls():
        try:
            call()
        except KubepeersError: pass
    return calls
def ask():
    while True:
        try:
            provider.discover_peers(0)
        except NotSyncedError: pass
async def iterate():
    async for peers in provider.changes(): pass
async def tasks(ending):
    waiting = [asyncio.create_task(it) for it in (provider.wait_async(0, 3600), iterate())]
    await asyncio.sleep(ending)
    sys.exit()
waiting = [
    lambda: provider.wait(0, 3600), lambda: provider.discover_peers(3600), lambda: provider.wait_for_peers(1, 1, 3600),
    lambda: provider.refresh(3600), lambda: list(provider.changes()), lambda: asyncio.run(tasks(3600)), ask,
]
for call in waiting:
    threading.Thread(target=quietly(call), daemon=True).start()
"""


@pytest.mark.parametrize("number", range(RUNS))
def test_whatever_goes_on(number: int, options: Options) -> None:
    # Some end at once, others when all wait; in tasks, or not.
    seconds = number % 5 / 100
    end = f"asyncio.run(tasks({seconds}))" if number % 2 else f"time.sleep({seconds})"
    done = run(PROGRAM + end, options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_threads_that_python_waits_for(options: Options) -> None:
    """Closing the provider ends them, as it ends tasks that wait in threads."""
    succeeds(
        """
import asyncio, threading
async def main():
    async with provider:
        threading.Thread(target=lambda: list(provider.changes())).start()
        asyncio.create_task(asyncio.to_thread(list, provider.changes()))
        await asyncio.sleep(0.05)
provider.close()
asyncio.run(main())
""",
        options,
    )
