/*
 * A fake API server on loopback, in a process of its own. The namespace of a request selects how it
 * answers: see `namespaces` in fake_server.c. Calls nothing of the library.
 */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include <stdint.h>

/* Each has a kubeconfig. NAMED is ANSWERING by its host name, for which the library needs DNS. */
enum server { ANSWERING, NAMED, BREAKING_TLS, REFUSING, UNREADABLE, SERVERS };

/* Starts the server, which ends with this process at the latest, and writes the kubeconfigs. */
void start_server(uint64_t seed);
void stop_server(void);

/* Any user may read the file. */
const char *kubeconfig_of(enum server server);

/* Sends "p2 is deleted" to the watches that are open in the namespace `good`. */
void delete_p2(void);

#endif
