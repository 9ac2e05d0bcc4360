"""A provider of the library, and the addresses that it gave last."""

from __future__ import annotations

import contextlib
import ctypes
import weakref
from collections.abc import Sequence
from ctypes import byref, c_size_t, c_uint64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from . import _peers
from ._call import call
from ._errors import KubepeersError
from ._library import lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._asyncio import Teller
    from ._log import Log


@dataclass(frozen=True)
class Snapshot(Sequence[str]):
    """The peers as they were at one moment: a sequence of their addresses, and so false if there are none."""

    #: Grows from 1 with every change of a peer's record or of this pod's, readiness included, within one provider.
    generation: int
    #: "ip:port" of each peer, IPv6 in brackets, sorted, without this process's own pod. Empty means alone.
    addresses: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.addresses)

    def __iter__(self) -> Iterator[str]:
        return iter(self.addresses)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self.addresses[index]


class Live:
    """What there is from init() to close(). Any number of threads may use it."""

    __slots__ = ("_room", "answer", "finalizer", "handle", "log", "tellers")

    def __init__(self, handle: c_uint64, log: Log | None = None) -> None:
        # An object: made once, it costs ctypes less than a number does at each call.
        self.handle = handle
        self.log = log
        #: What closes it when it is forgotten.
        self.finalizer: weakref.finalize[[Live], Any] | None = None
        #: The last one. While its generation is what `kubepeers_generation` says, it is the present one.
        self.answer = Snapshot(-1, ())
        #: Those of the event loops, each by its `id()`, while tasks wait.
        self.tellers: weakref.WeakValueDictionary[int, Teller] = weakref.WeakValueDictionary()
        # Bytes that addresses are given; when they do not suffice, twice of what would have.
        self._room = 4096

    def ask(self, timeout_ms: int) -> Snapshot:
        """Give the present addresses, in one call of the library."""
        last = self.answer
        while True:
            length, generation, buffer = c_size_t(), c_uint64(), ctypes.create_string_buffer(self._room)
            call(
                lib.kubepeers_copy_addresses,
                *(self.handle, max(last.generation, 0), timeout_ms),
                *(buffer, len(buffer), byref(length), byref(generation)),
            )
            if generation.value == last.generation:
                return last
            if length.value <= len(buffer):
                break
            self._room = 2 * length.value
        answer = Snapshot(generation.value, _split(ctypes.string_at(buffer, length.value)))
        # Other threads do so too. The last one stays, even if it is an older one: then its generation says so.
        self.answer = answer
        return answer

    def wait(self, function: Callable[..., int], *arguments: int) -> Snapshot:
        """Call a function that waits for a list of peers, for their addresses."""
        with _peers.given_by(function, self.handle, *arguments) as peers:
            generation: int = lib.kubepeers_peers_generation(peers)
            # Nearly always it is the present list: then they come in one call instead of one for each.
            with contextlib.suppress(KubepeersError):
                present = self.ask(0)
                if present.generation == generation:
                    return present
            return Snapshot(generation, _peers.addresses(peers))

    def close(self) -> None:
        """End it. Its thread for log records is waited for a little: see `Log.join()`."""
        self.end()
        if self.log:
            self.log.join()

    def end(self) -> None:
        """End it, and wait for nothing."""
        try:
            if self.log:
                self.log.save()
        finally:
            # Whatever interrupts it, Ctrl-C say.
            call(lib.kubepeers_close, self.handle)
        if self.finalizer:
            self.finalizer.detach()


def _split(texts: bytes) -> tuple[str, ...]:
    # Each is ended by NUL.
    return tuple(texts[:-1].decode().split("\0")) if texts else ()
