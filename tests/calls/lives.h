/* The providers: from init to close, and what is known of each. */
#ifndef LIVES_H
#define LIVES_H

#include <stdatomic.h>

#include "kinds.h"

enum phase { INITIALIZED, REGISTERED };

struct life {
    kubepeers_provider provider;
    const struct kind *kind;
    /* Several threads call things on it. */
    int shared;
    atomic_int close_begun, close_done;
    /* The newest that was given out. */
    atomic_ullong generation;
    /* Of one that is not shared; and the generation that may come next. */
    enum phase phase;
    uint64_t least;
};

/* What a call is made on. */
struct target {
    kubepeers_provider provider;
    /* NULL: never was one. */
    struct life *life;
    int was_closed;
    /* Others may change its state. */
    int shared;
    /* The newest generation before the call. */
    uint64_t generation;
};

struct target choose(struct caller *caller);
struct target target_of(struct life *life);

/* What a call on it may have answered: by its phase, or because it is no live provider. */
statuses may_answer(const struct target *target, statuses initialized, statuses registered);

/* Closes it; the call counts. */
void end_life(struct caller *caller, struct life *life);

/* Takes in a new provider; one that had its place is closed. */
void begin_life(struct caller *caller, kubepeers_provider provider, const struct kind *kind);

/* A generation that was given out; they never go back. */
void saw_generation(struct caller *caller, const struct target *target, uint64_t generation);

/* One of those that all threads use; NULL for none. */
struct life *some_shared(struct caller *caller);

void make_room_for_lives(uint64_t most);
void end_all(struct caller *caller);
uint64_t lives_begun(void);

#endif
