/* Every call on a provider, bent into one form. */
#ifndef VERBS_H
#define VERBS_H

#include "check.h"

/* Pointers that no call made: what a call left alone still holds them. They are compared, never followed. */
static char nobody;
#define UNTOUCHED_ERROR ((kubepeers_error *)(void *)&nobody)
#define UNTOUCHED_PEERS ((kubepeers_peers *)(void *)&nobody)
#define UNTOUCHED_HEALTH ((kubepeers_health *)(void *)&nobody)
#define UNTOUCHED_TEXT (&nobody)

static kubepeers_status call_register(kubepeers_provider provider, kubepeers_error **error)
{
    return kubepeers_register(provider, 0, error);
}

/* Out-parameters are written on success and only then. */
static kubepeers_status end_peers(kubepeers_status status, kubepeers_peers *peers)
{
    CHECK((peers == UNTOUCHED_PEERS) == (status != KUBEPEERS_OK));
    if (peers != UNTOUCHED_PEERS)
        kubepeers_peers_free(peers);
    return status;
}

static kubepeers_status end_text(kubepeers_status status, char *text)
{
    CHECK((text == UNTOUCHED_TEXT) == (status != KUBEPEERS_OK));
    if (text != UNTOUCHED_TEXT)
        kubepeers_text_free(text);
    return status;
}

static kubepeers_status call_discover(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_discover_peers(provider, 0, &peers, error);
    return end_peers(status, peers);
}

static kubepeers_status call_get_self(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *self = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_get_self(provider, 0, &self, error);
    return end_peers(status, self);
}

static kubepeers_status call_wait(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_wait(provider, 0, 0, &peers, error);
    return end_peers(status, peers);
}

static kubepeers_status call_wait_for_peers(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_wait_for_peers(provider, 0, 0, 0, &peers, error);
    return end_peers(status, peers);
}

static kubepeers_status call_refresh(kubepeers_provider provider, kubepeers_error **error)
{
    return kubepeers_refresh(provider, NULL, 0, error);
}

static kubepeers_status call_health(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_health *health = UNTOUCHED_HEALTH;
    kubepeers_status status = kubepeers_get_health(provider, &health, error);
    CHECK((health == UNTOUCHED_HEALTH) == (status != KUBEPEERS_OK));
    if (health != UNTOUCHED_HEALTH)
        kubepeers_health_free(health);
    return status;
}

static kubepeers_status call_explain(kubepeers_provider provider, kubepeers_error **error)
{
    char *text = UNTOUCHED_TEXT;
    kubepeers_status status = kubepeers_explain(provider, KUBEPEERS_EXPLAIN_JSON, &text, error);
    return end_text(status, text);
}

static kubepeers_status call_metrics(kubepeers_provider provider, kubepeers_error **error)
{
    char *text = UNTOUCHED_TEXT;
    kubepeers_status status = kubepeers_metrics(provider, &text, error);
    return end_text(status, text);
}

/* The last one is close, which alone may be called again. */
typedef kubepeers_status verb(kubepeers_provider provider, kubepeers_error **error);
static verb *const verbs[] = {
    call_register, call_discover, call_get_self, call_wait,    call_wait_for_peers,  call_refresh,
    call_health,   call_explain,  call_metrics,  kubepeers_deregister, kubepeers_close,
};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* Calls the first ones with and without an error object; the object says what the call returned. */
static void verbs_give(size_t count, kubepeers_provider provider, kubepeers_status expected)
{
    for (size_t i = 0; i < count; i++) {
        kubepeers_error *error = NULL;
        CHECK_STATUS(verbs[i](provider, NULL), expected);
        CHECK_STATUS(verbs[i](provider, &error), expected);
        CHECK_STATUS(kubepeers_error_status(error), expected);
        CHECK(strlen(kubepeers_error_message(error)) > 0);
        kubepeers_error_free(error);
    }
}

static inline void every_verb_gives(kubepeers_provider provider, kubepeers_status expected)
{
    verbs_give(VERBS, provider, expected);
}

static inline void every_verb_but_close_gives(kubepeers_provider provider, kubepeers_status expected)
{
    verbs_give(VERBS - 1, provider, expected);
}

#endif
