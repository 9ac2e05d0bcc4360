/* One thread that makes random calls. */
#ifndef CALLER_H
#define CALLER_H

#include <stddef.h>

#include "../random.h"
#include "kubepeers.h"

struct provider_state;
struct config_kind;

enum { OWN_PROVIDERS = 8, DESCRIPTORS = 4 };

struct caller {
    struct random random;
    unsigned thread;
    /* For messages. */
    uint64_t call;
    const char *function;
    /* No other thread uses these, so that their exact status is known. */
    struct provider_state *own[OWN_PROVIDERS], *newest;
    int descriptors[DESCRIPTORS];
    size_t addresses_length;
    /* A complete configuration of each kind. */
    kubepeers_config **configs;
    /* The `error` argument of the call; `place` is NULL or points to `error`. */
    kubepeers_error *error;
    kubepeers_error **place;
    /* That of the provider; NULL for none. */
    const struct config_kind *kind;
    /* The argument that is NULL or out of range; NULL for none, "" for several. */
    const char *invalid;
};

#endif
