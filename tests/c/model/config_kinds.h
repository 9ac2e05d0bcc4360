/* Kinds of configurations, and the statuses to which each leads. */
#ifndef CONFIG_KINDS_H
#define CONFIG_KINDS_H

#include "../fake_server.h"
#include "model.h"

enum { MAX_PAIRS = 6 };

struct config_kind {
    enum server server;
    /* What register may return if nothing else is wrong. */
    statuses registers;
    /* What discover_peers may return while the provider is registered. */
    statuses discovers;
    /* Keys and values, up to the first NULL. */
    const char *pairs[MAX_PAIRS][2];
};

extern const struct config_kind config_kinds[];
extern const size_t config_kinds_count;
/* Of a random configuration. */
extern const struct config_kind any_kind;

kubepeers_config *config_of(const struct config_kind *kind);

#endif
