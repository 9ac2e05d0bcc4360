/* All calls on a provider, in one form and with a timeout of 0. */
#ifndef VERBS_H
#define VERBS_H

#include "check.h"

typedef kubepeers_status verb_call(kubepeers_provider provider, kubepeers_error **error);

struct verb {
    const char *name;
    verb_call *call;
};

/* Those from discover_peers to metrics need the registration. */
extern const struct verb verbs[];
enum { REGISTER, DISCOVER_PEERS, METRICS = 9, LOG_NEXT, CHANGE_FD, DEREGISTER, CLOSE, VERBS };

/* What a call leaves alone still holds this. It is compared, never followed. */
extern char untouched;
#define UNTOUCHED ((void *)&untouched)

/* Each checks that it writes its out-parameter exactly if it succeeds, and frees what it got. */
verb_call call_register, call_discover, call_wait, call_refresh, call_explain, call_metrics;

#endif
