#include "provider_model.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHARED = 4 };

/* None is ever forgotten: the number of a closed provider stays closed. */
static struct provider_state *providers;
static uint64_t room, parents_count;
static atomic_ullong created;
static struct provider_state *_Atomic shared[SHARED];

void make_room_for_providers(uint64_t most)
{
    room = most;
    providers = calloc(most, sizeof *providers);
    if (providers == NULL) {
        perror("no memory");
        exit(2);
    }
}

uint64_t providers_created(void)
{
    return atomic_load(&created);
}

void providers_were_forked(void)
{
    parents_count = atomic_load(&created);
}

static int is_parents(const struct provider_state *state)
{
    return (uint64_t)(state - providers) < parents_count;
}

struct target target_of(struct provider_state *state)
{
    struct target target = {0, state, 0, 0, 1, 0};
    if (state != NULL) {
        target.is_parents = is_parents(state);
        target.was_closed = atomic_load(&state->close_done);
        target.shared = state->shared;
        target.provider = state->provider;
        target.generation = atomic_load(&state->generation);
    }
    return target;
}

struct provider_state *shared_provider(struct caller *caller)
{
    return atomic_load(&shared[below(&caller->random, SHARED)]);
}

static struct provider_state *some_closed(struct caller *caller)
{
    uint64_t count = atomic_load(&created);
    struct provider_state *state = count == 0 ? NULL : &providers[below(&caller->random, count)];
    return state != NULL && atomic_load(&state->close_done) ? state : NULL;
}

/* A number with an epoch, a generation or a slot that no provider has reached, or with none. */
static kubepeers_provider forged(struct caller *caller)
{
    uint64_t number = any(&caller->random);
    struct provider_state *state = some_closed(caller);
    kubepeers_provider like = state == NULL ? number >> 8 : state->provider;
    switch (below(&caller->random, 6)) {
    case 0: return number | (uint64_t)1 << 63;
    case 1: return number % 1000 + 1;
    case 2: return UINT64_MAX - number % 2;
    case 3: return like | (uint64_t)1 << 46;
    case 4: return like | (uint64_t)1 << 44;
    default: return like | (uint64_t)1 << 15;
    }
}

static struct target some_target(struct caller *caller)
{
    uint64_t percent = below(&caller->random, 100);
    /* Many calls on one provider, so that it is registered soon and used while it is. */
    if (percent < 35)
        return target_of(caller->newest);
    if (percent < 60)
        return target_of(caller->own[below(&caller->random, OWN_PROVIDERS)]);
    if (percent < 85)
        return target_of(shared_provider(caller));
    if (percent < 93)
        return target_of(some_closed(caller));
    return (struct target){forged(caller), NULL, 0, 0, 1, 0};
}

struct target begin_call_on_some(struct caller *caller)
{
    begin_call(caller);
    struct target target = some_target(caller);
    caller->kind = target.state == NULL ? NULL : target.state->kind;
    return target;
}

statuses discovers(const struct target *target)
{
    return target->state == NULL ? 0 : target->state->kind->discovers;
}

statuses expected(const struct target *target, statuses initialized, statuses registered)
{
    struct provider_state *state = target->state;
    if (target->provider == 0)
        return ONE(NOT_INITIALIZED);
    if (state == NULL)
        return ONE(INVALID_HANDLE) | (parents_count > 0 ? ONE(FORKED) : 0);
    if (target->is_parents)
        return ONE(FORKED);
    if (target->was_closed)
        return ONE(CLOSED);
    if (!target->shared)
        return state->phase == INITIALIZED ? initialized : registered;
    return initialized | registered | (atomic_load(&state->close_begun) ? ONE(CLOSED) : 0);
}

void close_provider(struct caller *caller, struct provider_state *state)
{
    begin_call(caller);
    atomic_store(&state->close_begun, 1);
    kubepeers_status status = kubepeers_close(state->provider, caller->place);
    answered(caller, status, is_parents(state) ? ONE(FORKED) : ONE(OK));
    atomic_store(&state->close_done, 1);
    if (caller->newest == state)
        caller->newest = NULL;
}

void add_provider(struct caller *caller, kubepeers_provider provider,
                  const struct config_kind *kind)
{
    const uint64_t number = atomic_fetch_add(&created, 1);
    if (number >= room) {
        fprintf(stderr, "more providers than calls\n");
        exit(2);
    }
    struct provider_state *state = &providers[number], *before;
    state->provider = provider;
    state->kind = kind;
    state->shared = in_percent(&caller->random, 40);
    if (state->shared) {
        before = atomic_exchange(&shared[below(&caller->random, SHARED)], state);
    } else {
        struct provider_state **place = &caller->own[below(&caller->random, OWN_PROVIDERS)];
        before = *place;
        *place = state;
        caller->newest = state;
    }
    if (before != NULL)
        close_provider(caller, before);
}

void check_generation(struct caller *caller, const struct target *target, uint64_t generation)
{
    struct provider_state *state = target->state;
    RULE(caller, generation > 0 && state != NULL && generation >= target->generation);
    if (state == NULL)
        return;
    unsigned long long newest = atomic_load(&state->generation);
    RULE(caller, target->shared || generation >= state->least);
    while (generation > newest
           && !atomic_compare_exchange_weak(&state->generation, &newest, generation))
        ;
}

void close_all_providers(struct caller *caller)
{
    for (uint64_t i = 0; i < atomic_load(&created); i++)
        if (!atomic_load(&providers[i].close_done))
            close_provider(caller, &providers[i]);
    free(providers);
}
