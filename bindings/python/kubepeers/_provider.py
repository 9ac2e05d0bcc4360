"""The providers that programs use."""

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

#: A new list takes up to 3.1 s if the API server's cache lags.
_MIN_REFRESH_TIMEOUT = 5.0


def library_version() -> str:
    """Return the version of the shared library, for example "0.4.0".

    This loads the library if no provider has loaded it yet.

    Raises:
        LibraryError: the library cannot be loaded, or is incompatible with this package.
    """
    from ._library import lib

    version: bytes = lib.kubepeers_version()
    return version.decode()


class _BaseProvider:
    """The parts that both providers share."""

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

        The constructor contacts no server and starts no thread. The first provider of a process
        loads the library. `register` reads the files that options name, so use absolute paths if
        the process changes its working directory.

        Args:
            pod_labels: The labels that every peer has. All of them must match.
            discovery_port_name: The name of the container port in a peer's address, for example
                "gossip".
            namespace: The namespace of the pods. Default: the namespace of this pod. With
                `kubeconfig`: the namespace of the context, or "default" if it has none.
            remoting_port_name: The name of a second container port. The provider only reports it,
                as `Node.remoting_port`. A peer need not have it.
            peers_port_name: The name of a third container port. The provider only reports it, as
                `Node.peers_port`. A peer need not have it.
            default_discovery_port: The port number (1 to 65535) to assume for pods that have no
                port named `discovery_port_name`. Default: such pods are not peers.
            default_remoting_port: The port number to assume for pods that have no port named
                `remoting_port_name`, which must also be set. Default: `Node.remoting_port` is 0.
            default_peers_port: The port number to assume for pods that have no port named
                `peers_port_name`, which must also be set. Default: `Node.peers_port` is 0.
            membership: "member" (default): this process runs in one of the pods. The provider
                identifies that pod and excludes it from the result. "observer": this process runs
                in none of the pods, for example outside Kubernetes.
            pod_uid: The uid of the pod that this process runs in. `pod_uid`, `pod_name` and
                `pod_ip` take precedence over all other ways to identify this pod (see `register`),
                and are needed only if those fail. One is enough. The uid is the most reliable.
            pod_name: The name of the pod that this process runs in. Ignored if `pod_uid` is set.
            pod_ip: The IP address of the pod that this process runs in. Ignored if `pod_uid` or
                `pod_name` is set.
            readiness: "ignore" (default): a peer need not be Ready, because on a cold start no pod
                is Ready. "ready": only Ready pods are peers. "ready" is for clients of a cluster,
                not for its members: two members could both believe that they are alone.
            pending: "exclude" (default): peers and this pod must be Running. "include": they may
                also be Pending, if they have an address. "include" is for native sidecars, whose
                pod is Pending until its main containers start.
            ip_family: "primary" (default): the address of a pod is status.podIP. "ipv4" or "ipv6":
                the address is the first of that family in status.podIPs.
            max_stale: The maximum age of a result in seconds (1 to 86400). A call that finds an
                older result requests a list. It raises `NoResultError` (STALE) if the list does not
                arrive in time. Default: no limit. With less than about 60, calls in a quiet cluster
                cause extra lists, because a quiet watch is confirmed only about once a minute.
            watch: "auto" (default): watch the pods, or poll them if the service account may list
                but not watch them. "poll": always poll.
            poll_interval: Seconds between two polls (1 to 86400), varied at random by up to a
                fifth. Default: 15.
            register_timeout: The default timeout of `register` in seconds (0 to 86400). Default: 5.
            discover_timeout: The default timeout of all other calls that wait, in seconds (0 to
                86400). Default: 3. `refresh` uses 5 if this is less.
            request_timeout: Seconds to wait for the start of a response of the API server, and for
                each further part of the response (0.001 to 86400). A whole list may take three
                times as long. Default: 10.
            service_account_dir: The directory of the files token, ca.crt and namespace. Default:
                /var/run/secrets/kubernetes.io/serviceaccount.
            kubeconfig: The path of a kubeconfig to use instead of the service account, for
                processes outside Kubernetes. With this option, `service_account_dir` has no effect.
                The provider does not read the environment variable KUBECONFIG.
            context: The context of the kubeconfig, which must also be set. Default: its current
                context.
            log: The most verbose level of the records that the provider sends to
                `logging.getLogger("kubepeers")`. "error": the library has failed. "warn": a request
                failed, or something else needs an operator's attention. "info": the registration,
                the result, or the way in which the provider gets the result has changed. "debug":
                everything else. Default: "off". A thread of the provider calls the handlers.
            **unknown: Not accepted. The `ConfigError` suggests the nearest name.

        Raises:
            ConfigError: an option is unknown or invalid. The message names it.
            TypeError: `pod_labels` or `discovery_port_name` is missing.
            KubepeersError: 65,536 providers are open (NO_RESOURCES).
            LibraryError: the library cannot be loaded, or is incompatible with this package.
        """
        options = dict(locals())
        del options["self"], options["unknown"]
        for name in unknown:
            raise _config.unknown_option(name, options)
        self._open(_config.pairs(options))

    @classmethod
    def _from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Return a provider for keys and values of the library, with its words in messages."""
        provider = cls.__new__(cls)
        provider._open(pairs, raw=True)
        return provider

    def _open(self, pairs: Iterable[tuple[str, str]], *, raw: bool = False) -> None:
        import weakref

        # This import loads the library.
        from ._session import LibrarySession

        pairs = list(pairs)
        session = LibrarySession(pairs, raw=raw)
        self._session = session
        # The finalizer also runs when the interpreter exits.
        self._finalizer = weakref.finalize(self, _close_unreferenced, session)
        # The library has validated the values, so int() cannot fail.
        texts = dict(pairs)
        self._register_timeout = (
            int(texts.get("register_timeout_ms", _config.REGISTER_TIMEOUT * 1000)) / 1000
        )
        self._discover_timeout = (
            int(texts.get("discover_timeout_ms", _config.DISCOVER_TIMEOUT * 1000)) / 1000
        )
        self._description = f"{texts['pod_labels']} port {texts['discovery_port_name']}"

    def _timeout(self, timeout: float | None, default: float | None = None) -> float | None:
        """Return the seconds that a call waits. None means no limit."""
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
        """The name of this discovery method: "kubernetes"."""
        return "kubernetes"

    @property
    def generation(self) -> int:
        """The generation of the snapshot that `snapshot` would return at once.

        While it equals the generation of your last snapshot, that snapshot is current. The
        generation is 0 if `snapshot` would wait or fail, if `max_stale` is set, or if at least
        1,024 other providers were open when this one was created. Reading it takes less than a
        microsecond and raises no error.
        """
        return self._session.generation()

    def __repr__(self) -> str:
        if not hasattr(self, "_session"):
            return f"<kubepeers.{type(self).__name__} that was not created>"
        return f"<kubepeers.{type(self).__name__} {self._description}: {self._state()}>"

    def _state(self) -> str:
        try:
            health = self._session.health()
            # If the generation is 0, `current` could request a list.
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
    """Close a provider that is no longer referenced, or is open when the interpreter exits.

    In a child process the library refuses this, and the parent's provider stays open.
    """
    try:
        session.close()
    except KubepeersError:
        return  # There is no caller to report it to.


class Provider(_BaseProvider):
    """Finds the peers of this process. Any number of threads may use a provider at once.

    ::

        with Provider(pod_labels={"app": "demo"}, discovery_port_name="gossip") as provider:
            print(provider.discover_peers())  # ['10.0.0.7:3322', '10.0.0.8:3322']

    `with` calls `register` at the start and `close` at the end, after which the provider cannot be
    used again. If the provider is already registered, `with` raises `LifecycleError` and the
    provider stays registered.

    Methods with a timeout wait until they have a result or the timeout expires. The timeout is in
    seconds. With 0 the call does not wait, and with `math.inf` it waits without limit. A negative
    timeout raises `ValueError`, and one that is not a number raises `TypeError`.

    While requests to the API server fail permanently, for example because of a missing Role, these
    calls keep waiting, because an operator may still fix the cause. Only `register` raises such an
    error before its timeout expires. The iterator of `changes` has no timeout and raises such an
    error at once.

    While a call waits, other threads run. In the main thread, signal handlers run at once. If a
    handler raises an exception, as Ctrl-C does, the call ends with that exception.

    All methods except `close` raise these errors:
        NotRegisteredError: the provider is not registered (not raised by `register`), or was
            deregistered during the call.
        ClosedError: the provider is closed, or was closed during the call.
        ForkedError: the provider belongs to a parent process. Create another in the child.
        InternalError: the library has failed. Close or deregister the provider.
    """

    __module__ = "kubepeers"

    def register(self, timeout: float | None = None) -> None:
        """Read the credentials, identify this pod, start the watcher, and wait for the first list.

        The call raises permanent errors, such as a missing Role. It returns when the pods have been
        listed, and also when the timeout expires after only transient errors, for example because
        the API server is unreachable or overloaded. A program can therefore start while the API
        server is down: the watcher keeps retrying, and other calls wait, or raise `NoResultError`
        with the reason, until a list succeeds.

        With the timeout 0 the call reads the credentials, starts the watcher and returns. A
        permanent error that is found after the call has returned makes other calls raise a
        `NoResultError` that is not retryable. The watcher keeps retrying even then, so the program
        need not register again once an operator has fixed the cause. The API server's responses 401
        and 403 count as permanent once they have lasted for two seconds, because an API server that
        is starting denies valid requests for a moment. `register` does not raise them if its
        timeout is shorter.

        If the call fails or is interrupted, it leaves nothing running and may be called again. If
        the provider was registered before the call, that registration remains. The call writes
        nothing to the cluster and does not check whether this pod can be a peer.

        The credentials are those of `kubeconfig` if it is set. Otherwise they are the files in
        `service_account_dir`, with the API server's address from the environment variables
        KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. The files are read again before every
        request, so that rotation needs no action. The Role must allow list and watch on pods. With
        list alone, the watcher polls.

        The library identifies this pod by the first of the following that is available. It
        identifies no pod for an observer.

        1. the options `pod_uid`, `pod_name` and `pod_ip`, in this order
        2. without `kubeconfig`: the pod that the service account's token is bound to
        3. the environment variables POD_UID and POD_NAME; one of them is enough
        4. without `kubeconfig`: the addresses of the network interfaces that the process sees; if
           several pods share an address (hostNetwork), only pods with the discovery port count
        5. without `kubeconfig`: the environment variable HOSTNAME, if no pod with the labels has an
           address from 4

        Args:
            timeout: Seconds to wait. Default: the option `register_timeout`.

        Raises:
            AccessError: there is no API server to contact (NOT_IN_CLUSTER); the token, CA,
                namespace or kubeconfig is missing or unusable (NO_CREDENTIALS); the API server's
                certificate is not trusted, or TLS failed (TLS); the API server rejects the
                credentials (UNAUTHORIZED); the service account may not list pods (FORBIDDEN).
            SelfPodError: this pod cannot be identified (NO_IDENTITY).
            LifecycleError: the provider is already registered. The registration remains.
            NotRegisteredError: another thread deregistered the provider during the call.
            ForkedError: also if the process has closed the library's descriptors, as daemons do.
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
        """Return the addresses of the current peers, sorted, as "ip:port" or "[ip]:port".

        The list excludes this pod. The call waits until the pods have been listed and this pod is
        among them, is Running and has an address. (An observer waits only for the list.) After that
        it returns from memory. It waits again only if the result is older than `max_stale`, or if
        this pod no longer meets these conditions, for example because it is no longer listed.
        Without `max_stale`, a call takes less than a microsecond while nothing has changed, so make
        it whenever you need the peers. The returned list belongs to the caller.

        An empty list always means that no other pod is a peer, as of the last confirmation. "Not
        synced yet" and "API server unreachable" are errors, never an empty list. Until there is a
        first result, the call raises an error when its timeout expires. If the API server becomes
        unreachable later, or denies requests, the last result is kept and returned. `health`
        returns its age, and `max_stale` limits it.

        A result does not contain pods that start after it. Still, two pods that start together
        cannot both believe that they are alone. If the call has returned in each of two pods with
        different addresses or ports, and neither pod is terminating, at least one of the two
        results contains the other pod. This does not hold if `readiness` is "ready", nor for
        observers. docs/guarantee.md lists all assumptions.

        A pod with the labels is a peer if it is Running, has an address and the discovery port, is
        not terminating, and is not this pod. It need not be Ready. The options `pending`,
        `readiness`, `ip_family` and `default_discovery_port` change these conditions. If several
        pods have the same address and port, only the one that started last is a peer. If this pod
        is one of them, none is. `explain` returns the verdict on each pod.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            NoResultError: the timeout has expired, and either the pods have not been listed
                (NOT_SYNCED), or this pod is not listed, not Running or has no address
                (SELF_NOT_VISIBLE), or the result is older than `max_stale` (STALE).
            SelfPodError: this pod cannot be a peer (SELF_EXCLUDED), or several pods match this
                process (NO_IDENTITY). Raised at once.
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
        """Return the records of the current peers, sorted like their addresses.

        Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._session.nodes, self._timeout(timeout))

    def self_node(self, timeout: float | None = None) -> Node:
        """Return the record of this pod, with the address and ports to advertise.

        Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            SelfPodError: also if this process is an observer (NO_IDENTITY).
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._session.self_node, self._timeout(timeout))

    def wait(self, after_generation: int = 0, timeout: float | None = None) -> Snapshot:
        """Return the peers once their generation is above `after_generation`.

        The call reports states, not events: it may skip intermediate states, but always reports the
        current one. A new generation may have the same addresses.

        Args:
            after_generation: The generation of the last snapshot, or 0 for any.
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            WaitTimeoutError: there is no newer generation. Also a builtin `TimeoutError`.
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._newer_than(after_generation), self._timeout(timeout))

    def changes(self) -> Iterator[Snapshot]:
        """Return an iterator over snapshots: the current one at once, then each newer one.

        ::

            for peers in provider.changes():
                update(peers.addresses)

        The iterator reports states, not events: a slow loop gets the newest state next, and none of
        the states before it. A new generation may have the same addresses. The iterator waits
        without limit, even through transient errors, and ends when the provider is closed. After an
        error it may be used again.

        Each iterator starts with the current state and keeps its provider alive. It has open
        descriptors only while it waits. Threads that share an iterator may get the same snapshot,
        so create one for each thread.

        Raises:
            NoResultError: there is no usable result, and an operator must act, for example because
                a Role is missing.
            ClosedError: the provider was closed before the first iteration.
            KubepeersError: as `discover_peers`.
        """
        return _Changes(self)

    def wait_for_peers(
        self, min_peers: int, stable_for: float = 0, timeout: float | None = None
    ) -> Snapshot:
        """Wait until there are at least `min_peers` peers and their addresses are stable.

        The call is meant for a process that is about to form a cluster. When the addresses have
        been the same for `stable_for`, the library lists the pods again, because an open watch may
        be dead. It delays this list by up to 5 ms per peer (at most 5 s), so that not all members
        list at once. If the list confirms the addresses, the call returns. While requests fail, it
        keeps waiting.

        Time before the call counts, so a program may repeat the call with short timeouts. If
        `stable_for` is 0, a list is needed only after requests have failed. If `min_peers` is 0,
        the call waits until the addresses are stable, even if there are none.

        Args:
            min_peers: The minimum number of peers, not counting this pod.
            stable_for: Seconds for which the addresses must have been the same.
            timeout: Seconds to wait. It should exceed `stable_for` by several seconds. Default: the
                option `discover_timeout` (3 s), which is usually too short.

        Raises:
            WaitTimeoutError: there are too few peers, or they are not stable yet. Also a builtin
                `TimeoutError`.
            KubepeersError: as `discover_peers`.
        """
        return wait(self._session, self._enough(min_peers, stable_for), self._timeout(timeout))

    def refresh(self, timeout: float | None = None) -> None:
        """Force a new list of the pods and wait for it.

        Later results are at least as new as this call, even with several API servers. Without a
        refresh, results are as new as the watch, usually a few milliseconds behind.

        The call is expensive for the API server: do not repeat it on a timer. All calls on a
        provider together cause at most one list a second, and fewer while the API server refuses
        them. If a list fails, the library requests another, and the call keeps waiting. With the
        timeout 0 the call requests the list and raises `NoResultError`.

        Args:
            timeout: Seconds to wait. Default: 5, or the option `discover_timeout` if that is
                longer.

        Raises:
            NoResultError: the list has not arrived (STALE), or the pods have never been listed
                (NOT_SYNCED).
            KubepeersError: there are no descriptors left (NO_RESOURCES).
        """
        seconds = self._timeout(timeout, self._refresh_timeout())
        wait(self._session, self._session.refresher(), seconds)

    def health(self) -> Health:
        """Return how reliable the results are now, without waiting."""
        return self._session.health()

    def explain(self) -> Explanation:
        """Return every pod that the labels select, with its verdict, without waiting.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain()

    def explain_table(self) -> str:
        """Return the explanation as a human-readable table, without waiting.

        The layout may change.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain_table()

    def metrics(self) -> str:
        """Return the metrics in Prometheus text format, without waiting.

        The text may be appended to other metrics: all names begin with kubepeers_. All metrics have
        the labels namespace and selector. Serve several providers under separate paths, because an
        exposition may describe each metric only once. kubepeers_metrics in kubepeers.h lists the
        metrics.
        """
        return self._session.metrics()

    def deregister(self) -> None:
        """Stop the watcher. Waiting calls raise `NotRegisteredError`.

        The provider can be registered again. The call takes milliseconds and sends nothing to the
        API server.

        Raises:
            NotRegisteredError: the provider is not registered.
        """
        self._session.deregister()

    def close(self) -> None:
        """Deregister and close the provider permanently. Waiting calls raise `ClosedError`.

        The call takes milliseconds. With the option `log` it then waits up to a second for log
        handlers that have not finished. Any thread may close the provider, and closing it again has
        no effect.

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
        # Keeps the garbage collector from closing the provider.
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
    """`Provider` for asyncio: the same arguments, results and errors, with awaitable methods.

    ::

        options = {"pod_labels": {"app": "demo"}, "discovery_port_name": "gossip"}
        async with AsyncProvider(**options) as provider:
            print(await provider.discover_peers())  # ['10.0.0.7:3322', '10.0.0.8:3322']

    `async with` awaits `register` at the start and `close` at the end.

    All methods are coroutines, even those that do not wait, except for `changes`, which returns an
    async iterator. The constructor needs no running event loop. One provider may serve several
    event loops, of asyncio or of uvloop.

    A wait blocks neither the event loop nor a thread. It may be cancelled at any time and leaves
    nothing behind. All tasks of a loop that wait for the same provider share two file descriptors.

    Work that does not wait runs in the event loop: `register` reads the files of the credentials
    there, and `close` and `deregister` block the loop for milliseconds.
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
        """Return the addresses of the current peers, sorted, as "ip:port" or "[ip]:port".

        An empty list always means that no other pod is a peer, never that nothing is known yet. See
        `Provider.discover_peers` for the details and the errors.

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
        """Return the records of the current peers, sorted like their addresses.

        Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.
        """
        return await wait_async(self._session, self._session.nodes, self._timeout(timeout))

    async def self_node(self, timeout: float | None = None) -> Node:
        """Return the record of this pod, with the address and ports to advertise.

        Wait like `discover_peers`.

        Args:
            timeout: Seconds to wait. Default: the option `discover_timeout`.

        Raises:
            SelfPodError: also if this process is an observer (NO_IDENTITY).
        """
        return await wait_async(self._session, self._session.self_node, self._timeout(timeout))

    async def wait(self, after_generation: int = 0, timeout: float | None = None) -> Snapshot:
        """Return the peers once their generation is above `after_generation`.

        The call reports states, not events: it may skip intermediate states, but always reports the
        current one. A new generation may have the same addresses.

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
        """Return an async iterator over snapshots: the current one at once, then each newer one.

        ::

            async for peers in provider.changes():
                update(peers.addresses)

        See `Provider.changes` for the details and the errors. If a task is cancelled while it waits
        for the next snapshot, the iterator may be used again. If several tasks share an iterator,
        each snapshot goes to one of them.
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
                option `discover_timeout` (3 s), which is usually too short.

        Raises:
            WaitTimeoutError: there are too few peers, or they are not stable yet. Also a builtin
                `TimeoutError`.
        """
        return await wait_async(
            self._session, self._enough(min_peers, stable_for), self._timeout(timeout)
        )

    async def refresh(self, timeout: float | None = None) -> None:
        """Force a new list of the pods and wait for it.

        Later results are at least as new as this call. The call is expensive for the API server: do
        not repeat it on a timer. See `Provider.refresh` for the details.

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
        """Return how reliable the results are now, without waiting."""
        return self._session.health()

    async def explain(self) -> Explanation:
        """Return every pod that the labels select, with its verdict, without waiting.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain()

    async def explain_table(self) -> str:
        """Return the explanation as a human-readable table, without waiting.

        The layout may change.

        Raises:
            NoResultError: the pods have not been listed yet (NOT_SYNCED).
        """
        return self._session.explain_table()

    async def metrics(self) -> str:
        """Return the metrics in Prometheus text format, without waiting. See `Provider.metrics`."""
        return self._session.metrics()

    async def deregister(self) -> None:
        """Stop the watcher. Waiting calls raise `NotRegisteredError`.

        The provider can be registered again. The call takes milliseconds and sends nothing to the
        API server.

        Raises:
            NotRegisteredError: the provider is not registered.
        """
        self._session.deregister()

    async def close(self) -> None:
        """Deregister and close the provider permanently. Waiting calls raise `ClosedError`.

        The call blocks the event loop for milliseconds. With the option `log` it then waits up to a
        second for log handlers that have not finished, without blocking the event loop. If the call
        is cancelled during that second, the provider is closed nevertheless. Closing it again has
        no effect.

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
        # Keeps the garbage collector from closing the provider.
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
        #: Whether the iterator has ever found the provider open.
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
