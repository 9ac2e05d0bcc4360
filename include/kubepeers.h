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
 *   key           a configuration key, written as `pod_labels`; see
 *                 kubepeers_config_set()
 *   pod           a Kubernetes pod in the configured namespace
 *   selected pod  a pod with the labels `pod_labels`
 *   this pod      the pod that this process runs in, also called self
 *   member        a process that runs in a selected pod
 *   observer      a process that does not; see `membership`
 *   verdict       "peer", or the reason why a selected pod is not a peer
 *   peer          a selected pod whose verdict is "peer"; see
 *                 kubepeers_discover_peers()
 *   list          a kubepeers_peers object: the peers at one moment, or this
 *                 pod (from kubepeers_get_self())
 *   to list       to request all selected pods from the API server. Where a
 *                 list is requested, arrives, succeeds or fails, "list" means
 *                 this request or its response, not a kubepeers_peers object.
 *   generation    the number of a list of peers; it grows with every change
 *   watcher       the thread of a provider that lists and watches the pods
 *   registration  what kubepeers_register() begins and kubepeers_deregister()
 *                 or kubepeers_close() ends
 *   permanent     An error is permanent if it lasts until an operator or a user
 *                 acts. kubepeers_error_is_retryable() then returns 0.
 *
 * CALLS
 *
 *   - A call that can fail returns KUBEPEERS_OK (0) or a negative status. Treat
 *     unknown negative numbers as KUBEPEERS_INTERNAL.
 *   - A call that fails stores a new error in `*error`, unless `error` is NULL.
 *     The caller must free the error with kubepeers_error_free(). The call does
 *     not free an earlier error in `*error`, but overwrites it. A call that
 *     succeeds does not write `*error`. KUBEPEERS_TIMEOUT is a failure like any
 *     other.
 *   - Other out-parameters are written only on success, except for `*request`
 *     of kubepeers_refresh().
 *   - A `timeout_ms` is in milliseconds. With 0 a call does not wait, but
 *     kubepeers_register() still reads files. KUBEPEERS_TIMEOUT_DEFAULT and
 *     every other negative number mean the default of that call. No number
 *     means "forever".
 *   - When the timeout expires, kubepeers_register() returns KUBEPEERS_OK. All
 *     other calls return KUBEPEERS_NOT_SYNCED if the pods have not been listed
 *     since kubepeers_register(). Otherwise the status names what is missing:
 *     KUBEPEERS_SELF_NOT_VISIBLE, KUBEPEERS_STALE or KUBEPEERS_TIMEOUT.
 *   - Strings are NUL-terminated UTF-8. The library copies its arguments.
 *   - Functions that cannot fail accept NULL for an object.
 *
 * Calls on a provider can also return the following errors. The documentation
 * of each function does not repeat them.
 *
 *   KUBEPEERS_INVALID_ARGUMENT   a required pointer is NULL
 *   KUBEPEERS_NOT_INITIALIZED    the provider is 0 (not for kubepeers_close)
 *   KUBEPEERS_INVALID_HANDLE     the number is not a provider
 *   KUBEPEERS_CLOSED             the provider is closed (not for
 *                                kubepeers_close), or another thread closes it
 *                                while the call waits
 *   KUBEPEERS_FORKED             the provider belongs to a parent process
 *   KUBEPEERS_INTERNAL           the library itself has failed
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
 *   A pointer to const that a function returns belongs to the object that it
 *   was read from, or is static. Do not free it.
 *
 * THREADS
 *
 *   - Any number of threads may use a provider at the same time, and any thread
 *     may close it at any time.
 *   - Lists, health records and errors are immutable. Any number of threads may
 *     read them. Free each of them once, when no thread reads it anymore.
 *   - Only one thread at a time may use a configuration.
 *   - The library never calls back.
 *   - No function may be called in a signal handler.
 *   - Each registered provider has a thread named kubepeers. At times it has
 *     one or two more, named kubepeers-aux, which resolve names and run the
 *     login plugins of a kubeconfig. A kubepeers-aux thread ends after ten idle
 *     seconds. After kubepeers_deregister() or kubepeers_close() it ends once
 *     its current lookup or login is over.
 *   - pthread_cancel() takes effect after the call to the library has returned.
 *     To end a wait earlier, close the provider. A thread with asynchronous
 *     cancellation (not the default) must not call the library.
 *
 * EVENT LOOPS
 *
 *   kubepeers_change_fd() creates a descriptor that is readable whenever a call
 *   with a timeout of 0 may have a new outcome. No call in this program blocks,
 *   except that kubepeers_register() reads files:
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
 *           break; // the provider is closed
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
 *   Waiting does not fix KUBEPEERS_CLOSED, KUBEPEERS_NOT_REGISTERED and
 *   KUBEPEERS_INTERNAL. A program in which they can occur must leave the loop.
 *
 * THE PROCESS
 *
 *   - Output: the library writes nothing to stdout or stderr, unless malloc()
 *     fails (see Memory).
 *   - Environment: the library does not change it. kubepeers_register(), name
 *     resolution and login plugins read environment variables. Do not call
 *     setenv() during kubepeers_register() or while a provider is registered.
 *   - Signals: the library installs no signal handler. Its threads block all
 *     signals except fault signals (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
 *     SIGSYS, SIGABRT), so that a crash handler of the process also works for
 *     them. If another process sends a fault signal that all other threads
 *     block, the system delivers it to a thread of the library.
 *   - Fork: in a child process, calls on the parent's providers return
 *     KUBEPEERS_FORKED. The child may create its own providers, and may read
 *     and free the objects that it inherits. It must not read a descriptor that
 *     the parent got from kubepeers_change_fd(): the parent would miss events.
 *     The child has copies of all descriptors. A connection that the parent
 *     closes therefore stays open until the child calls exec or ends.
 *   - Daemons: a child that closes all descriptors after fork() can register
 *     only if its parent has never registered a provider. Otherwise
 *     kubepeers_register() returns KUBEPEERS_FORKED in the child.
 *   - Descriptors: all are close-on-exec. The first kubepeers_register() opens
 *     three that stay open until the process ends. Close none of the library's
 *     descriptors, except for those that kubepeers_change_fd() returns.
 *   - Memory: if malloc() fails, the library writes to stderr and aborts the
 *     process. If there are no descriptors or threads left,
 *     kubepeers_register() and kubepeers_change_fd() return
 *     KUBEPEERS_NO_RESOURCES.
 *   - Login plugins of a kubeconfig are child processes, and the library waits
 *     for them. If the process reaps all children or ignores SIGCHLD, the
 *     library cannot read a plugin's exit status, and judges it by its output.
 *   - Internal errors are reported as KUBEPEERS_INTERNAL, and the process keeps
 *     running. If the watcher has failed, every call on its provider that needs
 *     the registration returns KUBEPEERS_INTERNAL until
 *     kubepeers_deregister() or kubepeers_close().
 *   - dlclose() is allowed once all providers are closed. The library stays
 *     mapped until the process ends.
 *
 * VERSIONS
 *
 *   From 0.4.0 on, releases with the soname libkubepeers.so.0 may add
 *   functions, statuses, configuration keys, metrics and words that functions
 *   return (verdicts, gates, error classes). They never change or remove them.
 */

/** Marks a function whose result must not be ignored. */
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
 * A `timeout_ms` that selects the default timeout of the call.
 */
#define KUBEPEERS_TIMEOUT_DEFAULT (-1)

/**
 * The longest `timeout_ms`: almost 25 days.
 */
#define KUBEPEERS_TIMEOUT_MAX INT32_MAX

/**
 * `form` of kubepeers_explain(): JSON, for programs.
 */
#define KUBEPEERS_EXPLAIN_JSON 1

/**
 * `form` of kubepeers_explain(): a human-readable table.
 */
#define KUBEPEERS_EXPLAIN_TABLE 2

/**
 * `form` of kubepeers_doctor(): JSON, for programs.
 */
#define KUBEPEERS_DOCTOR_JSON 1

/**
 * `form` of kubepeers_doctor(): human-readable text.
 */
#define KUBEPEERS_DOCTOR_TEXT 2

/**
 * Level of a log record: the library has failed.
 */
#define KUBEPEERS_LOG_ERROR 1

/**
 * Level of a log record: a request failed and the last result is kept, or
 * something else needs an operator's attention.
 */
#define KUBEPEERS_LOG_WARN 2

/**
 * Level of a log record: the registration, the result, or the way in which the
 * library gets the result has changed.
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
 * The `*provider` of kubepeers_init() is already an open provider.
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
 * This pod cannot be a peer; kubepeers_discover_peers() lists the reasons.
 */
#define KUBEPEERS_SELF_EXCLUDED (-14)

/**
 * The peers that the call waited for did not appear in time. Usually retryable.
 */
#define KUBEPEERS_TIMEOUT (-15)

/**
 * There is no API server to contact: the process is not in a cluster, and the
 * key `kubeconfig` is not set.
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
 * The result is older than `max_stale_ms`, or older than the call of
 * kubepeers_refresh(), and no new list has arrived in time. Usually retryable.
 */
#define KUBEPEERS_STALE (-24)

/**
 * The library itself has failed. The process is not harmed. Deregister or close
 * the provider.
 */
#define KUBEPEERS_INTERNAL (-99)

/**
 * Opaque. Holds configuration keys and values. Only one thread at a time may
 * use it.
 */
typedef struct kubepeers_config kubepeers_config;

/**
 * Opaque. Describes a failure. Immutable: any number of threads may read it.
 */
typedef struct kubepeers_error kubepeers_error;

/**
 * Opaque. An immutable record of how reliable the results were at one moment.
 * Any number of threads may read it, also after kubepeers_close().
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
 * A provider: a number, not a pointer. It is below 2^53, so that a JavaScript
 * number can hold it. 0 is never a provider. A closed or invalid number is safe
 * to pass (for the errors, see CALLS).
 */
typedef uint64_t kubepeers_provider;



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Creates an empty configuration.
 *
 * Returns the configuration, which must be freed with kubepeers_config_free().
 * No check for NULL is needed: kubepeers_config_set() and kubepeers_init()
 * refuse NULL with KUBEPEERS_INVALID_ARGUMENT.
 */
KUBEPEERS_MUST_USE kubepeers_config *kubepeers_config_new(void);

/**
 * Sets one key. A later value of the same key replaces the earlier one. If the
 * value is refused, the configuration does not change. Does not block.
 *
 * Required keys:
 *
 *   pod_labels
 *       Labels that every peer has: "key=value,key2=value2", without spaces.
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
 *       Names of two more container ports, which the library only reports:
 *       see kubepeers_peers_remoting_port() and kubepeers_peers_peers_port().
 *       A peer need not have them.
 *   default_discovery_port, default_remoting_port, default_peers_port
 *       Port number to assume for pods that lack the container port, 1 to
 *       65535. `default_remoting_port` also needs `remoting_port_name`, and
 *       `default_peers_port` needs `peers_port_name`.
 *   membership
 *       "member" (default): this process runs in one of the selected pods. The
 *       library identifies that pod and excludes it from the peers.
 *       "observer": this process runs in none of them, e.g. outside
 *       Kubernetes.
 *   pod_uid, pod_name, pod_ip
 *       Identify the pod that this process runs in. They take precedence over
 *       all other ways (see kubepeers_register()). One of them is enough. If
 *       several are set, the library uses the first in this order, because
 *       the uid is the most reliable.
 *   readiness
 *       "ignore" (default): a peer need not be Ready, because on a cold start
 *       no pod is Ready. "ready": only Ready pods are peers. Use "ready" for
 *       clients of a cluster, not for its members: it voids the guarantee
 *       that kubepeers_discover_peers() makes for two pods.
 *   pending
 *       "exclude" (default): only Running pods are peers. "include": Pending
 *       pods with an address are also peers, and this pod may be Pending. Use
 *       "include" for native sidecars, because their pod stays Pending until
 *       its main containers start.
 *   ip_family
 *       "primary" (default): the address of a peer is status.podIP. "ipv4" or
 *       "ipv6": the address is the first of that family in status.podIPs.
 *   max_stale_ms
 *       Maximum age of a result, 1000 to 86400000. A call that finds an older
 *       result requests a list and waits for it. If no list arrives in time,
 *       the call returns KUBEPEERS_STALE. Default: no limit. Values below
 *       about 60000 cause extra lists in a quiet cluster, because a quiet
 *       watch is confirmed only about once a minute.
 *   watch
 *       "auto" (default): watch the pods, or poll them if the service account
 *       may only list them. "poll": always poll.
 *   poll_interval_ms
 *       Time between two polls, 1000 to 86400000. Default: 15000. The library
 *       varies it at random by up to a fifth.
 *   register_timeout_ms
 *       Default timeout of kubepeers_register(), 0 to 86400000. Default: 5000.
 *   discover_timeout_ms
 *       Default timeout of the other calls that wait, 0 to 86400000. Default:
 *       3000. kubepeers_refresh() uses 5000 if this is less.
 *   request_timeout_ms
 *       How long the library waits for the start of a response, and for each
 *       further part of the response, 1 to 86400000. A whole list may take
 *       three times as long. Default: 10000.
 *   service_account_dir
 *       Directory with `token`, `ca.crt` and `namespace`. Default:
 *       /var/run/secrets/kubernetes.io/serviceaccount.
 *   kubeconfig
 *       Path of a kubeconfig to use instead of the service account. With this
 *       key, `service_account_dir` has no effect. The library does not read
 *       the environment variable KUBECONFIG.
 *   context
 *       Context of that kubeconfig. Default: its current context. Needs
 *       `kubeconfig`.
 *   log
 *       Most verbose level of the log records that kubepeers_log_next()
 *       returns: "off" (default), "error", "warn", "info" or "debug".
 *
 * The library reads files when it needs them, not when the key is set. Use
 * absolute paths if the process changes its working directory.
 *
 * Errors:
 *   KUBEPEERS_UNKNOWN_KEY        there is no such key; the message lists all
 *   KUBEPEERS_INVALID_CONFIG     the value is empty or invalid; the message
 *                                says why
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
 * Set `*provider` to 0 before the call. If `*provider` is an open provider, the
 * call fails with KUBEPEERS_ALREADY_INITIALIZED. The call overwrites any other
 * number, e.g. that of a closed provider. On success `*provider` is the new
 * provider, which must be closed with kubepeers_close(). The provider has a
 * copy of the configuration: `config` may be changed or freed after the call.
 *
 * Errors:
 *   KUBEPEERS_INVALID_ARGUMENT      a pointer other than `error` is NULL
 *   KUBEPEERS_INVALID_CONFIG        required keys are missing (the message
 *                                   names all of them), or a key is set
 *                                   without another key that it needs
 *   KUBEPEERS_ALREADY_INITIALIZED   `*provider` is an open provider
 *   KUBEPEERS_NO_RESOURCES          65,536 providers are open, or memory ran
 *                                   out when the library was loaded
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_init(const kubepeers_config *config,
                                kubepeers_provider *provider,
                                kubepeers_error **error);

/**
 * Reads the credentials, determines how to identify this pod, starts the
 * watcher, and waits until the watcher has listed the pods. After the files
 * have been read, it blocks for at most `timeout_ms` (negative:
 * `register_timeout_ms`).
 *
 * KUBEPEERS_OK does not mean that the pods have been listed. The call also
 * returns KUBEPEERS_OK if the timeout expires without a permanent error, e.g.
 * because the API server is unreachable or overloaded. The watcher then keeps
 * retrying. Until a list succeeds, kubepeers_discover_peers() returns
 * KUBEPEERS_NOT_SYNCED with the reason.
 *
 * The watcher may find a permanent error, such as a missing Role, only after
 * the timeout. Later calls then return KUBEPEERS_NOT_SYNCED with the reason,
 * and kubepeers_error_is_retryable() returns 0 for that error. With a timeout
 * of 0, every permanent error of the API server is reported in this way. The
 * watcher keeps retrying: once an operator has fixed the cause, calls succeed
 * without another kubepeers_register(). A 401 or 403 of the API server counts
 * as permanent only after it has lasted for two seconds, because an API server
 * that is starting denies valid requests for a moment.
 *
 * If the call fails, no watcher is left running, and the call may be repeated.
 * The exception is KUBEPEERS_ALREADY_REGISTERED, which leaves the existing
 * registration as it was.
 *
 * If `kubeconfig` is set, the library uses its credentials. Otherwise the
 * library uses the files in `service_account_dir`, and finds the API server
 * through the environment variables KUBERNETES_SERVICE_HOST and
 * KUBERNETES_SERVICE_PORT. In both cases it rereads the files before every
 * request, so rotation needs no action. The Role must allow `list` and `watch`
 * on `pods` in the namespace. With `list` alone the library polls.
 *
 * The library identifies this pod by the first of the following that is
 * available. It identifies no pod for an observer.
 *   1. `pod_uid`, `pod_name`, `pod_ip`
 *   2. without `kubeconfig`: the pod that the service account's token is bound
 *      to; the kubelet binds every token that it mounts
 *   3. the environment variables POD_UID and POD_NAME; one of them is enough
 *   4. without `kubeconfig`: the addresses of the network interfaces that the
 *      process sees; if several pods share an address (hostNetwork), only pods
 *      with the discovery port count
 *   5. without `kubeconfig`: the environment variable HOSTNAME, if no selected
 *      pod has an address from 4
 *
 * Errors:
 *   KUBEPEERS_ALREADY_REGISTERED   the provider is already registered
 *   KUBEPEERS_NOT_IN_CLUSTER       there is no API server to contact
 *   KUBEPEERS_NO_CREDENTIALS       the token, CA, namespace or kubeconfig is
 *                                  missing or unusable
 *   KUBEPEERS_NO_IDENTITY          nothing that could identify this pod is
 *                                  available
 *   KUBEPEERS_TLS                  the API server's certificate is not trusted,
 *                                  or TLS failed
 *   KUBEPEERS_UNAUTHORIZED         the API server rejects the credentials (401)
 *   KUBEPEERS_FORBIDDEN            the service account may not list pods (403);
 *                                  kubepeers_error_manifest() returns the fix
 *   KUBEPEERS_NO_RESOURCES         there are no descriptors or threads left
 *   KUBEPEERS_NOT_REGISTERED       another thread has called
 *                                  kubepeers_deregister() meanwhile
 *   KUBEPEERS_FORKED               also if this process has closed the
 *                                  library's descriptors
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_register(kubepeers_provider provider,
                                    int32_t timeout_ms,
                                    kubepeers_error **error);

/**
 * Returns the current peers. The list excludes this pod and must be freed with
 * kubepeers_peers_free().
 *
 * Blocks for at most `timeout_ms` (negative: `discover_timeout_ms`), and only
 * until this pod is among the listed pods, is Running (see `pending`) and has
 * an address. An observer waits only until the pods have been listed. After
 * that, the call returns the list from memory without blocking, also while this
 * pod terminates. It blocks again only if the result is older than
 * `max_stale_ms`, or if this pod no longer meets these conditions, e.g. because
 * it is no longer listed.
 *
 * An empty list means that this pod is alone (for an observer: that there are
 * no peers). It never means "not known yet" or "the API server did not answer".
 *
 * Guarantee for two pods: suppose that this call has returned KUBEPEERS_OK in
 * both, that their addresses or ports differ, and that neither is terminating.
 * Then at least one of them has the other in its list, so they cannot both
 * believe that they are alone. This does not hold if `readiness` is "ready",
 * nor for observers. docs/guarantee.md lists all assumptions.
 *
 * While the API server is unreachable or denies requests, the library keeps the
 * last result, and the call returns it with KUBEPEERS_OK. `max_stale_ms` limits
 * the age of the result. kubepeers_get_health() returns the age.
 *
 * A selected pod is a peer if all of the following are true:
 *   - it is not this pod
 *   - it is Running (see `pending`) and not terminating
 *   - it is Ready, or `readiness` is "ignore"
 *   - it has an address (see `ip_family`)
 *   - it has the discovery port, or `default_discovery_port` is set
 *
 * If several selected pods have the same address and port, only the one that
 * started last is a peer. If this pod is one of them, none of them is a peer.
 *
 * The discovery port may belong to a container or to a native sidecar. With
 * hostNetwork the library uses the hostPort if there is one.
 * kubepeers_explain() returns the verdict on each pod.
 *
 * Errors:
 *   KUBEPEERS_NOT_REGISTERED     the provider is not registered
 *   KUBEPEERS_NOT_SYNCED         the pods have not been listed; the message
 *                                says why
 *   KUBEPEERS_SELF_NOT_VISIBLE   this pod is not among the listed pods yet, is
 *                                not Running yet (see `pending`), or has no
 *                                address yet
 *   KUBEPEERS_SELF_EXCLUDED      this pod cannot be a peer: it lacks the
 *                                labels, the discovery port or an address of
 *                                `ip_family`, has ended, or has a field that
 *                                Kubernetes does not allow
 *   KUBEPEERS_NO_IDENTITY        several pods match this process
 *   KUBEPEERS_STALE              the result is older than `max_stale_ms`
 *
 * The call returns NOT_SYNCED, SELF_NOT_VISIBLE and STALE when the timeout
 * expires, and the others at once.
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_discover_peers(kubepeers_provider provider,
                                          int32_t timeout_ms,
                                          kubepeers_peers **peers,
                                          kubepeers_error **error);

/**
 * Returns a list with one record: this pod, with the address and ports that it
 * has in the lists of its peers. All functions kubepeers_peers_*() accept the
 * list, and it has the generation of the current peers. For an observer the
 * list is empty.
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
 * Waits until the generation of the peers is greater than `after_generation`,
 * and returns the peers. Blocks for at most `timeout_ms` (negative:
 * `discover_timeout_ms`).
 *
 * Pass the generation of your last list (kubepeers_peers_generation()). With 0
 * the call is the same as kubepeers_discover_peers(). The call reports states,
 * not events: it may skip intermediate lists, but always returns the current
 * one. A list of a new generation may have the same addresses, e.g. if a pod
 * has become Ready. `*peers` must be freed with kubepeers_peers_free().
 *
 * Errors: those of kubepeers_discover_peers(), and
 *   KUBEPEERS_TIMEOUT   there is no newer list
 */
KUBEPEERS_MUST_USE
kubepeers_status kubepeers_wait(kubepeers_provider provider,
                                uint64_t after_generation,
                                int32_t timeout_ms,
                                kubepeers_peers **peers,
                                kubepeers_error **error);

/**
 * Waits until there are at least `min` peers and the set of their addresses is
 * stable, and returns the peers. This pod does not count. The function is for a
 * process that is about to form a cluster. `*peers` must be freed with
 * kubepeers_peers_free().
 *
 * Blocks for at most `timeout_ms` (negative: `discover_timeout_ms`). Pass a
 * timeout that exceeds `stable_for_ms` by several seconds: the default is
 * usually too short.
 *
 * The set is stable if both of these are true:
 *   - it has been the same for `stable_for_ms`; time before the call counts
 *   - a list that was requested at the end of this time or later confirms it
 *
 * The second condition has these rules:
 *   - An open watch confirms nothing, because the watch may be dead, or its
 *     server may have lost etcd.
 *   - The library delays the confirming list by up to 5 ms per peer (at most
 *     5 s), so that the members do not all list at once.
 *   - A confirming list that arrived before the call counts if it is at most
 *     5 s old (or `stable_for_ms`, if that is longer).
 *   - With a `stable_for_ms` of 0, no confirming list is needed.
 *   - If a request has failed since the last confirmation, the API server must
 *     answer again first, even with a `stable_for_ms` of 0.
 *
 * With a `min` of 0 the call waits until the set is stable, even if it is
 * empty.
 *
 * With a timeout of 0 the call returns the peers if they are already stable.
 * Otherwise it returns KUBEPEERS_TIMEOUT. If only the confirming list is
 * missing and its delay is over, the call also requests that list. Repeat the
 * call when the descriptor of kubepeers_change_fd() is readable.
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
 * Requests a new list from the API server and waits for it. On success, later
 * results are at least as new as this call, even with several API servers.
 * Without a refresh, results are as new as the watch, which is usually a few
 * milliseconds behind.
 *
 * Do not call this on a timer: it is expensive for the API server, and the
 * watch keeps the results up to date. All callers of a provider together cause
 * at most one list a second, and fewer while the API server refuses lists.
 *
 * Blocks for at most `timeout_ms`. A negative number means the greater of 5000
 * and `discover_timeout_ms`, because an API server whose cache lags takes up to
 * 3.1 s.
 *
 * `request` lets an event loop wait without blocking. A program that may block
 * passes NULL.
 *   1. Set `*request` to 0 and call with a timeout of 0. The call requests the
 *      list, stores a number in `*request`, and fails with KUBEPEERS_STALE or
 *      KUBEPEERS_NOT_SYNCED.
 *   2. Repeat the call with that number whenever the descriptor of
 *      kubepeers_change_fd() is readable, until the call returns KUBEPEERS_OK.
 *      Later results are then at least as new as the first call. If the list
 *      fails, the library requests another, and the number stays valid.
 *   3. Set `*request` to 0 before the next refresh. KUBEPEERS_OK does not
 *      reset it.
 *
 * To give up, stop calling: the number needs no release. It becomes invalid
 * when the registration ends.
 *
 * Errors:
 *   KUBEPEERS_STALE              the list has not arrived; the message says why
 *   KUBEPEERS_NOT_SYNCED         the same, and there is no earlier list
 *   KUBEPEERS_NOT_REGISTERED     the provider is not registered, or the
 *                                registration of `*request` has ended
 *   KUBEPEERS_INVALID_ARGUMENT   `*request` is a number that this function has
 *                                not stored
 */
kubepeers_status kubepeers_refresh(kubepeers_provider provider,
                                   uint64_t *request,
                                   int32_t timeout_ms,
                                   kubepeers_error **error);

/**
 * Creates a file descriptor for an event loop (poll, epoll, kqueue emulations,
 * libuv, Netty). Does not block. The provider need not be registered, and the
 * descriptor stays valid when the provider is deregistered or registered again.
 *
 * The descriptor becomes readable when a call with a timeout of 0 may have a
 * new outcome, that is, after each of these:
 *   - a registration has begun or ended, or the watcher has failed
 *   - the first list after kubepeers_register() has succeeded or failed
 *   - the peers or the state of this pod have changed
 *   - the error of kubepeers_health_error() has appeared, disappeared or
 *     changed (its class, or whether it is retryable)
 *   - a list that kubepeers_refresh() requested has arrived or failed
 *   - the peers may have become stable for kubepeers_wait_for_peers()
 *   - the result has become older than `max_stale_ms`, or has been confirmed
 *     after that
 *   - there is a new log record
 *
 * When the descriptor is readable, first read all bytes, and then make your
 * calls with a timeout of 0. In the other order, a change between the two would
 * be missed. The bytes have no meaning. A new descriptor is readable at once,
 * and a descriptor may become readable although nothing is new. After
 * kubepeers_close() the descriptor stays readable (POLLIN and POLLHUP), and
 * read() returns 0. EVENT LOOPS in the preamble has an example.
 *
 * The caller owns the descriptor and must close() it, before or after
 * kubepeers_close(). The descriptor is non-blocking and close-on-exec. Each
 * call creates an independent one. For each, the library keeps a second
 * descriptor, which it closes some time after the caller has closed the first.
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
 * Returns 0 in the following cases. Call kubepeers_discover_peers() then.
 *   - kubepeers_discover_peers() would block or fail
 *   - `max_stale_ms` is set
 *   - at least 1,024 other providers were open when `provider` was created
 *   - `provider` is closed or not a provider
 */
uint64_t kubepeers_generation(kubepeers_provider provider);

/**
 * Copies the addresses of the peers to `buffer`, each with a terminating NUL,
 * in the order of the list. The function is for bindings, where every call is
 * expensive. Blocks like kubepeers_discover_peers().
 *
 * `known_generation` is the generation of the list that you have, or 0 if you
 * have none. `*generation` becomes the generation of the current list. If the
 * two are equal, your list is current, nothing is copied, and `*length` is 0.
 *
 * If they differ, `*length` becomes the number of bytes of all addresses with
 * their NULs, which is 0 if there are no peers. If `*length` exceeds `size`,
 * nothing is copied although the call returns KUBEPEERS_OK. Repeat the call
 * with a larger buffer and the same `known_generation`.
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
 * The call is allowed while other threads use the provider. Closing 0 or a
 * closed provider returns KUBEPEERS_OK, even while another thread is still
 * closing it. Lists, health records, errors, texts and descriptors remain
 * valid, and the caller must still free them. Your variable keeps the number;
 * kubepeers_init() may overwrite it.
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
 * valid until kubepeers_peers_free(). The same applies to all functions below
 * that return a string of a peer.
 */
const char *kubepeers_peers_address(const kubepeers_peers *peers, size_t index);

/**
 * Returns the IP address of a peer without brackets, e.g. "10.0.0.7" or
 * "fd00::7".
 */
const char *kubepeers_peers_host(const kubepeers_peers *peers, size_t index);

/**
 * Returns the port of `discovery_port_name`, or `default_discovery_port` if the
 * pod lacks it. This function and the other two that return a port return 0 if
 * `index` is past the end or `peers` is NULL.
 */
uint16_t kubepeers_peers_discovery_port(const kubepeers_peers *peers,
                                        size_t index);

/**
 * Returns the port of `remoting_port_name`, or `default_remoting_port` if the
 * pod lacks it. Returns 0 if there is neither.
 */
uint16_t kubepeers_peers_remoting_port(const kubepeers_peers *peers,
                                       size_t index);

/**
 * Returns the port of `peers_port_name`, or `default_peers_port` if the pod
 * lacks it. Returns 0 if there is neither.
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
 * Returns 1 if the pod is Ready. Returns 0 if it is not, if `index` is past the
 * end, or if `peers` is NULL.
 */
int32_t kubepeers_peers_is_ready(const kubepeers_peers *peers, size_t index);

/**
 * Frees a list. NULL is allowed.
 */
void kubepeers_peers_free(kubepeers_peers *peers);

/**
 * Returns how reliable the results are now. Does not block. `*health` is a
 * record of this moment, and must be freed with kubepeers_health_free().
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
 * event, a bookmark or a new watch. Bookmarks come about once a minute, and the
 * library opens a new watch after 90 s of silence, so a quiet cluster does not
 * look old.
 *
 * Returns -1 if the pods have not been listed yet or `health` is NULL.
 */
int64_t kubepeers_health_age_ms(const kubepeers_health *health);

/**
 * Returns 1 if the age exceeds `max_stale_ms`, if the pods have not been
 * listed yet, or if `health` is NULL. Returns 0 otherwise. If `max_stale_ms` is
 * not set, the limit is 120 s. If the pods are polled, it is 120 s or the time
 * of three polls, whichever is longer.
 */
int32_t kubepeers_health_is_stale(const kubepeers_health *health);

/**
 * Returns 1 if a watch was open. Returns 0 otherwise or if `health` is NULL. A
 * single 0 is no error, because no watch is open for a moment between two
 * watches.
 */
int32_t kubepeers_health_is_watching(const kubepeers_health *health);

/**
 * Returns 1 if the pods are polled, because `watch` is "poll" or because the
 * service account may not watch the pods. In the latter case
 * kubepeers_health_error() explains why. Returns 0 otherwise or if `health` is
 * NULL.
 */
int32_t kubepeers_health_is_polling(const kubepeers_health *health);

/**
 * Returns the last error since the last confirmation, or the error that causes
 * the pods to be polled. Its status is KUBEPEERS_UNAVAILABLE, or one that
 * kubepeers_register() returns. The error is valid until
 * kubepeers_health_free(). Do not free it.
 *
 * Returns NULL if there is no such error or `health` is NULL. It also returns
 * NULL if the pods are polled because `watch` is "poll" and nothing has failed.
 */
const kubepeers_error *kubepeers_health_error(const kubepeers_health *health);

/**
 * Returns the class of kubepeers_health_error(), for programs, or "" if there
 * is no error or `health` is NULL. The metrics use the same words:
 *
 *   "unreachable"     no connection, or it broke
 *   "no-such-host"    the server's name cannot be resolved
 *   "timed-out"       no answer in time
 *   "tls"             the certificate is not trusted, or TLS failed
 *   "unauthorized"    401
 *   "forbidden"       403 from the API server itself, not from a proxy
 *   "gone"            the watch cannot resume from the last resourceVersion,
 *                     usually 410
 *   "not-supported"   400, 406, 415 or 422
 *   "refused"         any other HTTP status that is not a success
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
 * Returns every selected pod with its verdict: "peer", or the reason why it is
 * not one. Does not block. `*text` must be freed with kubepeers_text_free().
 *
 * With KUBEPEERS_EXPLAIN_TABLE `*text` is a table whose layout may change. With
 * KUBEPEERS_EXPLAIN_JSON it is an object with these fields:
 *   `namespace`   the namespace of the pods
 *   `selector`    the labels of `pod_labels`
 *   `self`        a description of this pod, for humans
 *   `gate`        one of the gates below
 *   `pods`        an array of pods, sorted by name
 * Each pod has `name`, `verdict`, `address` (null unless it is a peer), `ips`,
 * `phase`, `ready`, `terminating`, `node_name`, `uid`, `revision`, `started`
 * (RFC 3339) and `ports` ([name, number] of each named port). A string is "" if
 * its value is not known. Fields may be added.
 *
 * Verdicts:
 *   "peer"                it is a peer
 *   "self"                it is this pod
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
 * If several apply to a pod, its verdict is the first of "self", "malformed",
 * "no-discovery-port", "not-running", "no-ip", "no-ip-of-family",
 * "terminating", "not-ready" and "address-taken".
 *
 * The gate says whether the state of this pod lets kubepeers_discover_peers()
 * succeed, and which status that call returns otherwise:
 *   "open"              yes; always so for an observer
 *   "self-absent"       KUBEPEERS_SELF_NOT_VISIBLE: this pod is not among the
 *                       listed pods
 *   "self-not-yet"      KUBEPEERS_SELF_NOT_VISIBLE: this pod is not Running yet
 *                       (see `pending`) or has no address yet
 *   "self-excluded"     KUBEPEERS_SELF_EXCLUDED: this pod has no discovery
 *                       port or no address of `ip_family`, has ended, or is
 *                       malformed
 *   "self-unselected"   KUBEPEERS_SELF_EXCLUDED: this pod exists, but lacks
 *                       the labels
 *   "self-unclear"      KUBEPEERS_NO_IDENTITY: several pods match this process
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
 * block. `*text` must be freed with kubepeers_text_free(). Serve several
 * providers under separate paths, because an exposition may describe each
 * metric only once (HELP and TYPE).
 *
 * Gauges:
 *   kubepeers_peers        peers in the current list
 *   kubepeers_pods         selected pods, by `verdict`; verdicts without a pod
 *                          are omitted, except for "peer"
 *   kubepeers_synced       1 once the pods have been listed, 0 before
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
 *                              updates of the verdicts
 *
 * All metrics have the labels `namespace` and `selector`. Metrics are added,
 * never changed.
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
 * affects none: it registers a provider of its own, lists and watches the pods,
 * and closes it. Unless `request_timeout_ms` is set, a request may remain
 * unanswered for 3 s.
 *
 * What is wrong, also with an incomplete configuration, is in `*text`, and the
 * call returns KUBEPEERS_OK. `*text` contains no secrets, and no control
 * characters except for line feeds.
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
 * Returns the oldest log record and removes it. Does not block. The key `log`
 * selects which records the library keeps. Whenever the descriptor of
 * kubepeers_change_fd() is readable, call this until there are no more records.
 *
 * `*message` must be freed with kubepeers_text_free(). `*level` is one of
 * KUBEPEERS_LOG_*, and `*unix_ms` is the time in milliseconds since 1970.
 * `level` and `unix_ms` may be NULL. If there is no record, the call returns
 * KUBEPEERS_OK, sets `*message` to NULL, and does not write `*level` and
 * `*unix_ms`.
 *
 * The library keeps 256 records. If there are more, it drops the oldest. The
 * next call then returns a record that says how many were dropped. Records stay
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
 * call stored the error, this is the status that the call returned.
 */
kubepeers_status kubepeers_error_status(const kubepeers_error *error);

/**
 * Returns what failed, why, and what to do, in one or more lines, or "" if
 * `error` is NULL. The message contains neither secrets nor the manifest. The
 * string is valid as long as the error.
 */
const char *kubepeers_error_message(const kubepeers_error *error);

/**
 * Returns a Kubernetes manifest that fixes the error once it is applied, e.g.
 * the missing Role if the API server answers 403. Returns NULL if there is none
 * or `error` is NULL. The string is valid as long as the error.
 *
 * Errors with the same cause have the same manifest, whatever their status. The
 * manifest is YAML and ends with a newline. It contains the placeholder
 * THE-USER if the credentials do not name a service account.
 */
const char *kubepeers_error_manifest(const kubepeers_error *error);

/**
 * Returns 1 if the same call may succeed later even if no user or operator
 * changes the program, its configuration or the cluster. Returns 0 otherwise or
 * if `error` is NULL. Test this rather than the status: KUBEPEERS_NOT_SYNCED
 * because of a 403 is not retryable.
 */
int32_t kubepeers_error_is_retryable(const kubepeers_error *error);

/**
 * Returns the HTTP status of the API server's response, e.g. 403, or 0 if there
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
