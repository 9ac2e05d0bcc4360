/* What a call may answer, and what is counted. */
#ifndef MODEL_H
#define MODEL_H

#include "caller.h"

/* A set of statuses: one bit each. */
typedef uint64_t statuses;

#define ONE(name) ((statuses)1 << -KUBEPEERS_##name)

/* What a broken rule is told as; ends the process if there are too many. */
void broken(struct caller *caller, const char *format, ...) __attribute__((format(printf, 2, 3)));
int rules_broken(void);

#define RULE(caller, condition) ((condition) ? (void)0 : broken((caller), "%s", #condition))

/* Where a call writes its error: sometimes nowhere. */
kubepeers_error **error_place(struct caller *caller);

/* The status is one of those, and there is an error, which says the same, exactly if it is a failure. Keeps the error. */
void answered(struct caller *caller, kubepeers_status status, statuses allowed);

/* NUL-terminated UTF-8; NULL is not. */
int is_text(const char *text);

void count_status(kubepeers_status status);
uint64_t times_answered(kubepeers_status status);
/* All that the header has but INTERNAL. */
extern const kubepeers_status known_statuses[];
extern const size_t known_statuses_count;

#endif
