"""The provider: what a program calls."""

from __future__ import annotations

from functools import partial

from . import _config
from ._errors import ClosedError, ForkedError, KubepeersError, NoResultError, Status
from ._wait import TRANSIENT, wait, wait_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import weakref
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Any, Literal, NoReturn

    from typing_extensions import Self

    from ._types import Explanation, Health, Node, Snapshot
    from ._wait import Session

#: A new list may take 3.1 s, if the cache of the API server lags.
_MIN_REFRESH_TIMEOUT = 5.0


def library_version() -> str:
    """Return the version of the library, for example "0.4.0".

    Raises:
        LibraryError: the library cannot be loaded, or does not fit this package.
    """
    from ._library import lib

    version: bytes = lib.kubepeers_version()
    return version.decode()


class _BaseProvider:
    """What both providers have in common."""

    _session: Session
    _description: str
    _register_timeout: float
    _discover_timeout: float
    _finalizer: weakref.finalize[..., object] | None = None

    def __init__(
        self,
        *,
        pod_labels: Mapping[str, str],
        discovery_port_name: str,
        namespace: str | None = None,
        remoting_port_name: str | None = None,
        peers_port_name: str | None = None,
        default_discovery_port: int | None = None,
        default_remoting_port: int | None = None,
        default_peers_port: int | None = None,
        membership: Literal["member", "observer"] | None = None,
        pod_uid: str | None = None,
        pod_name: str | None = None,
        pod_ip: str | None = None,
        readiness: Literal["ignore", "ready"] | None = None,
        pending: Literal["exclude", "include"] | None = None,
        ip_family: Literal["primary", "ipv4", "ipv6"] | None = None,
        max_stale: float | None = None,
        watch: Literal["auto", "poll"] | None = None,
        poll_interval: float | None = None,
        register_timeout: float | None = None,
        discover_timeout: float | None = None,
        request_timeout: float | None = None,
        service_account_dir: str | os.PathLike[str] | None = None,
        kubeconfig: str | os.PathLike[str] | None = None,
        context: str | None = None,
        log: Literal["off", "error", "warn", "info", "debug"] | None = None,
        **unknown: NoReturn,
    ) -> None:
        """Validate the options.

        The provider contacts nothing and starts no thread until it registers. The first provider of
        a process loads the library.

        Args:
            pod_labels: The labels that every peer has. All of them must match.
            discovery_port_name: The name of the container port in a peer's address, for example
                "gossip".
            namespace: The namespace of the pods. Default: the namespace of this pod, or with
                `kubeconfig` the namespace of the context.
            remoting_port_name: The name of a second container port, which the provider only
                reports, as `Node.remoting_port`. A peer need not have it.
            peers_port_name: The name of a third container port, which the provider only reports, as
                `Node.peers_port`. A peer need not have it.
            default_discovery_port: The port to assume for pods that have no port named
                `discovery_port_name`. Default: such pods are not peers.
            default_remoting_port: The port to assume for pods that have no port named
                `remoting_port_name`, which must be set, too. Default: their port is 0.
            default_peers_port: The port to assume for pods that have no port named
                `peers_port_name`, which must be set, too. Default: their port is 0.
            membership: "member" (default): this process runs in one of the pods. That pod is
                identified, and is not among its own peers. "observer": it runs in none of the pods,
                for example outside Kubernetes.
            pod_uid: The uid of the pod that this process runs in. `pod_uid`, `pod_name` and
                `pod_ip` are needed only if nothing else identifies the pod; see `register`. One of
                them is enough, and the uid is the most reliable.
            pod_name: The name of the pod that this process runs in.
            pod_ip: The IP address of the pod that this process runs in.
            readiness: "ignore" (default): pods that are not Ready are peers, too, because on a cold
                start no pod is Ready. "ready": only Ready pods are peers. This is for clients of a
                cluster, not for its members: two members could both believe that they are alone.
            pending: "exclude" (default): peers, and this pod, must be Running. "include": Pending
                pods that have an address are peers, too. This is for native sidecars, whose pod is
                Pending until its main containers start.
            ip_family: "primary" (default): the address of a pod is status.podIP. "ipv4" or "ipv6":
                it is the first address of that family.
            max_stale: The maximum age of a result in seconds, 1 to 86400. A call that finds an
                older result requests a list. It raises `NoResultError` (STALE) if the list does not
                arrive in time. Default: no limit. With less than about a minute, calls in a quiet
                cluster cause extra lists, because a quiet watch is confirmed only about once a
                minute.
            watch: "auto" (default): watch the pods, or poll them if the service account may list
                but not watch them. "poll": always poll.
            poll_interval: Seconds between two polls, 1 to 86400, varied at random by up to a fifth.
                Default: 15.
            register_timeout: Seconds for which `register` waits for the first list, at most 86400.
                Default: 5.
            discover_timeout: Seconds for which the other calls wait by default, at most 86400.
                Default: 3. Only `refresh` waits at least 5 s by default.
            request_timeout: Seconds for which one request to the API server may remain unanswered,
                at most 86400. Default: 10.
            service_account_dir: The directory with the files token, ca.crt and namespace. Default:
                the directory that Kubernetes mounts into every container.
            kubeconfig: The path of a kubeconfig to use instead of the service account, for
                processes outside Kubernetes.
            context: The context of the kubeconfig. Default: its current context.
            log: The most verbose level of the records that the logger "kubepeers" of `logging`
                receives. Default: "off". A thread of the provider calls the handlers.
            **unknown: Any other option raises `ConfigError`, whose message has the nearest name.

        Raises:
            ConfigError: an option is unknown or invalid. The message names it.
            KubepeersError: 65,536 providers are open (NO_RESOURCES).
            LibraryError: the library cannot be loaded, or does not fit this package.
        """
        options = dict(locals())
        del options["self"], options["unknown"]
        for name in unknown:
            raise _config.unknown_option(name, options)
        self._open(_config.pairs(options))

    def _open(self, pairs: Iterable[tuple[str, str]]) -> None:
        import weakref

        # This loads the library.
        from ._session import LibrarySession

        pairs = list(pairs)
        session = LibrarySession(pairs)
        self._session = session
        # Also at the end of the interpreter.
        self._finalizer = weakref.finalize(self, _close_unreferenced, session)
        # The library has checked the texts.
        texts = dict(pairs)
        self._register_timeout = (
            int(texts.get("register_timeout_ms", _config.REGISTER_TIMEOUT * 1000)) / 1000
        )
        self._discover_timeout = (
            int(texts.get("discover_timeout_ms", _config.DISCOVER_TIMEOUT * 1000)) / 1000
        )
        self._description = f"{texts['pod_labels']} port {texts['discovery_port_name']}"

    def _timeout(self, timeout: float | None, default: float | None = None) -> float | None:
        """Return the seconds that a call waits, or None for no limit."""
        if timeout is None:
            timeout = self._discover_timeout if default is None else default
        seconds = _config.seconds("timeout", timeout)
        return None if seconds == float("inf") else seconds

    def _refresh_timeout(self) -> float:
        return max(self._discover_timeout, _MIN_REFRESH_TIMEOUT)

    def _newer_than(self, generation: int) -> Callable[[], Snapshot]:
        return partial(self._session.newer_than, _config.unsigned("after_generation", generation))

    def _enough(self, min_peers: int, stable_for: float) -> Callable[[], Snapshot]:
        count, seconds = (
            _config.unsigned("min_peers", min_peers),
            _config.seconds("stable_for", stable_for),
        )
        return partial(self._session.enough, count, seconds)

    @property
    def id(self) -> str:
        """The name of this discovery provider: "kubernetes"."""
        return "kubernetes"

    @property
    def generation(self) -> int:
        """The generation of the snapshot that `snapshot` would return at once.

        While it equals the generation of your last snapshot, that snapshot is still current. The
        value is 0 if `snapshot` would wait or fail, or if `max_stale` is set. Reading it takes less
        than a microsecond.
        """
        return self._session.generation()

    def __repr__(self) -> str:
        if not hasattr(self, "_session"):
            return f"<kubepeers.{type(self).__name__} that was not created>"
        return f"<kubepeers.{type(self).__name__} {self._description}: {self._state()}>"

    def _state(self) -> str:
        try:
            health = self._session.health()
            # Without a generation, this call could request a list.
            peers = self._session.current() if self._session.generation() else None
        except KubepeersError as e:
            return e.status.name.lower().replace("_", " ")
        if peers is None:
            return "synced" if health.synced else "not synced"
        return f"{len(peers)} peer" if len(peers) == 1 else f"{len(peers)} peers"

    def __reduce__(self) -> Any:
        """Raise TypeError, because a provider belongs to its process."""
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled: it belongs to its process"
        )


def _close_unreferenced(session: Session) -> None:
    """Close a provider that is no longer referenced, or is open at the end of the interpreter.

    In a child process the library refuses this, and the provider of the parent remains open.
    """
    try:
        session.close()
    except KubepeersError:
        return  # There is no caller to report it to.


class Provider(_BaseProvider):
    """Finds the peers of this process. Any number of threads may use it at once.

    ::

        with Provider(pod_labels={"app": "demo"}, discovery_port_name="gossip") as provider:
            print(provider.discover_peers())  # ['10.0.0.7:3322', '10.0.0.8:3322']

    `with` registers the provider, and closes it at the end.

    Calls with a timeout wait until they have a result or the timeout expires. Except for
    `register`, they keep waiting while a permanent error lasts, such as a missing Role, because an
    operator may still fix it. A timeout is in seconds, 0 does not wait, and `math.inf` waits
    without limit. Other threads run meanwhile. In the main thread signal handlers run at once. If a
    handler raises an exception, as Ctrl-C does, the call ends with it.

    These errors are raised by all methods except for `close`:
        NotRegisteredError: the provider is not registered (not raised by `register`).
        ClosedError: the provider is closed, or was closed during the call.
        ForkedError: the provider belongs to a parent process.
        InternalError: the library has failed.
    """

    __module__ = "kubepeers"

    def register(self, timeout: float | None = None) -> None:
        """Read the credentials, identify this pod, start the watcher, and wait for the first list.

        The call also returns when the timeout expires and all errors were transient, for example
        because the API server is unreachable or overloaded. The watcher then keeps retrying, and
        `discover_peers` waits or raises `NoResultError` with the reason until a list succeeds. So a
        program can start while the API server is away. Nothing is written to the cluster.

        If the call fails or is interrupted, it leaves nothing running and may be called again.

        The credentials are those of `kubeconfig` if it is set, and otherwise those of the service
        account. They are read again before every request, so that rotation needs no action. The
        Role must allow list and watch on pods. With list alone the pods are polled.

        This pod is identified by the first of the following that is available:

        1. the options `pod_uid`, `pod_name`, `pod_ip`
        2. the pod that the service account's token is bound to
        3. the environment variables POD_UID and POD_NAME
        4. the addresses of the network interfaces that the process sees
        5. the environment variable HOSTNAME

        Args:
            timeout: Seconds to wait. Default: the option `register_timeout`.

        Raises:
            AccessError: there is no API server to contact (NOT_IN_CLUSTER); the token, CA,
                namespace or kubeconfig is missing or unusable (NO_CREDENTIALS); the certificate is
                not trusted (TLS); the API server rejects the token (UNAUTHORIZED); the service
                account may not list pods (FORBIDDEN).
            SelfPodError: this pod cannot be identified.
            LifecycleError: the provider is registered already. The registration remains.
            NotRegisteredError: another thread deregistered meanwhile.
            KubepeersError: there are no descriptors or threads left (NO_RESOURCES).
        """
        seconds = self._timeout(timeout, self._register_timeout)
        registration = self._session.register()
        if seconds == 0:
            return
        try:
            wait(self._session, partial(self._session.first_sync, registration), seconds)
        except NoResultError:
            return  # The watcher keeps retrying.
        except BaseException:
            self._session.undo(registration)
            raise

    def discover_peers(self, timeout: float | None = None) -> list[str]:
        """Return the current peers as "ip:port" or "[ip]:port", sorted, without this pod.

        The call waits until the pods have been listed and this pod is listed, Running and has an
        address (an observer waits only for the list). After that it returns from memory, unless the
        result is older than `max_stale`. While nothing has changed, a call takes less than a
        microsecond: call it whenever the peers are needed.

        An empty list always means that no other pod is a peer now. "Not synced yet" and "API server
        unreachable" are errors, never an empty list. A pod that starts later is not in the list of
        an earlier one. But if the call has returned in two pods with different addresses or ports,
        and neither is terminating, at least one of the two lists has the other pod: they cannot
        both believe that they are alone. This does not hold if `readiness` is "ready".

        While the API server is unreachable or denies requests, the last result is kept and
        returned. `health` returns its age, and `max_stale` limits it.

        A pod with the labels is a peer if it is Running, has an address and the discovery port, is
        not terminating, and is not this pod. It need not be Ready. The options `pending`,
        `readiness` and `ip_family` change this. `explain` returns the verdict on each pod.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            NoResultError: the timeout has expired, and the pods have not been listed (NOT_SYNCED),
                this pod is absent, not Running or has no address (SELF_NOT_VISIBLE), or the result
                is older than `max_stale` (STALE).
            SelfPodError: this pod cannot be a peer (SELF_EXCLUDED), or several pods match this
                process (NO_IDENTITY).
            KubepeersError: there are no descriptors left (NO_RESOURCES).
        """
        return list(self.snapshot(timeout).addresses)

    def snapshot(self, timeout: float | None = None) -> Snapshot:
        """Return the current peers as a `Snapshot`. Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            KubepeersError: as `discover_peers`.
        """
        cached = self._session.cached()
        if cached is not None and timeout is None:
            return cached
        seconds = self._timeout(timeout)
        return wait(self._session, self._session.current, seconds) if cached is None else cached

    def nodes(self, timeout: float | None = None) -> list[Node]:
        """Return the records of the current peers, in their order. Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._session.nodes, self._timeout(timeout))

    def self_node(self, timeout: float | None = None) -> Node:
        """Return this pod, with the address and ports to advertise.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            SelfPodError: this process is an observer (NO_IDENTITY).
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._session.self_node, self._timeout(timeout))

    def wait(self, after_generation: int = 0, timeout: float | None = None) -> Snapshot:
        """Return the peers once their generation is above `after_generation`.

        The call reports states, not events: it may skip intermediate states, but always
        reports the current one. A new generation may have the same addresses.

        Args:
            after_generation: The generation of the last snapshot, or 0 for any.
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            WaitTimeoutError: there is no newer generation. Also a builtin `TimeoutError`.
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._newer_than(after_generation), self._timeout(timeout))

    def changes(self) -> Iterator[Snapshot]:
        """Return an iterator over the snapshots: the current one at once, and then each new one.

        ::

            for peers in provider.changes():
                update(peers.addresses)

        It reports states, not events. If the loop is slow, it gets the newest state next, and none
        of the states before it. A new generation may have the same addresses. The iterator waits
        through transient errors, without limit, and ends when the provider is closed. Each iterator
        starts from the current state, and holds no resource while it does not wait. After an error
        it may be used again.

        Raises:
            NoResultError: there is no usable result, and waiting alone will not help, for example
                because of a missing Role.
            ClosedError: the provider was closed before the iterator was used.
            KubepeersError: as `discover_peers`.
        """
        return _Changes(self)

    def wait_for_peers(
        self, min_peers: int, stable_for: float = 0, timeout: float | None = None
    ) -> Snapshot:
        """Wait until there are at least `min_peers` peers and their addresses are stable.

        It is meant for a process that is about to form a cluster. When the addresses have been the
        same for `stable_for`, the library lists the pods again. If the list confirms the addresses,
        the call returns. An open watch is not enough: it may be dead. The time before the call
        counts, too. If `stable_for` is 0, a list is needed only after requests have failed. While
        requests fail, the call keeps waiting.

        Args:
            min_peers: The minimum number of peers, not counting this pod.
            stable_for: Seconds for which the addresses must have been the same.
            timeout: Seconds to wait. It should exceed `stable_for` by several seconds. Default: the
                option `discover_timeout`.

        Raises:
            WaitTimeoutError: there are too few peers, or they are not stable yet. Also a builtin
                `TimeoutError`.
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._enough(min_peers, stable_for), self._timeout(timeout))

    def refresh(self, timeout: float | None = None) -> None:
        """Force a new list and wait for it. Later results are at least as new as this call.

        This holds even with several API servers. Without a refresh, results are as new as the
        watch, usually a few milliseconds behind. The call is expensive for the API server: do not
        repeat it on a timer. All calls on a provider together cause at most one list a second. If a
        list fails, the library requests another, and the call keeps waiting.

        Args:
            timeout: Seconds to wait. Default: 5, or the option `discover_timeout` if that is
                longer.

        Raises:
            NoResultError: the list has not arrived (STALE), or the pods have never been listed
                (NOT_SYNCED).
        """
        seconds = self._timeout(timeout, self._refresh_timeout())
        wait(self._session, self._session.refresher(), seconds)

    def health(self) -> Health:
        """Return how reliable the results are now. It does not wait."""
        return self._session.health()

    def explain(self) -> Explanation:
        """Return every pod that the labels select, with its verdict. It does not wait.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain()

    def explain_table(self) -> str:
        """Return the explanation as a table, whose layout may change. It does not wait.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain_table()

    def metrics(self) -> str:
        """Return the metrics in Prometheus text format, for example to append them to others.

        The names begin with kubepeers_, and all metrics have the labels namespace and selector.
        Serve several providers under separate paths, because a metric name may occur only once in
        an exposition. kubepeers_metrics in kubepeers.h lists the metrics. It does not wait.
        """
        return self._session.metrics()

    def deregister(self) -> None:
        """Stop the watcher. Waiting calls raise `NotRegisteredError`.

        The provider can be registered again. The call takes milliseconds, and sends nothing to the
        API server.
        """
        self._session.deregister()

    def close(self) -> None:
        """Deregister and close the provider. Waiting calls raise `ClosedError`.

        Closing it again is allowed. The call takes milliseconds. With the option `log` it then
        waits up to a second for handlers of log records that have not finished.

        Raises:
            ForkedError: the provider belongs to a parent process.
        """
        try:
            self._session.close()
        finally:
            if self._finalizer:
                self._finalizer.detach()

    def __enter__(self) -> Self:
        try:
            self.register()
        except BaseException as e:
            if not _is_registered(e):
                self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except ForkedError:
            return  # A child process leaves the block in which it was forked.


class _Changes:
    """The iterator of `Provider.changes`."""

    def __init__(self, provider: Provider) -> None:
        # It keeps the provider from being closed by the garbage collector.
        self._provider = provider
        self._position = _Position()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Snapshot:
        session = self._provider._session
        try:
            return wait(session, partial(self._position.next, session), None, raise_permanent=True)
        except ClosedError:
            if self._position.begun:
                raise StopIteration from None
            raise


class AsyncProvider(_BaseProvider):
    """`Provider` for asyncio, with awaitable methods. It works with any event loop, also uvloop.

    ::

        options = {"pod_labels": {"app": "demo"}, "discovery_port_name": "gossip"}
        async with AsyncProvider(**options) as provider:
            print(await provider.discover_peers())  # ['10.0.0.7:3322', '10.0.0.8:3322']

    `async with` registers the provider, and closes it at the end.

    Waits block neither the event loop nor a thread. All waiting tasks of a loop share two file
    descriptors. A wait may be cancelled at any time, and leaves nothing behind. Calls that do
    not wait, and the first step of `register`, which reads the files of the credentials, run in the
    event loop.

    Arguments, results and errors are those of `Provider`.
    """

    __module__ = "kubepeers"

    async def register(self, timeout: float | None = None) -> None:
        """Read the credentials, identify this pod, start the watcher, and wait for the first list.

        See `Provider.register` for the details and the errors. If the call is cancelled, it leaves
        nothing running.

        Args:
            timeout: Seconds to wait. Default: the option `register_timeout`.
        """
        seconds = self._timeout(timeout, self._register_timeout)
        registration = self._session.register()
        if seconds == 0:
            return
        try:
            await wait_async(
                self._session, partial(self._session.first_sync, registration), seconds
            )
        except NoResultError:
            return  # The watcher keeps retrying.
        except BaseException:
            self._session.undo(registration)
            raise

    async def discover_peers(self, timeout: float | None = None) -> list[str]:
        """Return the current peers as "ip:port" or "[ip]:port", sorted, without this pod.

        An empty list always means that no other pod is a peer now. "Not synced yet" and "API server
        unreachable" are errors, never an empty list. See `Provider.discover_peers` for the details
        and the errors.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.
        """
        return list((await self.snapshot(timeout)).addresses)

    async def snapshot(self, timeout: float | None = None) -> Snapshot:
        """Return the current peers as a `Snapshot`. Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.
        """
        cached = self._session.cached()
        if cached is not None and timeout is None:
            return cached
        seconds = self._timeout(timeout)
        return (
            await wait_async(self._session, self._session.current, seconds)
            if cached is None
            else cached
        )

    async def nodes(self, timeout: float | None = None) -> list[Node]:
        """Return the records of the current peers, in their order. Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.
        """
        return await wait_async(self._session, self._session.nodes, self._timeout(timeout))

    async def self_node(self, timeout: float | None = None) -> Node:
        """Return this pod, with the address and ports to advertise.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            SelfPodError: this process is an observer (NO_IDENTITY).
        """
        return await wait_async(self._session, self._session.self_node, self._timeout(timeout))

    async def wait(self, after_generation: int = 0, timeout: float | None = None) -> Snapshot:
        """Return the peers once their generation is above `after_generation`.

        The call reports states, not events: it may skip intermediate states, but always
        reports the current one. A new generation may have the same addresses.

        Args:
            after_generation: The generation of the last snapshot, or 0 for any.
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            WaitTimeoutError: there is no newer generation. Also a builtin `TimeoutError`.
        """
        return await wait_async(
            self._session, self._newer_than(after_generation), self._timeout(timeout)
        )

    def changes(self) -> AsyncIterator[Snapshot]:
        """Return an iterator over the snapshots: the current one at once, and then each new one.

        ::

            async for peers in provider.changes():
                update(peers.addresses)

        See `Provider.changes` for the details and the errors. If a task is cancelled while it waits
        for the next snapshot, the iterator may be used again. If several tasks share one iterator,
        each snapshot goes to one.
        """
        return _AsyncChanges(self)

    async def wait_for_peers(
        self, min_peers: int, stable_for: float = 0, timeout: float | None = None
    ) -> Snapshot:
        """Wait until there are at least `min_peers` peers and their addresses are stable.

        See `Provider.wait_for_peers` for the details and the errors.

        Args:
            min_peers: The minimum number of peers, not counting this pod.
            stable_for: Seconds for which the addresses must have been the same.
            timeout: Seconds to wait. It should exceed `stable_for` by several seconds. Default: the
                option `discover_timeout`.

        Raises:
            WaitTimeoutError: there are too few peers, or they are not stable yet. Also a builtin
                `TimeoutError`.
        """
        return await wait_async(
            self._session, self._enough(min_peers, stable_for), self._timeout(timeout)
        )

    async def refresh(self, timeout: float | None = None) -> None:
        """Force a new list and wait for it. Later results are at least as new as this call.

        The call is expensive for the API server: do not repeat it on a timer. See
        `Provider.refresh` for the details.

        Args:
            timeout: Seconds to wait. Default: 5, or the option `discover_timeout` if that is
                longer.

        Raises:
            NoResultError: the list has not arrived (STALE), or the pods have never been listed
                (NOT_SYNCED).
        """
        seconds = self._timeout(timeout, self._refresh_timeout())
        await wait_async(self._session, self._session.refresher(), seconds)

    async def health(self) -> Health:
        """Return how reliable the results are now. It does not wait."""
        return self._session.health()

    async def explain(self) -> Explanation:
        """Return every pod that the labels select, with its verdict. It does not wait.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain()

    async def explain_table(self) -> str:
        """Return the explanation as a table, whose layout may change. It does not wait.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain_table()

    async def metrics(self) -> str:
        """Return the metrics in the text format of Prometheus. See `Provider.metrics`."""
        return self._session.metrics()

    async def deregister(self) -> None:
        """Stop the watcher. Waiting calls raise `NotRegisteredError`.

        The provider can be registered again. The call takes milliseconds, and sends nothing to the
        API server.
        """
        self._session.deregister()

    async def close(self) -> None:
        """Deregister and close the provider. Waiting calls raise `ClosedError`.

        Closing it again is allowed. The call takes milliseconds. With the option `log` it then
        waits up to a second for handlers that have not finished, without blocking the event loop.
        If it is cancelled meanwhile, the provider is closed nevertheless.

        Raises:
            ForkedError: the provider belongs to a parent process.
        """
        try:
            await self._session.close_async()
        finally:
            if self._finalizer:
                self._finalizer.detach()

    async def __aenter__(self) -> Self:
        try:
            await self.register()
        except BaseException as e:
            if not _is_registered(e):
                await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except ForkedError:
            return  # A child process leaves the block in which it was forked.


class _AsyncChanges:
    """The iterator of `AsyncProvider.changes`.

    It is not an async generator, because a cancelled one cannot be used again.
    """

    def __init__(self, provider: AsyncProvider) -> None:
        # It keeps the provider from being closed by the garbage collector.
        self._provider = provider
        self._position = _Position()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Snapshot:
        session = self._provider._session
        try:
            return await wait_async(
                session, partial(self._position.next, session), None, raise_permanent=True
            )
        except ClosedError:
            if self._position.begun:
                raise StopAsyncIteration from None
            raise


class _Position:
    """The position of an iterator over changes."""

    def __init__(self) -> None:
        #: Whether the provider has been open since the iterator exists.
        self.begun = False
        self._generation = 0

    def next(self, session: Session) -> Snapshot:
        """Return the next snapshot, without waiting."""
        try:
            # If several tasks share the iterator, another one may have advanced it.
            snapshot = session.newer_than(self._generation)
        except TRANSIENT:
            self.begun = True
            raise
        self.begun = True
        self._generation = snapshot.generation
        return snapshot


def _is_registered(error: BaseException) -> bool:
    return isinstance(error, KubepeersError) and error.status is Status.ALREADY_REGISTERED
