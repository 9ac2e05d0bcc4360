/*
 * Scenarios, each in a process of its own, in which nothing of the library is set up. A scenario
 * passes if all its checks do, and if it writes nothing to stdout and stderr, nor do the processes
 * that it waits for. scenario.c has main(), which also starts the fake server.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <pthread.h>
#include <sys/types.h>

#include "../config.h"
#include "check.h"

enum { A_MINUTE = 60 * 1000, AN_HOUR = 60 * A_MINUTE };

struct scenario {
    const char *name;
    void (*body)(void);
};

#define SCENARIO(body) {#body, body}

/* The scenarios of a program, up to the first without a name. */
extern const struct scenario scenarios[];
/* Runs instead of the scenarios, and without the server, if the program has arguments. */
int run_with_arguments(int count, char **words);

/* Creates an observer of the namespace `good`, which has four peers. */
kubepeers_provider new_provider(enum server server);
kubepeers_provider new_logging_provider(enum server server, const char *level);
kubepeers_provider registered_provider(enum server server, int32_t timeout_ms);
void close_provider(kubepeers_provider provider);
int metrics_have(kubepeers_provider provider, const char *text);

pthread_t start_thread(void *(*body)(void *), void *argument);
/* Starts a process that ends with status 0 if none of its checks failed. */
pid_t start_process(void (*body)(void));
/* Waits for a process to end, and returns whether it exited with this status. */
int exits_with(pid_t child, int status);
/* Where failures are reported, which outlives the descriptors of a daemon. */
int report_descriptor(void);

/* Repeats the question until the answer is yes. Returns 0 after a minute. */
int eventually(int (*question)(void));

#endif
