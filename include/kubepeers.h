/*
 * kubepeers: who are my peers in Kubernetes, and how sure is that?
 *
 * TERMS
 *   pod         a Kubernetes pod of the configured namespace that carries the configured labels
 *   self        the pod that this process runs in
 *   peer        a pod that is Running, has an address and the named discovery port, is not terminating, and is not self
 *   snapshot    the peers as they were at one moment: kubepeers_peers
 *   generation  a number that grows with every change of the peers, their readiness included
 *   verdict     peer, or why a pod is left out: every pod has exactly one
 *   synced      all pods have been read at least once since register
 *
 * A WHOLE PROGRAM
 *   kubepeers_config *config = kubepeers_config_new();
 *   kubepeers_provider provider = 0;
 *   kubepeers_peers *peers = NULL;
 *   kubepeers_error *error = NULL;
 *   if (kubepeers_config_set(config, "namespace", "default", &error) == KUBEPEERS_OK
 *       && kubepeers_config_set(config, "pod_labels", "app=demo", &error) == KUBEPEERS_OK
 *       && kubepeers_config_set(config, "discovery_port_name", "gossip", &error) == KUBEPEERS_OK
 *       && kubepeers_config_set(config, "remoting_port_name", "remoting", &error) == KUBEPEERS_OK
 *       && kubepeers_config_set(config, "peers_port_name", "peers", &error) == KUBEPEERS_OK
 *       && kubepeers_init(config, &provider, &error) == KUBEPEERS_OK
 *       && kubepeers_register(provider, -1, &error) == KUBEPEERS_OK
 *       && kubepeers_discover_peers(provider, -1, &peers, &error) == KUBEPEERS_OK)
 *       for (size_t i = 0; i < kubepeers_peers_len(peers); i++)
 *           puts(kubepeers_peers_address(peers, i));
 *   else
 *       fprintf(stderr, "%s\n", kubepeers_error_message(error));
 *   kubepeers_peers_free(peers);
 *   kubepeers_error_free(error);
 *   kubepeers_close(provider, NULL);
 *   kubepeers_config_free(config);
 *
 * CALLING CONVENTION
 *   - A fallible call returns a status: KUBEPEERS_OK (0) or a negative number. Treat an unknown negative number as KUBEPEERS_INTERNAL.
 *   - Its last parameter, `error`, may be NULL. If it is not, `*error` is written on failure and only then; what was there is
 *     not freed. Every status but KUBEPEERS_OK is a failure in this sense, KUBEPEERS_TIMEOUT included: free its error too, or pass NULL.
 *     Other out-parameters are written on success and only then.
 *   - Strings are NUL-terminated UTF-8. Strings given in are copied, never kept.
 *   - A timeout_ms of 0 does not wait; a negative one means the configured default. Every call that can block has one.
 *   - NULL where an object is needed gives KUBEPEERS_INVALID_ARGUMENT; accessors and _free functions accept it.
 *
 * OWNERSHIP
 *   made by                                        ended by
 *   kubepeers_config_new                           kubepeers_config_free
 *   kubepeers_init (a number, not a pointer)       kubepeers_close
 *   kubepeers_discover_peers, kubepeers_wait,
 *   kubepeers_wait_for_peers                       kubepeers_peers_free
 *   kubepeers_get_health                           kubepeers_health_free
 *   kubepeers_explain, kubepeers_metrics,
 *   kubepeers_log_next                             kubepeers_text_free
 *   kubepeers_change_fd (a file descriptor)        close
 *   any fallible call, through `error`             kubepeers_error_free
 *   Strings that a function returns are borrowed from the object it was asked of, or static: never free() them. Texts that it
 *   writes through an out-parameter are yours: kubepeers_text_free(), not free().
 *
 * THREADS
 *   kubepeers_provider   any thread, any number at once, kubepeers_close() included
 *   kubepeers_peers      immutable: any thread; free it once, when no thread reads it
 *   kubepeers_health     the same
 *   kubepeers_error      the same
 *   kubepeers_config     one thread at a time
 *   kubepeers_log_set_callback() is the only way to be called back. A registered provider runs one thread of its own, named
 *   kubepeers; a second one, kubepeers-aux, looks up the API server's name and logs in with a kubeconfig. It ends ten seconds after it
 *   was last needed, or a moment after kubepeers_close(), with the last descriptors. Both have all signals blocked.
 *   Nothing may be called from a signal handler.
 *
 * THE PROCESS
 *   - The library installs no signal handler, writes nothing to stdout or stderr, and changes no environment variable.
 *     kubepeers_register() reads some: do not call setenv() meanwhile.
 *   - fork: in a child process the parent's providers answer KUBEPEERS_FORKED and nothing else happens. A child may init its own.
 *     As with all descriptors, the child's copies keep connections that the parent has closed open until it execs or ends.
 *   - A fault of the library itself is KUBEPEERS_INTERNAL, and the process goes on. Was it in the watcher, every call on the
 *     provider says so until kubepeers_deregister() or kubepeers_close().
 *   - Descriptors, threads and stacks that cannot be had are KUBEPEERS_NO_RESOURCES. Not so what malloc() cannot give (RLIMIT_AS,
 *     strict overcommit): then Rust writes a line to stderr and aborts the process. The memory limit of a container
 *     is of another kind: malloc() succeeds, and the kernel kills.
 *   - File descriptors are close-on-exec. Two that the first register opens stay open until the process ends. Do not close what you
 *     did not open (as daemons do after fork), and then register in the same process: descriptors would be mistaken for others.
 *   - dlclose: allowed, but the library stays mapped until the process ends. Close the providers first.
 *
 * VERSIONS
 *   While the version is 0.x the soname is libkubepeers.so.0. Functions, status numbers and configuration keys are added, never changed or reused.
 */

#ifndef KUBEPEERS_H
#define KUBEPEERS_H

/* Generated by cbindgen from src/ffi: do not edit. `make header` writes it anew. */

#include <stddef.h>
#include <stdint.h>

/*
 For kubepeers_explain(): JSON, for programs.
 */
#define KUBEPEERS_EXPLAIN_JSON 1

/*
 For kubepeers_explain(): a table, for people.
 */
#define KUBEPEERS_EXPLAIN_TABLE 2

/*
 For log records: the library has failed.
 */
#define KUBEPEERS_LOG_ERROR 1

/*
 For log records: a request failed; what is known stands.
 */
#define KUBEPEERS_LOG_WARN 2

/*
 For log records: the answer has changed, or the way in which it is found.
 */
#define KUBEPEERS_LOG_INFO 3

/*
 For log records: all the rest.
 */
#define KUBEPEERS_LOG_DEBUG 4

/*
 Major version that this header was made for.
 */
#define KUBEPEERS_VERSION_MAJOR 0

/*
 Minor version that this header was made for.
 */
#define KUBEPEERS_VERSION_MINOR 3

/*
 Patch version that this header was made for.
 */
#define KUBEPEERS_VERSION_PATCH 0

/*
 major * 1000000 + minor * 1000 + patch. Compare it with kubepeers_version_number().
 */
#define KUBEPEERS_VERSION_NUMBER 3000

/*
 The call did what it says.
 */
#define KUBEPEERS_OK 0

/*
 A required pointer was NULL, or a number was out of its range.
 */
#define KUBEPEERS_INVALID_ARGUMENT -1

/*
 A string was not UTF-8.
 */
#define KUBEPEERS_INVALID_UTF8 -2

/*
 There is no configuration key of this name.
 */
#define KUBEPEERS_UNKNOWN_KEY -3

/*
 A configuration value is missing, empty or malformed; the message names the key and says what is wrong.
 */
#define KUBEPEERS_INVALID_CONFIG -4

/*
 This number was never given out by kubepeers_init() in this process.
 */
#define KUBEPEERS_INVALID_HANDLE -5

/*
 The provider has been closed.
 */
#define KUBEPEERS_CLOSED -6

/*
 The provider was made in a parent process, before fork(): the child must make its own.
 */
#define KUBEPEERS_FORKED -7

/*
 init was called on a provider that is initialised already.
 */
#define KUBEPEERS_ALREADY_INITIALIZED -8

/*
 The provider is 0: init has not been called.
 */
#define KUBEPEERS_NOT_INITIALIZED -9

/*
 register was called twice.
 */
#define KUBEPEERS_ALREADY_REGISTERED -10

/*
 The call needs register first, or deregister ended it.
 */
#define KUBEPEERS_NOT_REGISTERED -11

/*
 The pods have not been read yet; the message says why. Retry.
 */
#define KUBEPEERS_NOT_SYNCED -12

/*
 The pods have been read, but this process's own pod is not among them, Running and with an address, yet. Retry.
 */
#define KUBEPEERS_SELF_NOT_VISIBLE -13

/*
 This process's own pod can never be a peer: the message says why.
 */
#define KUBEPEERS_SELF_EXCLUDED -14

/*
 Nothing newer came within the timeout: ask again.
 */
#define KUBEPEERS_TIMEOUT -15

/*
 There is no API server to ask: not in a cluster, and no kubeconfig was given.
 */
#define KUBEPEERS_NOT_IN_CLUSTER -16

/*
 The service account's token or CA, or the kubeconfig, is missing, unreadable or malformed.
 */
#define KUBEPEERS_NO_CREDENTIALS -17

/*
 Nothing says which pod this process runs in; the message says how to tell.
 */
#define KUBEPEERS_NO_IDENTITY -18

/*
 The API server's certificate is not to be trusted with the CA at hand, or TLS failed.
 */
#define KUBEPEERS_TLS -19

/*
 The API server does not accept the token (HTTP 401).
 */
#define KUBEPEERS_UNAUTHORIZED -20

/*
 The service account may not list or watch pods (HTTP 403); the message holds the Role that is missing.
 */
#define KUBEPEERS_FORBIDDEN -21

/*
 File descriptors, threads or memory have run out. Retry when there are some.
 */
#define KUBEPEERS_NO_RESOURCES -22

/*
 The API server cannot be reached, does not answer, or is in trouble. Only health tells this: calls answer from memory meanwhile.
 */
#define KUBEPEERS_UNAVAILABLE -23

/*
 What is known is older than asked for, and the API server told nothing newer in time; the message says why. Retry.
 */
#define KUBEPEERS_STALE -24

/*
 The call would wait for the thread that it is made on: it was made from a log callback.
 */
#define KUBEPEERS_WOULD_DEADLOCK -25

/*
 A fault of the library itself. The process is unharmed; close the provider.
 */
#define KUBEPEERS_INTERNAL -99

/*
 A configuration being filled in. Opaque. One thread at a time.
 */
typedef struct kubepeers_config kubepeers_config;

/*
 Why a call failed. Opaque, immutable: any thread may read it.
 */
typedef struct kubepeers_error kubepeers_error;

/*
 How sure the answers of a provider were at one moment. Opaque, immutable: any thread may read it.
 */
typedef struct kubepeers_health kubepeers_health;

/*
 A list of peers as they were at one moment. Opaque, immutable: any thread may read it, also after the provider was closed.
 */
typedef struct kubepeers_peers kubepeers_peers;

/*
 What a call ended with: KUBEPEERS_OK (0), or one of the negative KUBEPEERS_* numbers above.
 */
typedef int32_t kubepeers_status;

/*
 A provider: a checked number, not a pointer. 0 is never a valid provider.
 A stale, forged or closed one gives a status, never undefined behaviour.
 */
typedef uint64_t kubepeers_provider;

/*
 What a log record is given to: its level, one of KUBEPEERS_LOG_*; its text, which is gone when the callback returns; and the
 `context` that came with the callback.
 */
typedef void (*kubepeers_log_callback)(int32_t level, const char *message, uintptr_t context);



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 A new, empty configuration. Free it with kubepeers_config_free(), any time after kubepeers_init().
 NULL only if memory has run out.
 */
kubepeers_config *kubepeers_config_new(void);

/*
 Sets one key. Does not block, no I/O. A later value of the same key replaces the earlier one.
 Refused values leave the configuration as it was.

 Required keys (kubepeers_init() fails without them):
   namespace             the namespace whose pods are the peers, e.g. "default"
   discovery_port_name   name of the container port that discover_peers answers with, e.g. "gossip"
   remoting_port_name    name of the remoting port, for kubepeers_peers_remoting_port(); a peer need not have one
   peers_port_name       name of the peers port, for kubepeers_peers_peers_port(); the same
   pod_labels            labels that every peer has, "k=v,k2=v2" without blanks; equality, all must match

 Optional keys:
   self                  "auto" (default): find out which pod this is, and leave it out; "none": not a pod
   pod_uid, pod_name, pod_ip  which pod this process runs in, where it cannot be found out; one is enough, the uid is surest
   readiness             "ignore" (default); "ready": only ready pods are peers. On a cold start nobody is ready: for clients
                         of a cluster, not for its members. It also ends what kubepeers_discover_peers() guarantees of two pods
   pending               "exclude" (default); "include": a Pending pod with an address counts, self too: for a process in a
                         native sidecar, whose pod is Pending until its main containers start
   ip_family             "primary" (default): status.podIP; "ipv4", "ipv6": the first of status.podIPs that is one
   default_discovery_port  for pods without a port of the name (service meshes make people hide their ports), 1 to 65535
   default_remoting_port, default_peers_port  the same for the other two ports
   max_stale_ms          peers of which nothing was heard for so long are not given out, 1000 to 86400000; default: there is no limit.
                         A quiet watch is heard of about every minute: with less the pods are listed anew when somebody asks
   watch                 "auto" (default): watch the pods, or poll them where only `list` is allowed; "poll": only poll
   poll_interval_ms      time between two polls, varied by a fifth, 1000 to 86400000; default 15000
   register_timeout_ms   default timeout of kubepeers_register(), 0 to 86400000; default 5000
   discover_timeout_ms   default timeout of the other calls that wait, 0 to 86400000; default 3000
   request_timeout_ms    how long one request to the API server may go unanswered, 1 to 86400000; default 10000
   service_account_dir   folder with `token` and `ca.crt`; default /var/run/secrets/kubernetes.io/serviceaccount
   kubeconfig            path of a kubeconfig to use instead of the service account, whose folder is then not looked at
   context               context of that kubeconfig; default: its current one
   log                   "off" (default), "error", "warn", "info", "debug": which log records are made; kubepeers_log_next(),
                         kubepeers_log_set_callback()
 Paths are used as they are, whenever a file is read: give absolute ones if the process changes its folder.

 Errors: KUBEPEERS_UNKNOWN_KEY, KUBEPEERS_INVALID_CONFIG (the message names the key and says what is wrong),
 KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_INVALID_UTF8.
 */
kubepeers_status kubepeers_config_set(kubepeers_config *config,
                                      const char *key,
                                      const char *value,
                                      kubepeers_error **error);

/*
 Frees a configuration. NULL is allowed. Providers made from it live on.
 */
void kubepeers_config_free(kubepeers_config *config);

/*
 Validates the whole configuration and makes a provider of it. Does not block; no I/O, no network, no thread.

 Set `*provider` to 0 before: if it is a live provider the call is refused. It holds the new one after success and is left
 alone otherwise. End the provider with kubepeers_close(), which does not reset your variable. `config` is only read: it may be freed or used again afterwards.

 Errors: KUBEPEERS_INVALID_CONFIG (a required key is missing: the message names it), KUBEPEERS_ALREADY_INITIALIZED
 (`*provider` is a live provider), KUBEPEERS_INVALID_ARGUMENT (NULL).
 */
kubepeers_status kubepeers_init(const kubepeers_config *config,
                                kubepeers_provider *provider,
                                kubepeers_error **error);

/*
 Finds the credentials and this process's own pod, starts the watcher on a thread of its own, and waits for the
 first complete view of the pods, at most `timeout_ms` (0: does not wait; negative: `register_timeout_ms`).

 Credentials: `kubeconfig` if set, else KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT with the files of
 `service_account_dir`. Token and CA are read again before every request, so that rotation needs nothing.
 The Role needs exactly `list` and `watch` on `pods` in the namespace. With `list` alone the pods are polled (kubepeers_health_is_polling()).

 Own pod, first that answers: `pod_uid`, else `pod_name`, else `pod_ip`; the pod that the service account's token is bound to
 (every token that the kubelet mounts is); the environment variables POD_UID and POD_NAME; in a cluster the pod that has one of
 the addresses of this machine's interfaces (and, where several have it, as on the network of a host, the discovery port); the pod
 named by HOSTNAME. Not looked for with `self` = "none".

 What may mend itself (server unreachable, slow or overloaded) is not an error here: the watcher keeps trying,
 and kubepeers_discover_peers() answers KUBEPEERS_NOT_SYNCED with the reason until it succeeds.
 So KUBEPEERS_OK does not say that the pods have been read; discover_peers does. What only shows after the timeout, such as a
 missing Role, is told by discover_peers too, as KUBEPEERS_NOT_SYNCED that is not retryable; with a timeout of 0 that is so with all
 that the watcher finds. A 401 or 403 is an error here only once it has lasted for two seconds: an API server that is
 starting refuses valid clients for a moment.
 After an error nothing is left running and register may be called again.

 Errors: KUBEPEERS_NO_RESOURCES, KUBEPEERS_NOT_IN_CLUSTER, KUBEPEERS_NO_CREDENTIALS, KUBEPEERS_NO_IDENTITY, KUBEPEERS_TLS,
 KUBEPEERS_UNAUTHORIZED, KUBEPEERS_FORBIDDEN, KUBEPEERS_ALREADY_REGISTERED; KUBEPEERS_NOT_REGISTERED and KUBEPEERS_CLOSED
 if another thread deregistered or closed meanwhile; KUBEPEERS_WOULD_DEADLOCK (in a log callback); the handle's own: KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_register(kubepeers_provider provider,
                                    int32_t timeout_ms,
                                    kubepeers_error **error);

/*
 The peers now: `ip:discovery_port` of each Running pod of the selector that has an address (see `ip_family`) and the port and is not terminating, without this process's own pod.
 The port of that name is looked for in the containers and in native sidecars; under hostNetwork it is the hostPort, if set.
 Readiness is not asked for by default: on a cold start nobody is ready yet.

 Answers from memory, without the network. Waits, at most `timeout_ms` (0: does not wait; negative:
 `discover_timeout_ms`), only while the pods have not been read or the own pod is not seen yet. That wait is what makes
 an empty list mean "alone" and never "not known yet", and it guarantees that of any two pods that got an answer and are
 not terminating, at least one sees the other.

 A failure of the API server is never an empty list: while it cannot be reached, or refuses (401, 403), the last peers stand
 and are given out as OK. kubepeers_get_health() tells how old they are. With `max_stale_ms` an answer that is older is not given
 out: the pods are listed anew, and if that does not succeed within the timeout the call is KUBEPEERS_STALE.

 `*peers` is written only on success; free it with kubepeers_peers_free().

 Errors: KUBEPEERS_NOT_SYNCED and KUBEPEERS_SELF_NOT_VISIBLE (retry; the message says what is waited for),
 KUBEPEERS_SELF_EXCLUDED (the own pod has no port of that name, or other labels, or has ended), KUBEPEERS_NO_IDENTITY (several pods
 may be the own one), KUBEPEERS_STALE, KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED (also when another thread closes during the wait),
 KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_discover_peers(kubepeers_provider provider,
                                          int32_t timeout_ms,
                                          kubepeers_peers **peers,
                                          kubepeers_error **error);

/*
 The generation of the list that kubepeers_discover_peers() would give at once; 0 if it would have to wait, or would fail, or
 `max_stale_ms` is set, or more than a thousand providers were open when it was made, and for what is no provider. Keep the last list and compare: while this is its generation, it is what
 discover_peers would give. Takes no lock and makes no object: a few nanoseconds.
 */
uint64_t kubepeers_generation(kubepeers_provider provider);

/*
 The addresses of the list that kubepeers_discover_peers() would give, and nothing else, in one call: for bindings, to which every
 call is dear. They are written to `buffer` one after the other, each ended by NUL, in the order of the list.

 `*generation` is that of the list. If it is `known_generation` (of a list that you have; 0: none), the addresses are the same
 still: nothing is copied, and `*length` is 0. Else `*length` is how many bytes all addresses take; if that is more than `size`
 nothing was copied: call again with a larger buffer. So an empty list has a new generation and a length of 0. `buffer` may be NULL if
 `size` is 0. It waits like kubepeers_discover_peers(), at most `timeout_ms`.

 Errors: KUBEPEERS_INVALID_ARGUMENT (`length` or `generation` is NULL, or `buffer` is while `size` is not 0), and those of
 kubepeers_discover_peers().
 */
kubepeers_status kubepeers_copy_addresses(kubepeers_provider provider,
                                          uint64_t known_generation,
                                          int32_t timeout_ms,
                                          char *buffer,
                                          size_t size,
                                          size_t *length,
                                          uint64_t *generation,
                                          kubepeers_error **error);

/*
 Makes a descriptor for an event loop (poll, epoll, asyncio, Go's netpoller): it is readable when there may be something new: peers,
 a state of the own pod, trouble of another kind or its end, the end of a registration, or a log record. Works before
 kubepeers_register(), and across deregister and register.

 When it is readable read all of it (it is a non-blocking stream of bytes that mean nothing), then ask for what you want to know, e.g. with
 kubepeers_wait() and a timeout of 0, or kubepeers_generation(). It is readable from the start, and sometimes without anything new.
 With `max_stale_ms`, an answer that becomes too old does not make it readable. After kubepeers_close() it stays readable: read() gives 0.

 The descriptor is yours: end it with close(), before or after kubepeers_close(). Each call makes another one; they do not influence each
 other. It is close-on-exec. The library uses one more for each, which it may close a little later than you close yours.

 Errors: KUBEPEERS_NO_RESOURCES (no descriptors left), KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_CLOSED,
 KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_change_fd(kubepeers_provider provider,
                                     int32_t *fd,
                                     kubepeers_error **error);

/*
 Waits for peers newer than `after_generation` (from kubepeers_peers_generation(); 0 for any), at most `timeout_ms`
 (0: does not wait; negative: `discover_timeout_ms`). It reports states, not events: changes that came
 and went in between are not seen, and no state that lasts can be missed. With `after_generation` 0 it is kubepeers_discover_peers().

 `*peers` is written only on success; free it with kubepeers_peers_free().

 Errors: KUBEPEERS_TIMEOUT (nothing newer: ask again), and those of kubepeers_discover_peers().
 */
kubepeers_status kubepeers_wait(kubepeers_provider provider,
                                uint64_t after_generation,
                                int32_t timeout_ms,
                                kubepeers_peers **peers,
                                kubepeers_error **error);

/*
 Waits until there are at least `min` peers whose addresses have been the same for `stable_for_ms`. For a process that is
 about to form a cluster.

 The addresses count as stable once they have been the same for `stable_for_ms` and a list requested after that
 confirms them. An open watch is not enough: it may be dead, or its server may have lost etcd. The library delays this
 list by up to 5 ms per peer (at most 5 s). A list that arrived up to 5 s before the call (or `stable_for_ms`, if that is
 longer) counts, too. With a `stable_for_ms` of 0, the call needs no list.

 While requests fail, the call keeps waiting, whatever `stable_for_ms` is.

 `timeout_ms`: 0 does not wait; a negative value means `discover_timeout_ms`.

 `*peers` is written only on success; free it with kubepeers_peers_free().

 Errors: KUBEPEERS_TIMEOUT (too few peers, not stable for long enough, or not confirmed; the message states how many peers
 there are and how many are needed), KUBEPEERS_INVALID_ARGUMENT (also for a negative `stable_for_ms`), and those of
 kubepeers_discover_peers().
 */
kubepeers_status kubepeers_wait_for_peers(kubepeers_provider provider,
                                          size_t min,
                                          int32_t stable_for_ms,
                                          int32_t timeout_ms,
                                          kubepeers_peers **peers,
                                          kubepeers_error **error);

/*
 Forces a new list and waits for it. On success, later results are at least as new as this call, even with several API
 servers. Without it, results are as new as the watch, usually some milliseconds behind.

 For a process that is about to found a cluster. The call is expensive for the API server, so do not repeat it on a
 timer. All callers together cause at most one list a second, and fewer while the API server refuses lists.

 `timeout_ms`: 0 only requests the list and returns KUBEPEERS_STALE; a negative value means `discover_timeout_ms`, but
 at least 5000: an API server whose cache lags takes up to 3.1 s to answer.

 Errors: KUBEPEERS_STALE (nothing newer in time; the message says why), KUBEPEERS_NOT_SYNCED (nothing has ever been read),
 KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED, KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_refresh(kubepeers_provider provider,
                                   int32_t timeout_ms,
                                   kubepeers_error **error);

/*
 Stops the watcher, joins its thread, and fails every waiting call with KUBEPEERS_NOT_REGISTERED.
 kubepeers_register() may be called again. Blocks for milliseconds; nothing is sent to the API server.

 Errors: KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED, KUBEPEERS_WOULD_DEADLOCK (in a log callback), KUBEPEERS_NOT_INITIALIZED,
 KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_deregister(kubepeers_provider provider,
                                      kubepeers_error **error);

/*
 Ends the provider: deregisters if needed, fails every waiting call with KUBEPEERS_CLOSED, joins the thread. Safe beside any other
 call on the same provider. Closing 0 is KUBEPEERS_OK, and so is closing again, at once, even while the first close is still
 joining. Peer lists and errors that were given out stay valid.

 Errors: KUBEPEERS_WOULD_DEADLOCK (in a log callback), KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_close(kubepeers_provider provider,
                                 kubepeers_error **error);

/*
 How many peers there are, self not counted. 0 means: alone, confirmed, as of the last that was heard of the API
 server (kubepeers_get_health() tells when that was, `max_stale_ms` limits it). 0 for NULL.
 */
size_t kubepeers_peers_len(const kubepeers_peers *peers);

/*
 Which answer this is: grows with every change of a peer, its readiness and other texts included, with whatever comes between
 (the own pod's state), and with every register, from 1, within one provider. It means nothing to another provider. 0 for NULL.
 */
uint64_t kubepeers_peers_generation(const kubepeers_peers *peers);

/*
 The address of a peer, "ip:port" with IPv6 in brackets, e.g. "10.0.0.7:3322" or "[fd00::7]:3322".
 In order of (family, address, port), without duplicates: the same pods give the same list in every process.
 NULL past the end and for NULL. Borrowed from the list: valid until kubepeers_peers_free().
 */
const char *kubepeers_peers_address(const kubepeers_peers *peers, size_t index);

/*
 The peer's IP address without brackets, e.g. "10.0.0.7" or "fd00::7". As with all texts of a peer: NULL past the end and for NULL;
 borrowed from the list, valid until kubepeers_peers_free().
 */
const char *kubepeers_peers_host(const kubepeers_peers *peers,
                                 size_t index);

/*
 The port of `discovery_port_name`. As with all ports: 0 past the end and for NULL.
 */
uint16_t kubepeers_peers_discovery_port(const kubepeers_peers *peers, size_t index);

/*
 The port of `remoting_port_name`; 0 if the pod has none and `default_remoting_port` is not set.
 */
uint16_t kubepeers_peers_remoting_port(const kubepeers_peers *peers, size_t index);

/*
 The port of `peers_port_name`; 0 if the pod has none and `default_peers_port` is not set.
 */
uint16_t kubepeers_peers_peers_port(const kubepeers_peers *peers, size_t index);

/*
 The pod's name.
 */
const char *kubepeers_peers_name(const kubepeers_peers *peers, size_t index);

/*
 The pod's uid: never given to another pod, as a name is.
 */
const char *kubepeers_peers_uid(const kubepeers_peers *peers, size_t index);

/*
 The name of the Kubernetes node that the pod runs on.
 */
const char *kubepeers_peers_node_name(const kubepeers_peers *peers, size_t index);

/*
 Which version of its template the pod was made from: the label `controller-revision-hash` (StatefulSet, DaemonSet) or
 `pod-template-hash` (Deployment); "" for neither.
 */
const char *kubepeers_peers_revision(const kubepeers_peers *peers, size_t index);

/*
 1 if the pod is Ready in the sense of Kubernetes, else 0. 0 past the end and for NULL.
 */
int32_t kubepeers_peers_is_ready(const kubepeers_peers *peers, size_t index);

/*
 Frees a list. NULL is allowed.
 */
void kubepeers_peers_free(kubepeers_peers *peers);

/*
 How sure the answers are: answers are given from memory, through any outage of the API server, and this says how old they are.
 Does not block, no I/O. `*health` is written only on success; free it with kubepeers_health_free().

 Errors: KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED, KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_NOT_INITIALIZED,
 KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_get_health(kubepeers_provider provider,
                                      kubepeers_health **health,
                                      kubepeers_error **error);

/*
 Returns the milliseconds since the last confirmation: a list, an event, a bookmark, or a new watch. Bookmarks come about
 once a minute, and a watch that is silent for 90 s is opened again, so a quiet cluster is not old. Returns -1 before the first
 list, and if `health` is NULL.
 */
int64_t kubepeers_health_age_ms(const kubepeers_health *health);

/*
 Returns 1 if the age exceeds `max_stale_ms`, if nothing has been read yet, or if `health` is NULL, and 0 otherwise. If
 `max_stale_ms` is not set, the limit is 120 s; where the pods are polled, it is three polls, if that is longer.
 */
int32_t kubepeers_health_is_stale(const kubepeers_health *health);

/*
 1 if the pods are listed every `poll_interval_ms` instead of watched: as `watch` = "poll" asks for, or since the service
 account may not watch them, which kubepeers_health_error() then says; else 0. 0 for NULL.
 */
int32_t kubepeers_health_is_polling(const kubepeers_health *health);

/*
 What has gone wrong since the last sign of life, or why the pods are polled; NULL if nothing. Borrowed: valid until
 kubepeers_health_free(), never freed by itself. Its status is KUBEPEERS_UNAVAILABLE, or one that register has too.
 */
const kubepeers_error *kubepeers_health_error(const kubepeers_health *health);

/*
 What kind of failure that error is, for programs, the same word as in the metrics: "unreachable" (refused, or the connection
 broke), "no-such-host", "timed-out", "tls", "unauthorized" (401), "forbidden" (a 403 of Kubernetes itself), "gone" (410: history that the server no longer has), "not-supported" (400, 406, 415, 422),
 "refused" (another status that is no success), "incomplete", "malformed", "credentials", "resources". "" if there is no error,
 and for NULL. Borrowed: valid until kubepeers_health_free().
 */
const char *kubepeers_health_error_class(const kubepeers_health *health);

/*
 Frees it, with its error. NULL is allowed.
 */
void kubepeers_health_free(kubepeers_health *health);

/*
 Every pod that the selector finds, with its verdict: why is a peer missing? Does not block, no I/O.

 `form` is KUBEPEERS_EXPLAIN_JSON: one object with `namespace`, `selector`, `own_pod`, `gate` ("open", or what an answer waits for:
 "self-absent", "self-not-yet"; or why there can be none: "self-excluded", "self-unselected", "self-unclear") and `pods`, by name:
 each with `name`, `verdict`, `address` (of a peer, else null), `ips`, `phase`, `ready`, `terminating`, `node_name`, `uid`,
 `revision`, `started`, `ports` (named ones: [name, number]). Fields may be added. Or KUBEPEERS_EXPLAIN_TABLE: a table for people,
 whose form may change.

 Verdicts: "peer"; or left out: "self", "not-running", "terminating", "no-ip", "no-ip-of-family" (see `ip_family`), "no-discovery-port",
 "not-ready" (only with `readiness` = "ready"), "address-taken" (this pod, or one that started later, has the same address and port),
 "malformed" (the API server sent a node name, revision, start time, port name, or number of ports or addresses that Kubernetes does not
 allow).

 `*text` is written only on success; free it with kubepeers_text_free().

 Errors: KUBEPEERS_NOT_SYNCED (nothing has been read yet: the message says why), KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED,
 KUBEPEERS_INVALID_ARGUMENT (NULL, or no such form), KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_explain(kubepeers_provider provider,
                                   int32_t form,
                                   char **text,
                                   kubepeers_error **error);

/*
 Metrics of one provider in the text format of Prometheus, to be put behind the ones that your process serves. Of several
 providers serve each under a path of its own: Prometheus takes each name once. Does not block, no I/O.

 Gauges:
   kubepeers_peers       peers of the last snapshot
   kubepeers_pods        pods that the selector finds, by `verdict`: the words of kubepeers_explain(); those that no pod has are left
                         out, but for "peer"
   kubepeers_synced      1 once the pods have been read
   kubepeers_stale       1 if no sign of life came for too long, as kubepeers_health_is_stale() has it
   kubepeers_watching    1 while a watch is open
   kubepeers_polling     1 if the pods are polled, not watched
   kubepeers_generation  generation of the last snapshot
   kubepeers_last_sign_of_life_timestamp_seconds  Unix time of the last confirmation (see kubepeers_health_age_ms());
                         0 before the first
 Counters, from kubepeers_register() on:
   kubepeers_requests_total  lists and watches that were asked for, by `verb`: "list", "watch"
   kubepeers_failures_total  requests that failed, or watches that broke, by `class`: the words of kubepeers_health_error_class(); those
                             that have not happened are left out
   kubepeers_events_total    watch events that were received
   kubepeers_views_total     how often all pods were judged anew
 All have the labels `namespace` and `selector`, which say whose they are. Metrics are added, never changed.

 `*text` is written only on success; free it with kubepeers_text_free().

 Errors: as kubepeers_get_health().
 */
kubepeers_status kubepeers_metrics(kubepeers_provider provider,
                                   char **text,
                                   kubepeers_error **error);

/*
 Frees a text of kubepeers_explain(), kubepeers_metrics() or kubepeers_log_next(). NULL is allowed.
 */
void kubepeers_text_free(char *text);

/*
 Gives log records to a callback from now on, when the watcher has the next thing to do, those that wait first; NULL: to nobody, they
 wait for kubepeers_log_next(). Records are made as the key `log` says, which is "off" by default.

 The callback is called on the provider's own thread, one record at a time. It must not throw, longjmp or take long: nothing is
 watched meanwhile. It may call any function, but not wait: those with a timeout take it as 0, and kubepeers_register(),
 kubepeers_deregister(), kubepeers_close() and this function are KUBEPEERS_WOULD_DEADLOCK, on whatever provider. It must not wait for
 a thread that is in one of these either. After this function the callback that was set before is not running and will not be
 called again: its `context` may go. So it is after kubepeers_deregister() (until the next kubepeers_register()) and kubepeers_close(),
 where they were KUBEPEERS_OK; but not after a second kubepeers_close(), which does not wait for the first.

 Errors: KUBEPEERS_WOULD_DEADLOCK, KUBEPEERS_CLOSED, KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_log_set_callback(kubepeers_provider provider,
                                            kubepeers_log_callback callback,
                                            uintptr_t context,
                                            kubepeers_error **error);

/*
 The oldest log record that waits: for bindings, which fetch records when the descriptor of kubepeers_change_fd() is readable or
 after a call. Does not block. `*message` is its text, to be freed with kubepeers_text_free(); NULL if there is none. `level` (one of
 KUBEPEERS_LOG_*) and `unix_ms` (when it was made, milliseconds since 1970) may be NULL. 256 records wait; of more the oldest are
 lost, and the next one says how many. Records also wait after kubepeers_deregister(); kubepeers_close() ends them.

 Errors: KUBEPEERS_INVALID_ARGUMENT (`message` is NULL), KUBEPEERS_CLOSED, KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE,
 KUBEPEERS_FORKED.
 */
kubepeers_status kubepeers_log_next(kubepeers_provider provider,
                                    int32_t *level,
                                    int64_t *unix_ms,
                                    char **message,
                                    kubepeers_error **error);

/*
 The status that the call returned. KUBEPEERS_OK for NULL.
 */
kubepeers_status kubepeers_error_status(const kubepeers_error *error);

/*
 What happened, to what, and what to do about it: UTF-8, maybe several lines, never NULL ("" for NULL).
 Borrowed from the error: valid until kubepeers_error_free(). Never holds a token or another secret.
 */
const char *kubepeers_error_message(const kubepeers_error *error);

/*
 1 if the same call may succeed later without anybody changing a configuration, a manifest or a program, else 0.
 Ask this of the error, not of the status: KUBEPEERS_NOT_SYNCED because of a 403 is not retryable. 0 for NULL.
 */
int32_t kubepeers_error_is_retryable(const kubepeers_error *error);

/*
 The HTTP status that the API server answered with, e.g. 403; 0 if the error is not about such an answer, and for NULL.
 */
int32_t kubepeers_error_http_status(const kubepeers_error *error);

/*
 Frees an error. NULL is allowed.
 */
void kubepeers_error_free(kubepeers_error *error);

/*
 The name of a status without its prefix, e.g. "NOT_SYNCED"; "UNKNOWN" for a number that this version does not know.
 A static string: never freed.
 */
const char *kubepeers_status_name(kubepeers_status status);

/*
 The version of the library that is loaded, in the form of KUBEPEERS_VERSION_NUMBER.
 */
uint32_t kubepeers_version_number(void);

/*
 The version of the library that is loaded, e.g. "0.3.0". A static string: never freed.
 */
const char *kubepeers_version(void);

/*
 What this library can do that others of its kind may not, words with blanks between: today "change-fd copy-addresses log poll
 protobuf". Words are added, never taken away while the soname is the same. A static string: never freed.
 */
const char *kubepeers_features(void);

/*
 The name of this discovery provider: "kubernetes". A static string: never freed.
 */
const char *kubepeers_id(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KUBEPEERS_H */
