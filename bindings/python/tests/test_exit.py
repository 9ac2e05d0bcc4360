"""The end of the interpreter while calls wait. A hang fails by the time limit of `run`."""

from __future__ import annotations

import pytest
from configuration import Options
from program import run, succeeds

RUNS = 100

#: Part of a program: threads that wait in every call, a busy one, and tasks.
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
        except NoResultError: pass
async_provider = AsyncProvider(**{**options, "log": "debug"})
asyncio.run(async_provider.register())
async def iterate():
    async for peers in async_provider.changes(): pass
async def tasks(ending):
    waiting = [asyncio.create_task(it) for it in (async_provider.wait(0, 3600), iterate())]
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
def test_a_process_ends_while_calls_wait(number: int, options: Options) -> None:
    # Some end at once, others while all calls wait, in a task or not.
    seconds = number % 5 / 100
    end = f"asyncio.run(tasks({seconds}))" if number % 2 else f"time.sleep({seconds})"
    done = run(PROGRAM + end, options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_closing_ends_the_threads_that_python_waits_for(options: Options) -> None:
    succeeds(
        """
import asyncio, threading
async def main():
    with provider:
        threading.Thread(target=lambda: list(provider.changes())).start()
        asyncio.create_task(asyncio.to_thread(list, provider.changes()))
        await asyncio.sleep(0.05)
provider.close()
provider = new_provider()
asyncio.run(main())
""",
        options,
    )
