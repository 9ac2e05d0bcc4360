#include "lives.h"

#include <stdio.h>
#include <stdlib.h>

/* How many providers all threads use. */
enum { SHARED = 4 };

/* None is ever forgotten: a handle is stale for ever. */
static struct life *lives;
static uint64_t room;
static atomic_ullong begun;
static struct life *_Atomic shared[SHARED];

void make_room_for_lives(uint64_t most)
{
    room = most;
    lives = calloc(most, sizeof *lives);
    if (lives == NULL) {
        perror("no memory");
        exit(2);
    }
}

uint64_t lives_begun(void)
{
    return atomic_load(&begun);
}

struct target target_of(struct life *life)
{
    struct target target = {0, life, 0, 1, 0};
    if (life != NULL) {
        target.was_closed = atomic_load(&life->close_done);
        target.shared = life->shared;
        target.provider = life->provider;
        target.generation = atomic_load(&life->generation);
    }
    return target;
}

struct life *some_shared(struct caller *caller)
{
    return atomic_load(&shared[below(&caller->random, SHARED)]);
}

static struct life *closed_one(struct caller *caller)
{
    uint64_t count = atomic_load(&begun);
    struct life *life = count == 0 ? NULL : &lives[below(&caller->random, count)];
    return life != NULL && atomic_load(&life->close_done) ? life : NULL;
}

/* No provider has such a number: it has an epoch that did not begin, a generation or a slot that nobody reached, or none. */
static kubepeers_provider forged(struct caller *caller)
{
    uint64_t number = any(&caller->random);
    struct life *like = closed_one(caller);
    switch (below(&caller->random, 5)) {
    case 0: return number | (uint64_t)1 << 63;
    case 1: return number % 1000 + 1;
    case 2: return UINT64_MAX - number % 2;
    case 3: return (like == NULL ? number >> 8 : like->provider) | (uint64_t)1 << 55;
    default: return (like == NULL ? number >> 8 : like->provider) | (uint64_t)1 << 15;
    }
}

struct target choose(struct caller *caller)
{
    uint64_t percent = below(&caller->random, 100);
    if (percent < 60)
        return target_of(caller->own[below(&caller->random, OWN)]);
    if (percent < 85)
        return target_of(some_shared(caller));
    if (percent < 93)
        return target_of(closed_one(caller));
    return (struct target){forged(caller), NULL, 0, 1, 0};
}

statuses may_answer(const struct target *target, statuses initialized, statuses registered)
{
    struct life *life = target->life;
    if (life == NULL)
        return target->provider == 0 ? ONE(NOT_INITIALIZED) : ONE(INVALID_HANDLE);
    if (target->was_closed)
        return ONE(CLOSED);
    if (!target->shared)
        return life->phase == INITIALIZED ? initialized : registered;
    return initialized | registered | (atomic_load(&life->close_begun) ? ONE(CLOSED) : 0);
}

void end_life(struct caller *caller, struct life *life)
{
    kubepeers_error **error = error_place(caller);
    atomic_store(&life->close_begun, 1);
    answered(caller, kubepeers_close(life->provider, error), ONE(OK));
    atomic_store(&life->close_done, 1);
}

void begin_life(struct caller *caller, kubepeers_provider provider, const struct kind *kind)
{
    const uint64_t number = atomic_fetch_add(&begun, 1);
    if (number >= room) {
        fprintf(stderr, "more providers than calls\n");
        exit(2);
    }
    struct life *life = &lives[number], *before;
    life->provider = provider;
    life->kind = kind;
    life->shared = in_percent(&caller->random, 40);
    if (life->shared) {
        before = atomic_exchange(&shared[below(&caller->random, SHARED)], life);
    } else {
        struct life **place = &caller->own[below(&caller->random, OWN)];
        before = *place;
        *place = life;
    }
    if (before != NULL)
        end_life(caller, before);
}

void saw_generation(struct caller *caller, const struct target *target, uint64_t generation)
{
    unsigned long long newest = atomic_load(&target->life->generation);
    RULE(caller, generation >= target->generation);
    RULE(caller, target->shared || generation >= target->life->least);
    while (generation > newest && !atomic_compare_exchange_weak(&target->life->generation, &newest, generation))
        ;
}

void end_all(struct caller *caller)
{
    for (uint64_t i = 0; i < atomic_load(&begun); i++)
        if (!atomic_load(&lives[i].close_done))
            end_life(caller, &lives[i]);
    free(lives);
}
