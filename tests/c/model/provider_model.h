/* The providers, and the state in which each of them is. */
#ifndef PROVIDER_MODEL_H
#define PROVIDER_MODEL_H

#include <stdatomic.h>

#include "config_kinds.h"

enum phase { INITIALIZED, REGISTERED };

struct provider_state {
    kubepeers_provider provider;
    const struct config_kind *kind;
    /* Whether several threads use it. */
    int shared;
    atomic_int close_begun, close_done;
    /* The greatest generation that a call has returned. */
    atomic_ullong generation;
    /* Only of a provider that is not shared; and the least generation that may come next. */
    enum phase phase;
    uint64_t least;
};

/* The provider of a call, and its state before the call. */
struct target {
    kubepeers_provider provider;
    /* NULL: the number never was a provider. */
    struct provider_state *state;
    /* Whether it belongs to the parent process. */
    int is_parents;
    int was_closed, shared;
    uint64_t generation;
};

struct target target_of(struct provider_state *state);
/* Begins a call on a random provider, or on a number that is none. */
struct target begin_call_on_some(struct caller *caller);

/* The statuses of a call that returns these in the two phases of a live provider. */
statuses expected(const struct target *target, statuses initialized, statuses registered);
/* Those of discover_peers while the provider is registered. */
statuses discovers(const struct target *target);

/* Adds a new provider, and closes the one that it replaces. */
void add_provider(struct caller *caller, kubepeers_provider provider,
                  const struct config_kind *kind);
void close_provider(struct caller *caller, struct provider_state *state);

/* Checks that generations never go back. */
void check_generation(struct caller *caller, const struct target *target, uint64_t generation);

/* A provider that all threads use, or NULL. */
struct provider_state *shared_provider(struct caller *caller);

void make_room_for_providers(uint64_t most);
/* In a child process, in which all providers of its parent are FORKED. */
void providers_were_forked(void);
void close_all_providers(struct caller *caller);
uint64_t providers_created(void);

#endif
