/*
 * kubepeers: find your peers in Kubernetes, and know how reliable the answer is
 *
 * A PROGRAM
 *
 *   kubepeers_config *config = kubepeers_config_new();
 *   kubepeers_provider provider = 0;
 *   kubepeers_peers *peers = NULL;
 *   kubepeers_error *error = NULL;
 *   if (kubepeers_config_set(config, "pod_labels", "app=demo", &error) == 0
 *       && kubepeers_config_set(config, "discovery_port_name", "gossip",
 *                               &error) == 0
 *       && kubepeers_init(config, &provider, &error) == 0
 *       && kubepeers_register(provider, KUBEPEERS_TIMEOUT_DEFAULT, &error) == 0
 *       && kubepeers_discover_peers(provider, KUBEPEERS_TIMEOUT_DEFAULT,
 *                                   &peers, &error) == 0)
 *       for (size_t i = 0; i < kubepeers_peers_len(peers); i++)
 *           puts(kubepeers_peers_address(peers, i));
 *   else
 *       fprintf(stderr, "%s\n", kubepeers_error_message(error));
 *   kubepeers_peers_free(peers);
 *   kubepeers_error_free(error);
 *   kubepeers_close(provider, NULL);
 *   kubepeers_config_free(config);
 *
 * TERMS
 *
 *   pod           a Kubernetes pod in the configured namespace
 *   this pod      the pod that this process runs in, also called self
 *   member        a process that runs in a pod with the labels `pod_labels`
 *   observer      a process that runs in none of them; see `membership`
 *   peer          a pod whose verdict is "peer"; see kubepeers_discover_peers()
 *   verdict       "peer", or why a pod with the labels is not one
 *   list          a kubepeers_peers: the peers at one moment (or this pod, from
 *                 kubepeers_get_self()). A list requested from the API server
 *                 is that of all pods with the labels.
 *   generation    the number of a list of peers; it grows with every change
 *   watcher       the thread of a provider that lists and watches the pods
 *   registration  what kubepeers_register() begins and kubepeers_deregister()
 *                 or kubepeers_close() ends
 *
 * CALLS
 *
 *   - A call that can fail returns KUBEPEERS_OK (0) or a negative status. Treat
 *     unknown negative numbers as KUBEPEERS_INTERNAL.
 *   - On failure it stores an error in `*error`, which must be freed with
 *     kubepeers_error_free(). It does not free what was there. `error` may be
 *     NULL. KUBEPEERS_TIMEOUT is a failure, too, and stores an error.
 *   - Other out-parameters are written on success only, except for `*request`
 *     of kubepeers_refresh().
 *   - With a `timeout_ms` of 0 a call does not wait. KUBEPEERS_TIMEOUT_DEFAULT,
 *     and every other negative number, means the default of that call.
 *   - When the timeout expires, the call returns KUBEPEERS_NOT_SYNCED if this
 *     registration has not listed the pods yet, and otherwise the status that
 *     names what is missing. kubepeers_register() returns KUBEPEERS_OK instead.
 *   - Strings are NUL-terminated UTF-8. The library copies its arguments.
 *   - Functions that cannot fail accept NULL for an object.
 *
 * Calls on a provider have these errors, besides those that they document:
 *
 *   KUBEPEERS_INVALID_ARGUMENT   a required pointer is NULL
 *   KUBEPEERS_NOT_INITIALIZED    the provider is 0 (not for kubepeers_close)
 *   KUBEPEERS_INVALID_HANDLE     the number is not a provider
 *   KUBEPEERS_CLOSED             the provider is closed (not for
 *                                kubepeers_close); also if another thread
 *                                closes it while the call waits
 *   KUBEPEERS_FORKED             the provider belongs to a parent process
 *   KUBEPEERS_INTERNAL           the library has failed
 *
 * OWNERSHIP
 *
 *   created by                         freed by
 *   kubepeers_config_new               kubepeers_config_free
 *   kubepeers_init                     kubepeers_close
 *   kubepeers_discover_peers,
 *   kubepeers_get_self,
 *   kubepeers_wait,
 *   kubepeers_wait_for_peers           kubepeers_peers_free
 *   kubepeers_get_health               kubepeers_health_free
 *   kubepeers_explain,
 *   kubepeers_metrics,
 *   kubepeers_doctor,
 *   kubepeers_log_next                 kubepeers_text_free
 *   kubepeers_change_fd                close
 *   any call that fails                kubepeers_error_free
 *
 *   A string that is the return value of a function belongs to the object, or
 *   is static. Do not free it.
 *
 * THREADS
 *
 *   - Any number of threads may use a provider at once, and any thread may
 *     close it at any time.
 *   - Lists, health records and errors are immutable. Any number of threads may
 *     read them. Free each of them once, when no thread reads it anymore.
 *   - Only one thread at a time may use a configuration.
 *   - The library never calls back.
 *   - No function may be called in a signal handler.
 *   - Each registered provider has a thread named kubepeers, and at times one
 *     or two named kubepeers-aux, which resolve names and log in with a
 *     kubeconfig. A kubepeers-aux thread ends after ten idle seconds, or soon
 *     after kubepeers_close().
 *   - pthread_cancel() takes effect after the call to the library has returned.
 *     Threads with asynchronous cancellation (not the default) must not
 *     call the library. To end a wait, close the provider.
 *
 * EVENT LOOPS
 *
 *   kubepeers_change_fd() creates a descriptor that is readable whenever a call
 *   with a timeout of 0 may have a new outcome. So no thread need block:
 *
 *   int fd;
 *   char bytes[64];
 *   uint64_t seen = 0;
 *   if (kubepeers_register(provider, 0, &error) != KUBEPEERS_OK
 *       || kubepeers_change_fd(provider, &fd, &error) != KUBEPEERS_OK)
 *       return error;
 *   struct pollfd ready = {fd, POLLIN, 0};
 *   while (poll(&ready, 1, -1) == 1 || errno == EINTR) {
 *       ssize_t n;
 *       while ((n = read(fd, bytes, sizeof bytes)) > 0)
 *           ;
 *       if (n == 0)
 *           break; // closed
 *       kubepeers_peers *peers = NULL;
 *       if (kubepeers_wait(provider, seen, 0, &peers, &error) == 0) {
 *           seen = kubepeers_peers_generation(peers);
 *           use(peers);
 *           kubepeers_peers_free(peers);
 *       } else {
 *           if (!kubepeers_error_is_retryable(error))
 *               report(error); // an operator must act; keep waiting
 *           kubepeers_error_free(error);
 *           error = NULL;
 *       }
 *   }
 *   close(fd);
 *
 *   KUBEPEERS_CLOSED, KUBEPEERS_NOT_REGISTERED and KUBEPEERS_INTERNAL do not
 *   recover by waiting.
 *
 * THE PROCESS
 *
 *   - The library installs no signal handler, does not change the environment,
 *     and writes nothing to stdout or stderr unless malloc() fails (see
 *     Memory). kubepeers_register(), name resolution and login plugins read
 *     environment variables: do not call setenv() while a provider is
 *     registered.
 *   - The library's threads block all signals except fault signals (SIGSEGV,
 *     SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT), so that a crash
 *     handler of the process works for them, too. If all other threads block
 *     one of these signals and another process sends it, the system delivers it
 *     to a thread of the library.
 *   - Fork: in a child process, calls on the parent's providers return
 *     KUBEPEERS_FORKED. The child may create its own, and may read and free the
 *     objects that it inherits. It must not read a descriptor that the parent
 *     got from kubepeers_change_fd(), or the parent misses events. A connection
 *     that the parent closes stays open until the child, which has copies of
 *     all descriptors, execs or ends.
 *   - Daemons: a child that closes all descriptors after fork() can register
 *     only if the parent had never registered. Otherwise its
 *     kubepeers_register() returns KUBEPEERS_FORKED.
 *   - Descriptors: all are close-on-exec. The first kubepeers_register() opens
 *     three that stay open until the process ends. Close none of the library's
 *     descriptors.
 *   - Memory: if malloc() fails, the library writes to stderr and aborts the
 *     process. If there are no descriptors or threads left,
 *     kubepeers_register() and kubepeers_change_fd() return
 *     KUBEPEERS_NO_RESOURCES.
 *   - Login plugins of a kubeconfig are child processes, which the library
 *     waits for. If the process reaps them itself or ignores SIGCHLD, the
 *     library judges a plugin by its output.
 *   - Failure: an internal error is reported as KUBEPEERS_INTERNAL, and the
 *     process keeps running. If the watcher has failed, every call on its
 *     provider that needs the registration returns KUBEPEERS_INTERNAL until
 *     kubepeers_deregister() or kubepeers_close().
 *   - dlclose() is allowed, but the library stays mapped until the process
 *     ends. Close all providers first.
 *
 * VERSIONS
 *
 *   The soname of version 0.x is libkubepeers.so.0. From 0.4.0 on, functions,
 *   statuses, configuration keys, metrics and the words that functions return
 *   (verdicts, gates, error classes) are added, never changed or removed.
 */

/** The result of the function must not be ignored. */
#ifndef KUBEPEERS_MUST_USE
#if defined(__GNUC__)
#define KUBEPEERS_MUST_USE __attribute__((warn_unused_result))
#else
#define KUBEPEERS_MUST_USE
#endif
#endif

#ifndef KUBEPEERS_H
#define KUBEPEERS_H

/* Generated by cbindgen from src/ffi: do not edit. `make header` writes it. */

#include <stddef.h>
#include <stdint.h>

/**
 * A `timeout_ms` that means the default of the call.
 */
#define KUBEPEERS_TIMEOUT_DEFAULT (-1)

/**
 * The longest `timeout_ms`: almost 25 days.
 */
#define KUBEPEERS_TIMEOUT_MAX INT32_MAX

/**
 * For kubepeers_explain(): JSON, for programs.
 */
#define KUBEPEERS_EXPLAIN_JSON 1

/**
 * For kubepeers_explain(): a human-readable table.
 */
#define KUBEPEERS_EXPLAIN_TABLE 2

/**
 * For kubepeers_doctor(): JSON, for programs.
 */
#define KUBEPEERS_DOCTOR_JSON 1

/**
 * For kubepeers_doctor(): human-readable text.
 */
#define KUBEPEERS_DOCTOR_TEXT 2

/**
 * Level of a log record: the library has failed.
 */
#define KUBEPEERS_LOG_ERROR 1

/**
 * Level of a log record: a request failed, and the last result is kept.
 */
#define KUBEPEERS_LOG_WARN 2

/**
 * Level of a log record: the result, or the way in which the library gets it,
 * has changed.
 */
#define KUBEPEERS_LOG_INFO 3

/**
 * Level of a log record: everything else.
 */
#define KUBEPEERS_LOG_DEBUG 4

/**
 * Major version of this header.
 */
#define KUBEPEERS_VERSION_MAJOR 0

/**
 * Minor version of this header.
 */
#define KUBEPEERS_VERSION_MINOR 4

/**
 * Patch version of this header.
 */
#define KUBEPEERS_VERSION_PATCH 0

/**
 * Version of this header: major * 1000000 + minor * 1000 + patch.
 */
#define KUBEPEERS_VERSION_NUMBER 4000

/**
 * The call succeeded.
 */
#define KUBEPEERS_OK 0

/**
 * A required pointer was NULL, or a number was out of range.
 */
#define KUBEPEERS_INVALID_ARGUMENT (-1)

/**
 * A string was not UTF-8.
 */
#define KUBEPEERS_INVALID_UTF8 (-2)

/**
 * There is no such configuration key.
 */
#define KUBEPEERS_UNKNOWN_KEY (-3)

/**
 * A configuration value is missing or invalid.
 */
#define KUBEPEERS_INVALID_CONFIG (-4)

/**
 * The number is not a provider.
 */
#define KUBEPEERS_INVALID_HANDLE (-5)

/**
 * The provider is closed.
 */
#define KUBEPEERS_CLOSED (-6)

/**
 * The provider belongs to a parent process, or this process has closed the
 * library's descriptors.
 */
#define KUBEPEERS_FORKED (-7)

/**
 * kubepeers_init() was called with a live provider.
 */
#define KUBEPEERS_ALREADY_INITIALIZED (-8)

/**
 * The provider is 0.
 */
#define KUBEPEERS_NOT_INITIALIZED (-9)

/**
 * The provider is already registered.
 */
#define KUBEPEERS_ALREADY_REGISTERED (-10)

/**
 * The provider is not registered.
 */
#define KUBEPEERS_NOT_REGISTERED (-11)

/**
 * The pods have not been listed yet. Usually retryable.
 */
#define KUBEPEERS_NOT_SYNCED (-12)

/**
 * This pod is not among the listed pods yet, is not Running yet (see
 * `pending`), or has no address yet. Retryable.
 */
#define KUBEPEERS_SELF_NOT_VISIBLE (-13)

/**
 * This pod cannot be a peer.
 */
#define KUBEPEERS_SELF_EXCLUDED (-14)

/**
 * The call waited for something that did not happen in time. Usually retryable.
 */
#define KUBEPEERS_TIMEOUT (-15)

/**
 * There is no API server to contact: the process is not in a cluster, and no
 * kubeconfig is set.
 */
#define KUBEPEERS_NOT_IN_CLUSTER (-16)

/**
 * The token, CA, namespace or kubeconfig is missing or unusable.
 */
#define KUBEPEERS_NO_CREDENTIALS (-17)

/**
 * The pod that this process runs in cannot be identified.
 */
#define KUBEPEERS_NO_IDENTITY (-18)

/**
 * The API server's certificate is not trusted, or TLS failed.
 */
#define KUBEPEERS_TLS (-19)

/**
 * The API server rejects the credentials (401).
 */
#define KUBEPEERS_UNAUTHORIZED (-20)

/**
 * The service account may not list or watch pods (403).
 */
#define KUBEPEERS_FORBIDDEN (-21)

/**
 * There are no file descriptors, threads or providers left. Retryable.
 */
#define KUBEPEERS_NO_RESOURCES (-22)

/**
 * The API server is unreachable, does not answer or reports a failure. Only
 * the error of kubepeers_health_error() has this status.
 */
#define KUBEPEERS_UNAVAILABLE (-23)

/**
 * The result is older than requested, and a new list has not arrived in time.
 * Usually retryable.
 */
#define KUBEPEERS_STALE (-24)

/**
 * The library itself has failed. The process is not harmed. Close the
 * provider, or deregister it.
 */
#define KUBEPEERS_INTERNAL (-99)

/**
 * Opaque. Holds configuration keys and values. Only one thread at a time may
 * use it.
 */
typedef struct kubepeers_config kubepeers_config;

/**
 * Opaque. Describes a failure. Any number of threads may read it.
 */
typedef struct kubepeers_error kubepeers_error;

/**
 * Opaque. An immutable record of how reliable the results were at one moment.
 * Any number of threads may read it.
 */
typedef struct kubepeers_health kubepeers_health;

/**
 * Opaque. An immutable list of peers. Any number of threads may read it, also
 * after kubepeers_close().
 */
typedef struct kubepeers_peers kubepeers_peers;

/**
 * KUBEPEERS_OK (0) or one of the negative KUBEPEERS_* numbers.
 */
typedef int32_t kubepeers_status;

/**
 * A provider: a number below 2^53, not a pointer. 0 is never a provider. A
 * closed or invalid number is safe to pass (for the errors, see CALLS).
 */
typedef uint64_t kubepeers_provider;



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Creates an empty configuration.
 *
 * Returns the configuration, to be freed with kubepeers_config_free().
 */
KUBEPEERS_MUST_USE kubepeers_config *kubepeers_config_new(void);

/**
 * Sets one key. A later value of the same key replaces the earlier one. A
 * value that is refused leaves the configuration as it was. Does not block.
 *
 * Required keys:
 *
 *   pod_labels
 *       Labels that every peer has: "key=value,key2=value2", without blanks.
 *       All of them must match.
 *   discovery_port_name
 *       Name of the container port in a peer's address, e.g. "gossip".
 *
 * Optional keys:
 *
 *   namespace
 *       Namespace of the pods. Default with `kubeconfig`: the namespace of the
 *       context, or "default" if the context has none. Default without it: the
 *       namespace of this pod.
 *   remoting_port_name, peers_port_name
 *       Names of two more container ports, for
 *       kubepeers_peers_remoting_port() and kubepeers_peers_peers_port(). A
 *       peer need not have them.
 *   default_discovery_port, default_remoting_port, default_peers_port
 *       Port number to assume for pods that lack the container port, 1 to
 *       65535. `default_remoting_port` also needs `remoting_port_name`, and
 *       `default_peers_port` needs `peers_port_name`.
 *   membership
 *       "member" (default): this process runs in one of the pods. That pod is
 *       identified, and is not among its own peers. "observer": this process
 *       runs in none of them, e.g. outside Kubernetes.
 *   pod_uid, pod_name, pod_ip
 *       Identify the pod that this process runs in, ahead of all other ways
 *       (see kubepeers_register()). One of them is enough; the uid is the most
 *       reliable.
 *   readiness
 *       "ignore" (default): pods that are not Ready are peers, too, because on
 *       a cold start no pod is Ready. "ready": only Ready pods are peers.
 *       This is for clients of a cluster, not for its members: the guarantee
 *       of kubepeers_discover_peers() for two pods does not hold.
 *   pending
 *       "exclude" (default): only Running pods are peers. "include": Pending
 *       pods with an address are peers, too, and this pod may be Pending. This
 *       is for native sidecars, whose pod is Pending until its main containers
 *       start.
 *   ip_family
 *       "primary" (default): the address is status.podIP. "ipv4" or "ipv6":
 *       it is the first of status.podIPs of that family.
 *   max_stale_ms
 *       Maximum age of a result, 1000 to 86400000. Older results are refreshed
 *       on demand; if that fails, calls return KUBEPEERS_STALE. Default: no
 *       limit. With less than about 60000, calls in a quiet cluster cause extra
 *       lists, because a quiet watch is confirmed only about once a minute.
 *   watch
 *       "auto" (default): watch the pods, or poll them if the service account
 *       may only list them. "poll": always poll.
 *   poll_interval_ms
 *       Time between two polls, 1000 to 86400000. Default: 15000. The library
 *       varies it at random by up to a fifth.
 *   register_timeout_ms
 *       Default timeout of kubepeers_register(), 0 to 86400000. Default: 5000.
 *   discover_timeout_ms
 *       Default timeout of the other calls that wait, 0 to 86400000, but at
 *       least 5000 for kubepeers_refresh(). Default: 3000.
 *   request_timeout_ms
 *       How long one request to the API server may remain unanswered, 1 to
 *       86400000. Default: 10000.
 *   service_account_dir
 *       Directory with `token`, `ca.crt` and `namespace`. Default:
 *       /var/run/secrets/kubernetes.io/serviceaccount.
 *   kubeconfig
 *       Path of a kubeconfig to use instead of the service account.
 *   context
 *       Context of that kubeconfig. Default: its current context.
 *   log
 *       Most verbose level of the log records that kubepeers_log_next()
 *       returns: "off" (default), "error", "warn", "info" or "debug".
 *
 * Files are read when they are needed. Use absolute paths if the process
 * changes its working directory.
 *
 * Errors:
 *   KUBEPEERS_UNKNOWN_KEY        there is no such key; the message lists all
 *   KUBEPEERS_INVALID_CONFIG     the value is invalid; the message says why
 *   KUBEPEERS_INVALID_UTF8       the key or the value is not UTF-8
 *   KUBEPEERS_INVALID_ARGUMENT   a pointer other than `error` is NULL
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_config_set(kubepeers_config *config,
                                      const char *key,
                                      const char *value,
                                      kubepeers_error **error);

/**
 * Frees a configuration. NULL is allowed. Providers created from it are not
 * affected.
 */
void kubepeers_config_free(kubepeers_config *config);

/**
 * Validates the configuration and creates a provider from it. Does no I/O,
 * starts no thread and does not block.
 *
 * Set `*provider` to 0 before the call: if it still holds a live provider, the
 * call fails with KUBEPEERS_ALREADY_INITIALIZED. On success `*provider` is the
 * new provider, which must be closed with kubepeers_close(). `config` may be
 * freed, or used again, after the call.
 *
 * Errors:
 *   KUBEPEERS_INVALID_ARGUMENT      a pointer other than `error` is NULL
 *   KUBEPEERS_INVALID_CONFIG        required keys are missing (the message
 *                                   names all), or a key needs another one
 *   KUBEPEERS_ALREADY_INITIALIZED   `*provider` is a live provider
 *   KUBEPEERS_NO_RESOURCES          65,536 providers are open
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_init(const kubepeers_config *config,
                                kubepeers_provider *provider,
                                kubepeers_error **error);

/**
 * Reads the credentials, identifies this pod, starts the watcher, and waits
 * until it has listed the pods. Blocks for at most `timeout_ms`; negative:
 * `register_timeout_ms`. With 0 it blocks only to read files.
 *
 * KUBEPEERS_OK does not mean that the pods have been listed. The call also
 * returns it if the timeout expires without a permanent error, e.g. because the
 * API server is unreachable or overloaded. The watcher then keeps retrying, and
 * kubepeers_discover_peers() returns KUBEPEERS_NOT_SYNCED with the reason until
 * a list succeeds.
 *
 * If a permanent error, such as a missing Role, is found after the timeout,
 * later calls return KUBEPEERS_NOT_SYNCED with the reason, and
 * kubepeers_error_is_retryable() returns 0 for it. After a timeout of 0, later
 * calls report every permanent error of the API server in this way. The watcher
 * keeps retrying, so that calls succeed without another kubepeers_register()
 * once an operator has fixed the cause. The API server's 401 and 403 count as
 * permanent once they have lasted for two seconds, because an API server that
 * is starting denies valid requests for a moment.
 *
 * If the call fails, it leaves nothing running and may be called again. Only
 * KUBEPEERS_ALREADY_REGISTERED leaves the registration as it was.
 *
 * The credentials are those of `kubeconfig` if it is set. Otherwise they are
 * the files in `service_account_dir`, with the API server's address from the
 * environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT.
 * Either way the library rereads the files before every request, so that
 * rotation needs no action. The Role must allow `list` and `watch` on `pods` in
 * the namespace. With `list` alone the library polls.
 *
 * This pod is identified by the first of the following that is available:
 *   1. `pod_uid`, `pod_name`, `pod_ip`
 *   2. the pod that the service account's token is bound to; the kubelet binds
 *      every token that it mounts
 *   3. the environment variables POD_UID and POD_NAME; one of them is enough
 *   4. in a cluster, the addresses of this machine's network interfaces; if
 *      several pods share an address (hostNetwork), only pods with the
 *      discovery port count
 *   5. in a cluster, the environment variable HOSTNAME
 *
 * Errors:
 *   KUBEPEERS_ALREADY_REGISTERED   the provider is registered
 *   KUBEPEERS_NOT_IN_CLUSTER       there is no API server to contact
 *   KUBEPEERS_NO_CREDENTIALS       the token, CA, namespace or kubeconfig is
 *                                  missing or unusable
 *   KUBEPEERS_NO_IDENTITY          this pod cannot be identified
 *   KUBEPEERS_TLS                  the API server's certificate is not trusted,
 *                                  or TLS failed
 *   KUBEPEERS_UNAUTHORIZED         the API server rejects the credentials (401)
 *   KUBEPEERS_FORBIDDEN            the service account may not list pods (403);
 *                                  kubepeers_error_manifest() returns the fix
 *   KUBEPEERS_NO_RESOURCES         there are no descriptors or threads left
 *   KUBEPEERS_NOT_REGISTERED       another thread deregistered meanwhile
 *   KUBEPEERS_FORKED               also: this process has closed the library's
 *                                  descriptors
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_register(kubepeers_provider provider,
                                    int32_t timeout_ms,
                                    kubepeers_error **error);

/**
 * Returns the current peers, without this pod. Blocks for at most `timeout_ms`,
 * and only until the pods have been listed, this pod is among them and Running
 * (see `pending`), and it has an address. (An observer waits only for the
 * list.) After that it answers from memory, unless the result is older than
 * `max_stale_ms`.
 *
 * An empty list means that this pod is alone (for an observer: that there are
 * no peers). It never means "not known yet" or "the API server did not answer".
 * If this call has returned KUBEPEERS_OK in two pods with different addresses
 * or ports and neither is terminating, at least one of them has the other in
 * its list, so they cannot both believe that they are alone. This does not hold
 * if `readiness` is "ready".
 *
 * While the API server is unreachable or denies requests, the last result is
 * kept and returned with KUBEPEERS_OK. kubepeers_get_health() returns its age,
 * and `max_stale_ms` limits it.
 *
 * A pod with the labels is a peer if it is Running (see `pending`), is Ready if
 * `readiness` is "ready", has an address (see `ip_family`) and the discovery
 * port, is not terminating, and is not this pod. If several pods have the same
 * address and port, only the one that started last is a peer; if this pod is
 * one of them, none is. kubepeers_explain() returns the verdict on each pod.
 * The port may belong to a container or to a native sidecar. With hostNetwork
 * it is the hostPort, if that is set.
 *
 * `*peers` must be freed with kubepeers_peers_free().
 *
 * Errors:
 *   KUBEPEERS_NOT_REGISTERED     the provider is not registered
 *   KUBEPEERS_NOT_SYNCED         the pods have not been listed; the message
 *                                says why
 *   KUBEPEERS_SELF_NOT_VISIBLE   this pod is not among the listed pods yet, is
 *                                not Running yet (see `pending`), or has no
 *                                address yet
 *   KUBEPEERS_SELF_EXCLUDED      this pod cannot be a peer: it lacks the labels
 *                                or the discovery port, or has ended
 *   KUBEPEERS_NO_IDENTITY        several pods match this process
 *   KUBEPEERS_STALE              the result is older than `max_stale_ms`
 *
 * NOT_SYNCED, SELF_NOT_VISIBLE and STALE are returned when the timeout expires,
 * the others at once.
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_discover_peers(kubepeers_provider provider,
                                          int32_t timeout_ms,
                                          kubepeers_peers **peers,
                                          kubepeers_error **error);

/**
 * Returns a list of one record: this pod, with the address and ports that it
 * has in the lists of its peers. All accessors of kubepeers_peers apply. For an
 * observer the list is empty.
 *
 * Blocks like kubepeers_discover_peers() and has the same errors. `*self_peer`
 * must be freed with kubepeers_peers_free().
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_get_self(kubepeers_provider provider,
                                    int32_t timeout_ms,
                                    kubepeers_peers **self_peer,
                                    kubepeers_error **error);

/**
 * Returns the peers once their generation is above `after_generation`. Blocks
 * for at most `timeout_ms`.
 *
 * Pass the generation of the last list (kubepeers_peers_generation()), or 0 for
 * any. The call reports states, not events: it may skip intermediate states,
 * but always reports the current one. A new generation may have the same
 * addresses. `*peers` must be freed with kubepeers_peers_free().
 *
 * Errors: those of kubepeers_discover_peers(), and
 *   KUBEPEERS_TIMEOUT   there is no newer generation
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_wait(kubepeers_provider provider,
                                uint64_t after_generation,
                                int32_t timeout_ms,
                                kubepeers_peers **peers,
                                kubepeers_error **error);

/**
 * Returns the peers once there are at least `min` of them and the set of their
 * addresses has been the same for `stable_for_ms`. This pod does not count. It
 * is meant for a process that is about to form a cluster. Blocks for at most
 * `timeout_ms`, which should exceed `stable_for_ms` by several seconds.
 *
 * The addresses count as stable once they have been the same for
 * `stable_for_ms`, before or during the call, and a list requested after that
 * confirms them. An open watch is not enough: it may be dead, or its server may
 * have lost etcd. The library delays this list by up to 5 ms per peer (at most
 * 5 s), so that not all members list at once. A confirming list that arrived
 * before the call counts if it is at most 5 s old (or `stable_for_ms`, if that
 * is longer). With a `stable_for_ms` of 0, no confirming list is needed unless
 * requests have failed; then the next successful list is.
 *
 * With a timeout of 0, the call returns the peers if they are stable already.
 * Otherwise it requests what it needs and returns KUBEPEERS_TIMEOUT. Repeat it
 * when the descriptor of kubepeers_change_fd() is readable. `*peers` must be
 * freed with kubepeers_peers_free().
 *
 * Errors: those of kubepeers_discover_peers(), and
 *   KUBEPEERS_TIMEOUT            there are too few peers, or they are not
 *                                stable yet
 *   KUBEPEERS_INVALID_ARGUMENT   also if `stable_for_ms` is negative
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_wait_for_peers(kubepeers_provider provider,
                                          size_t min,
                                          int32_t stable_for_ms,
                                          int32_t timeout_ms,
                                          kubepeers_peers **peers,
                                          kubepeers_error **error);

/**
 * Forces a new list and waits for it. On success, later results are at least as
 * new as this call, even with several API servers. If `*request` held a number,
 * they are at least as new as the call that stored it. Without a refresh,
 * results are as new as the watch, usually a few milliseconds behind.
 *
 * The call is expensive for the API server. The watch needs no refresh: do not
 * repeat the call on a timer. All callers of a provider together cause at most
 * one list a second, and fewer while the API server refuses them.
 *
 * Blocks for at most `timeout_ms`; negative: the greater of 5000 and
 * `discover_timeout_ms`, because an API server whose cache lags takes up to
 * 3.1 s.
 *
 * `request` lets an event loop wait without blocking, and may be NULL. Set
 * `*request` to 0 and call with a timeout of 0: this requests the list, stores
 * a number and fails with KUBEPEERS_STALE or KUBEPEERS_NOT_SYNCED. Repeat the
 * call with that number when the descriptor of kubepeers_change_fd() is
 * readable, until it returns KUBEPEERS_OK. If the list fails, the library
 * requests another, and the number stays valid. Set `*request` to 0 for the
 * next list, after kubepeers_deregister(), or to give up. KUBEPEERS_OK does
 * not reset `*request` to 0. The number needs no release.
 *
 * Errors:
 *   KUBEPEERS_STALE              the list has not arrived; the message says why
 *   KUBEPEERS_NOT_SYNCED         the same, and there is no earlier list
 *   KUBEPEERS_NOT_REGISTERED     the provider is not registered, or the
 *                                registration of `*request` has ended
 *   KUBEPEERS_INVALID_ARGUMENT   `*request` is a number that the call has not
 *                                stored
 */
kubepeers_status kubepeers_refresh(kubepeers_provider provider,
                                   uint64_t *request,
                                   int32_t timeout_ms,
                                   kubepeers_error **error);

/**
 * Creates a file descriptor for an event loop (poll, epoll, kqueue emulations,
 * libuv, Netty). Does not block. It works before kubepeers_register(), and
 * across deregister and register.
 *
 * The descriptor is readable when a call with a timeout of 0 may have a new
 * outcome, that is, after each of these:
 *   - the peers or the state of this pod have changed
 *   - kubepeers_health_error() has appeared, disappeared or changed class
 *   - the first list after kubepeers_register() has succeeded or failed
 *   - a list that kubepeers_refresh() requested has arrived or failed
 *   - the peers may have become stable for kubepeers_wait_for_peers()
 *   - the result has become older than `max_stale_ms`
 *   - there is a new log record
 *   - the registration has ended, or the watcher has failed
 *
 * When it is readable, first read all bytes, which have no meaning; then call
 * what you need with a timeout of 0. It is readable once at the start, and may
 * be readable without anything new. After kubepeers_close() it stays readable
 * (POLLIN and POLLHUP) and read() returns 0. The preamble has an example.
 *
 * The caller owns the descriptor and must close() it, before or after
 * kubepeers_close(). It is non-blocking and close-on-exec. Each call creates
 * an independent one, for which the library keeps a second descriptor. The
 * library closes that some time after you close yours.
 *
 * Errors:
 *   KUBEPEERS_NO_RESOURCES   there are no descriptors left
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_change_fd(kubepeers_provider provider,
                                     int *fd,
                                     kubepeers_error **error);

/**
 * Returns the generation of the list that kubepeers_discover_peers() would
 * return at once. While it equals the generation of your last list, that list
 * is still current. Takes a few nanoseconds and no lock.
 *
 * Returns 0 if kubepeers_discover_peers() would block or fail, if
 * `max_stale_ms` is set, if more than 1,024 providers are open, or if
 * `provider` is not a provider.
 */
uint64_t kubepeers_generation(kubepeers_provider provider);

/**
 * Copies the addresses of the peers to `buffer`, each with a terminating NUL,
 * in the order of the list. It is meant for bindings, where every call is
 * expensive. Blocks like kubepeers_discover_peers().
 *
 * `*generation` is the generation of the list. `known_generation` is that of
 * the list that you have, or 0 if you have none. If the two are equal, nothing
 * is copied and `*length` is 0. Otherwise `*length` is the number of bytes of
 * all addresses with their NULs, 0 if there are no peers. If `*length` exceeds
 * `size`, nothing is copied although the call returns KUBEPEERS_OK: repeat the
 * call with a larger buffer and the same `known_generation`.
 *
 * `buffer` may be NULL if `size` is 0.
 *
 * Errors: those of kubepeers_discover_peers().
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_copy_addresses(kubepeers_provider provider,
                                          uint64_t known_generation,
                                          int32_t timeout_ms,
                                          char *buffer,
                                          size_t size,
                                          size_t *length,
                                          uint64_t *generation,
                                          kubepeers_error **error);

/**
 * Stops the watcher. Waiting calls return KUBEPEERS_NOT_REGISTERED. The
 * provider can be registered again. Blocks until the watcher has ended, which
 * takes milliseconds. Sends nothing to the API server.
 *
 * Errors:
 *   KUBEPEERS_NOT_REGISTERED   the provider is not registered
 */
kubepeers_status kubepeers_deregister(kubepeers_provider provider,
                                      kubepeers_error **error);

/**
 * Deregisters and closes the provider. Waiting calls return KUBEPEERS_CLOSED.
 * Blocks until the watcher has ended, which takes milliseconds.
 *
 * May be called while other threads use the provider. Closing 0 or a closed
 * provider returns KUBEPEERS_OK, even while another thread is still closing
 * it. All objects, texts and descriptors that you have remain valid. Your
 * variable is not reset.
 */
kubepeers_status kubepeers_close(kubepeers_provider provider,
                                 kubepeers_error **error);

/**
 * Returns the number of records, or 0 if `peers` is NULL.
 */
size_t kubepeers_peers_len(const kubepeers_peers *peers);

/**
 * Returns the generation of the list, or 0 if `peers` is NULL. Within one
 * provider it starts at 1 and grows whenever a peer is added or removed, when
 * the record of a peer or of this pod changes, and with every
 * kubepeers_register(). It stays below 2^53.
 */
uint64_t kubepeers_peers_generation(const kubepeers_peers *peers);

/**
 * Returns the address of a peer: "ip:port", with an IPv6 address in brackets,
 * e.g. "10.0.0.7:3322" or "[fd00::7]:3322". Lists are sorted by family,
 * address and port, without duplicates. The same peers are in the same order in
 * every process.
 *
 * Returns NULL if `index` is past the end or `peers` is NULL. The string is
 * valid until kubepeers_peers_free(). All functions that return a string of a
 * peer follow these two rules.
 */
const char *kubepeers_peers_address(const kubepeers_peers *peers, size_t index);

/**
 * Returns the IP address of a peer without brackets, e.g. "10.0.0.7" or
 * "fd00::7".
 */
const char *kubepeers_peers_host(const kubepeers_peers *peers, size_t index);

/**
 * Returns the port of `discovery_port_name`. All functions that return a port
 * return 0 if `index` is past the end or `peers` is NULL.
 */
uint16_t kubepeers_peers_discovery_port(const kubepeers_peers *peers,
                                        size_t index);

/**
 * Returns the port of `remoting_port_name`, or `default_remoting_port` if the
 * pod has none, or 0 without a default.
 */
uint16_t kubepeers_peers_remoting_port(const kubepeers_peers *peers,
                                       size_t index);

/**
 * Returns the port of `peers_port_name`, or `default_peers_port` if the pod has
 * none, or 0 without a default.
 */
uint16_t kubepeers_peers_peers_port(const kubepeers_peers *peers, size_t index);

/**
 * Returns the name of the pod.
 */
const char *kubepeers_peers_name(const kubepeers_peers *peers, size_t index);

/**
 * Returns the uid of the pod. Unlike a name, it is never reused.
 */
const char *kubepeers_peers_uid(const kubepeers_peers *peers, size_t index);

/**
 * Returns the name of the Kubernetes node that the pod runs on.
 */
const char *kubepeers_peers_node_name(const kubepeers_peers *peers,
                                      size_t index);

/**
 * Returns the revision of the pod's template: the value of the label
 * `controller-revision-hash` (StatefulSet, DaemonSet) or `pod-template-hash`
 * (Deployment), or "" if the pod has neither.
 */
const char *kubepeers_peers_revision(const kubepeers_peers *peers,
                                     size_t index);

/**
 * Returns 1 if the pod is Ready, or 0 if it is not, if `index` is past the end
 * or if `peers` is NULL.
 */
int32_t kubepeers_peers_is_ready(const kubepeers_peers *peers, size_t index);

/**
 * Frees a list. NULL is allowed.
 */
void kubepeers_peers_free(kubepeers_peers *peers);

/**
 * Returns how reliable the results are now. Does not block. `*health` must be
 * freed with kubepeers_health_free().
 *
 * Errors:
 *   KUBEPEERS_NOT_REGISTERED   the provider is not registered
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_get_health(kubepeers_provider provider,
                                      kubepeers_health **health,
                                      kubepeers_error **error);

/**
 * Returns the milliseconds since the result was last confirmed by a list, an
 * event, a bookmark or a new watch. Bookmarks come about once a minute, and a
 * watch that is silent for 90 s is opened again, so a quiet cluster does not
 * look old.
 *
 * Returns -1 before the first list, and if `health` is NULL.
 */
int64_t kubepeers_health_age_ms(const kubepeers_health *health);

/**
 * Returns 1 if the age exceeds `max_stale_ms`, if the pods have not been
 * listed yet or if `health` is NULL, and 0 otherwise. Without `max_stale_ms`
 * the limit is 120 s; if the pods are polled, it is 120 s or the time of three
 * polls, whichever is longer.
 */
int32_t kubepeers_health_is_stale(const kubepeers_health *health);

/**
 * Returns 1 if a watch was open, and 0 otherwise or if `health` is NULL. There
 * is a moment without one between two watches.
 */
int32_t kubepeers_health_is_watching(const kubepeers_health *health);

/**
 * Returns 1 if the pods are polled: because of `watch` = "poll", or because
 * the service account may not watch them, which kubepeers_health_error() then
 * explains. Returns 0 otherwise or if `health` is NULL.
 */
int32_t kubepeers_health_is_polling(const kubepeers_health *health);

/**
 * Returns the last error since the last confirmation, or the error that causes
 * the pods to be polled. Returns NULL if there is none (also if `watch` is
 * "poll" and nothing has failed) or if `health` is NULL. Its status is
 * KUBEPEERS_UNAVAILABLE, or one that kubepeers_register() returns. It is valid
 * until kubepeers_health_free(), and must not be freed.
 */
const kubepeers_error *kubepeers_health_error(const kubepeers_health *health);

/**
 * Returns the class of the error of kubepeers_health_error(), for programs; ""
 * if there is no error or `health` is NULL. The metrics use the same words:
 *
 *   "unreachable"     no connection, or it broke
 *   "no-such-host"    the server's name cannot be resolved
 *   "timed-out"       no answer in time
 *   "tls"             the certificate is not trusted, or TLS failed
 *   "unauthorized"    401
 *   "forbidden"       403 from the API server itself
 *   "gone"            410: the watch cannot resume from the last
 *                     resourceVersion
 *   "not-supported"   400, 406, 415 or 422
 *   "refused"         any other status that is not a success
 *   "incomplete"      a response that ended early
 *   "malformed"       a response that cannot be used
 *   "credentials"     the credentials cannot be used
 *   "resources"       no descriptors or threads
 *
 * The string is valid until kubepeers_health_free().
 */
const char *kubepeers_health_error_class(const kubepeers_health *health);

/**
 * Frees a health record and its error. NULL is allowed.
 */
void kubepeers_health_free(kubepeers_health *health);

/**
 * Returns every pod that the labels select, with its verdict: "peer", or the
 * reason why it is not one. Does not block.
 *
 * With KUBEPEERS_EXPLAIN_JSON, `*text` is an object with `namespace`,
 * `selector`, `self`, `gate` and `pods`. `self` is a description of this pod
 * for humans, and `gate` is one of the gates below. Each of `pods`, sorted by
 * name, has `name`, `verdict`, `address` (null unless it is a peer), `ips`,
 * `phase`, `ready`, `terminating`, `node_name`, `uid`, `revision`, `started`
 * (RFC 3339) and `ports` ([name, number] of each named port). What is unknown
 * is "". Fields may be added. With KUBEPEERS_EXPLAIN_TABLE it is a table whose
 * layout may change.
 *
 * Verdicts:
 *   "peer"                a peer
 *   "self"                this pod
 *   "not-running"         it is not Running (see `pending`)
 *   "terminating"         it is being deleted
 *   "no-ip"               it has no address yet
 *   "no-ip-of-family"     it has no address of `ip_family`
 *   "no-discovery-port"   it has no port named `discovery_port_name`, and
 *                         `default_discovery_port` is not set
 *   "not-ready"           it is not Ready (only with `readiness` = "ready")
 *   "address-taken"       its address and port are those of this pod, or of a
 *                         pod that started later
 *   "malformed"           the API server sent a field that Kubernetes does not
 *                         allow
 *
 * Gates, which say whether this pod lets kubepeers_discover_peers() succeed:
 *   "open"                yes
 *   "self-absent"         this pod is not among the listed pods
 *   "self-not-yet"        this pod is not Running yet (see `pending`) or has no
 *                         address yet
 *   "self-excluded"       this pod has no discovery port, or has ended
 *   "self-unselected"     this pod exists, but lacks the labels
 *   "self-unclear"        several pods match this process
 *
 * `*text` must be freed with kubepeers_text_free().
 *
 * Errors:
 *   KUBEPEERS_NOT_SYNCED         the pods have not been listed
 *   KUBEPEERS_NOT_REGISTERED     the provider is not registered
 *   KUBEPEERS_INVALID_ARGUMENT   also if `form` is not a KUBEPEERS_EXPLAIN_*
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_explain(kubepeers_provider provider,
                                   int32_t form,
                                   char **text,
                                   kubepeers_error **error);

/**
 * Returns the metrics of the provider in Prometheus text format. Does not
 * block. Serve several providers under separate paths, because an exposition
 * may describe each metric only once (HELP and TYPE).
 *
 * Gauges:
 *   kubepeers_peers        peers in the current list
 *   kubepeers_pods         selected pods, by `verdict`; verdicts without a pod
 *                          are omitted, except for "peer"
 *   kubepeers_synced       1 once the pods have been listed
 *   kubepeers_stale        as kubepeers_health_is_stale()
 *   kubepeers_watching     as kubepeers_health_is_watching()
 *   kubepeers_polling      as kubepeers_health_is_polling()
 *   kubepeers_generation   generation of the current list
 *   kubepeers_last_confirmation_timestamp_seconds
 *                          Unix time of the last confirmation; 0 before the
 *                          first
 * Counters since kubepeers_register():
 *   kubepeers_requests_total   requests, by `verb` ("list" or "watch")
 *   kubepeers_failures_total   failed requests and broken watches, by `class`
 *                              (see kubepeers_health_error_class())
 *   kubepeers_events_total     watch events received
 *   kubepeers_evaluations_total
 *                              passes over all pods to find their verdicts
 *
 * All have the labels `namespace` and `selector`. Metrics are added, never
 * changed. `*text` must be freed with kubepeers_text_free().
 *
 * Errors:
 *   KUBEPEERS_NOT_REGISTERED   the provider is not registered
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_metrics(kubepeers_provider provider,
                                   char **text,
                                   kubepeers_error **error);

/**
 * Frees a text from kubepeers_explain(), kubepeers_metrics(),
 * kubepeers_doctor() or kubepeers_log_next(). NULL is allowed.
 */
void kubepeers_text_free(char *text);

/**
 * Examines every step of discovery with this configuration, and returns what
 * is wrong and how to fix it. Blocks until every step is known, for at most
 * `timeout_ms`; negative: 8 s. It works whether or not a provider exists, and
 * affects none: it registers a provider of its own, lists and watches the pods
 * once, and closes it. Unless `request_timeout_ms` is set, a request may remain
 * unanswered for 3 s.
 *
 * What is wrong is in `*text`; the call still returns KUBEPEERS_OK. That
 * includes an incomplete configuration. `*text` contains no secrets and no
 * control characters.
 *
 * With KUBEPEERS_DOCTOR_JSON, `*text` is an object:
 *   outcome    "ok", "warning" or "wrong": the most serious state of a step
 *   summary    the answer as a sentence, such as "OK: 2 peers, and this pod is
 *              web-0"
 *   steps      an object for each of the steps below, in this order:
 *                name, state
 *                facts      what was observed: sentences, the most important
 *                           one first; empty if the step was not reached
 *                fix        what to do: paragraphs, one per line; a line that
 *                           begins with four blanks is to be copied. "" if
 *                           there is nothing to fix
 *                manifest   objects that fix the step, or null
 *   manifest   as `*manifest`, or null
 *   text       the text of KUBEPEERS_DOCTOR_TEXT
 * Fields and steps may be added. With KUBEPEERS_DOCTOR_TEXT it is text of 80
 * columns whose layout may change; only commands to copy are longer. Its first
 * and its last line begin with "OK", "WARNING" or "WRONG".
 *
 * Steps:
 *   "configuration"   the required keys are set, and fit each other
 *   "credentials"     the token and CA, or the kubeconfig, can be read
 *   "API server"      its name resolves, it accepts connections, it answers
 *   "TLS"             its certificate is trusted
 *   "login"           it accepts the credentials
 *   "list", "watch"   it allows to list and to watch the pods
 *   "labels"          pods have the labels `pod_labels`
 *   "ports"           these pods have the named ports
 *   "this pod"        this pod is identified, and is one of the pods; for an
 *                     observer always "ok"
 *   "answer"          kubepeers_discover_peers() returns peers now
 *
 * States:
 *   "ok"            the step succeeds
 *   "warning"       the step succeeds, but probably not as intended
 *   "wrong"         the step fails
 *   "not-reached"   an earlier step has to be fixed first
 *
 * If `manifest` is not NULL, `*manifest` is the YAML that fixes what is wrong
 * when a cluster admin applies it as it is with `kubectl apply -f -`. It is
 * NULL if there is none.
 *
 * `*text` and `*manifest` must be freed with kubepeers_text_free().
 *
 * Errors:
 *   KUBEPEERS_INVALID_ARGUMENT   `config` or `text` is NULL, or `form` is not a
 *                                KUBEPEERS_DOCTOR_*
 *   KUBEPEERS_FORKED             this process has closed the library's
 *                                descriptors
 *   KUBEPEERS_INTERNAL           the library has failed
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_doctor(const kubepeers_config *config,
                                  int32_t timeout_ms,
                                  int32_t form,
                                  char **text,
                                  char **manifest,
                                  kubepeers_error **error);

/**
 * Returns the oldest log record and removes it. Does not block. Whenever the
 * descriptor of kubepeers_change_fd() is readable, call this until there are
 * no more records. The key `log` selects which records are made.
 *
 * `*message` must be freed with kubepeers_text_free(); it is NULL if there is
 * no record, and then `*level` and `*unix_ms` are not written. `*level` is one
 * of KUBEPEERS_LOG_*, and `*unix_ms` is the time in milliseconds since 1970.
 * `level` and `unix_ms` may be NULL.
 *
 * The library keeps 256 records. If there are more, it drops the oldest, and
 * the next record that you get reports how many it has dropped. Records stay
 * after kubepeers_deregister(); kubepeers_close() drops them.
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_log_next(kubepeers_provider provider,
                                    int32_t *level,
                                    int64_t *unix_ms,
                                    char **message,
                                    kubepeers_error **error);

/**
 * Returns the status of the error, or KUBEPEERS_OK if `error` is NULL. If a
 * call stored the error, it is the status that the call returned.
 */
kubepeers_status kubepeers_error_status(const kubepeers_error *error);

/**
 * Returns what failed, why, and what to do, as one or more lines of UTF-8; ""
 * if `error` is NULL. It contains neither secrets nor the manifest. The string
 * is valid as long as the error.
 */
const char *kubepeers_error_message(const kubepeers_error *error);

/**
 * Returns the Kubernetes manifest that fixes the error once it is applied, for
 * example the Role that is missing if the API server answers 403. Every error
 * with the same cause has the same manifest, whatever its status. The manifest
 * is YAML and ends with a newline. It contains the placeholder THE-USER if the
 * credentials do not name a service account. Returns NULL if there is none or
 * `error` is NULL. The string is valid as long as the error.
 */
const char *kubepeers_error_manifest(const kubepeers_error *error);

/**
 * Returns 1 if the same call may succeed later without action by a user or an
 * operator on the program, its configuration or the cluster. Returns 0
 * otherwise or if `error` is NULL. Test this rather than the status:
 * KUBEPEERS_NOT_SYNCED because of a 403 is not retryable.
 */
int32_t kubepeers_error_is_retryable(const kubepeers_error *error);

/**
 * Returns the HTTP status of the API server's response, e.g. 403; 0 if there
 * was no response or `error` is NULL.
 */
int32_t kubepeers_error_http_status(const kubepeers_error *error);

/**
 * Frees an error. NULL is allowed.
 */
void kubepeers_error_free(kubepeers_error *error);

/**
 * Returns the name of a status without its prefix, e.g. "NOT_SYNCED", or
 * "UNKNOWN" for a number that this version does not have. The string is
 * static.
 */
const char *kubepeers_status_name(kubepeers_status status);

/**
 * Returns the version of the loaded library, in the form of
 * KUBEPEERS_VERSION_NUMBER.
 */
uint32_t kubepeers_version_number(void);

/**
 * Returns the version of the loaded library, e.g. "0.4.0". The string is
 * static.
 */
const char *kubepeers_version(void);

/**
 * Returns the name of this discovery method: "kubernetes". The string is
 * static.
 */
const char *kubepeers_id(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KUBEPEERS_H */
