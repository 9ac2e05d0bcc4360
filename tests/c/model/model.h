/* The statuses that a call may return, and the rules that every call keeps. */
#ifndef MODEL_H
#define MODEL_H

#include "caller.h"

/* A set of statuses: one bit each. */
typedef uint64_t statuses;

#define ONE(name) ((statuses)1 << -KUBEPEERS_##name)

/* Reports a broken rule. Ends the process if there are too many. */
void broken(struct caller *caller, const char *format, ...) __attribute__((format(printf, 2, 3)));
int rules_broken(void);

#define RULE(caller, condition) ((condition) ? (void)0 : broken((caller), "%s", #condition))

/* What a call leaves alone still holds this. It is compared, never followed. */
extern char untouched;
#define UNTOUCHED ((void *)&untouched)

/* Prepares the caller's `error` argument, which sometimes is NULL. */
void begin_call(struct caller *caller);
/* Returns `place`, or sometimes NULL, which makes the call invalid. */
void *place_or_null(struct caller *caller, void *place, const char *name);
void mark_invalid(struct caller *caller, const char *name);

/*
 * Checks that the status is allowed (or INVALID_ARGUMENT for an invalid call), and that there is an
 * error exactly if the call failed, of the same status. Keeps the error in the pool.
 */
void answered(struct caller *caller, kubepeers_status status, statuses allowed);

/* Whether it is NUL-terminated UTF-8. NULL is not. */
int is_text(const char *text);

struct known_status {
    kubepeers_status status;
    const char *name;
};
/* All of the header, but for INTERNAL. */
extern const struct known_status known_statuses[];
extern const size_t known_statuses_count;
void count_status(kubepeers_status status);
uint64_t times_answered(kubepeers_status status);

#endif
