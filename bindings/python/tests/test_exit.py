"""The end of the interpreter beside everything that may go on then. A hang fails by the time limit of `run`."""

from __future__ import annotations

import pytest
from configuration import Options
from program import run

RUNS = 100

#: Part of a program: threads that wait in every way, and one that asks all the time.
THREADS = """
import asyncio, logging, threading, time
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
async def task():
    await asyncio.gather(provider.wait_async(0, 3600), iterate())
async def iterate():
    async for peers in provider.changes(): pass
waiting = [
    lambda: provider.wait(0, 3600), lambda: provider.discover_peers(3600), lambda: provider.wait_for_peers(1, 1, 3600),
    lambda: provider.refresh(3600), lambda: list(provider.changes()), lambda: asyncio.run(task()), ask,
]
for call in waiting:
    threading.Thread(target=quietly(call), daemon=True).start()
"""

#: Part of a program: tasks in the main thread.
TASKS = """
import asyncio, logging, sys
logging.basicConfig(stream=open("/dev/null", "w"), level=logging.DEBUG)
provider.close()
provider = new_provider(log="debug").__enter__()
async def iterate():
    async for peers in provider.changes(): pass
async def main(ending):
    tasks = [asyncio.create_task(it) for it in (provider.wait_async(0, 3600), iterate())]
    await asyncio.sleep(ending)
    sys.exit()
"""


@pytest.mark.parametrize("number", range(RUNS))
def test_threads_that_wait(number: int, options: Options) -> None:
    # Some end at once, others when all wait.
    done = run(f"{THREADS}time.sleep({number % 5 / 100})", options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("number", range(RUNS))
def test_tasks_that_wait(number: int, options: Options) -> None:
    done = run(f"{TASKS}asyncio.run(main({number % 5 / 100}))", options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
