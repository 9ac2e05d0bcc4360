/* One thread that calls. */
#ifndef CALLER_H
#define CALLER_H

#include <stddef.h>
#include <stdint.h>

#include "kubepeers.h"
#include "random.h"

struct life;

/* How many providers a thread has for itself. */
enum { OWN = 8, DESCRIPTORS = 4 };

struct caller {
    struct random random;
    unsigned thread;
    /* For messages. */
    uint64_t call;
    const char *function;
    /* Nobody else calls anything on these, so that it is known what they have to answer. */
    struct life *own[OWN];
    /* Descriptors of changes. */
    int descriptors[DESCRIPTORS];
    /* Complete configurations, one of each kind. */
    kubepeers_config **configs;
    /* Where errors are written, see model.c. */
    kubepeers_error *error;
    kubepeers_error **error_place;
};

#endif
