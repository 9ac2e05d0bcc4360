#include "verbs.h"

#include <unistd.h>

char untouched;

kubepeers_status call_register(kubepeers_provider provider, kubepeers_error **error)
{
    return kubepeers_register(provider, 0, error);
}

kubepeers_status call_refresh(kubepeers_provider provider, kubepeers_error **error)
{
    return kubepeers_refresh(provider, NULL, 0, error);
}

/* A call that returns an object through `&out`. */
#define VERB(name, type, free_out, call) \
    kubepeers_status name(kubepeers_provider provider, kubepeers_error **error) \
    { \
        type *out = UNTOUCHED; \
        kubepeers_status status = call; \
        CHECK((out == UNTOUCHED) == (status != KUBEPEERS_OK)); \
        if (status == KUBEPEERS_OK) \
            free_out(out); \
        return status; \
    }
#define LIST_VERB(name, call) VERB(name, kubepeers_peers, kubepeers_peers_free, call)
#define TEXT_VERB(name, call) VERB(name, char, kubepeers_text_free, call)

LIST_VERB(call_discover, kubepeers_discover_peers(provider, 0, &out, error))
static LIST_VERB(call_get_self, kubepeers_get_self(provider, 0, &out, error))
    LIST_VERB(call_wait, kubepeers_wait(provider, 0, 0, &out, error)) static LIST_VERB(
        call_wait_for_peers,
        kubepeers_wait_for_peers(provider, 0, 0, 0, &out,
                                 error)) static VERB(call_health, kubepeers_health,
                                                     kubepeers_health_free,
                                                     kubepeers_get_health(provider, &out, error))
        TEXT_VERB(call_explain, kubepeers_explain(provider, KUBEPEERS_EXPLAIN_JSON, &out, error))
            TEXT_VERB(call_metrics, kubepeers_metrics(provider, &out, error)) static TEXT_VERB(
                call_log_next, kubepeers_log_next(provider, NULL, NULL, &out, error))

                static kubepeers_status
    call_copy(kubepeers_provider provider, kubepeers_error **error)
{
    size_t length = 7;
    uint64_t generation = 7777;
    kubepeers_status status =
        kubepeers_copy_addresses(provider, 0, 0, NULL, 0, &length, &generation, error);
    CHECK((length == 7) == (status != KUBEPEERS_OK)
          && (generation == 7777) == (status != KUBEPEERS_OK));
    return status;
}

static kubepeers_status call_change_fd(kubepeers_provider provider, kubepeers_error **error)
{
    int fd = -7;
    kubepeers_status status = kubepeers_change_fd(provider, &fd, error);
    CHECK((fd == -7) == (status != KUBEPEERS_OK));
    if (status == KUBEPEERS_OK)
        CHECK(close(fd) == 0);
    return status;
}

const struct verb verbs[] = {
    {"register", call_register},
    {"discover_peers", call_discover},
    {"get_self", call_get_self},
    {"wait", call_wait},
    {"wait_for_peers", call_wait_for_peers},
    {"refresh", call_refresh},
    {"copy_addresses", call_copy},
    {"get_health", call_health},
    {"explain", call_explain},
    {"metrics", call_metrics},
    {"log_next", call_log_next},
    {"change_fd", call_change_fd},
    {"deregister", kubepeers_deregister},
    {"close", kubepeers_close},
};
