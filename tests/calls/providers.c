/* Every call on a provider but init. */
#include <limits.h>
#include <string.h>

#include "calls.h"
#include "lives.h"
#include "shelves.h"

enum { AN_HOUR = 3600 * 1000, A_MOMENT = 3 };

/* What a call left alone still holds this. Compared, never followed. */
static char nobody;
#define UNTOUCHED ((void *)&nobody)

static void on_a_provider(struct caller *caller, struct target *target, kubepeers_error ***error)
{
    *target = choose(caller);
    *error = error_place(caller);
}

/* Who waits long has to be woken by a close: what is shared is closed before long. */
static int32_t some_timeout(struct caller *caller, const struct life *life)
{
    uint64_t percent = below(&caller->random, 100);
    if (percent < 2 && life != NULL && life->shared)
        return in_percent(&caller->random, 50) ? INT32_MAX : AN_HOUR;
    if (percent < 10 && (life == NULL || life->kind != &any_kind))
        return in_percent(&caller->random, 50) ? -1 : INT32_MIN;
    return percent < 30 ? 1 + (int32_t)below(&caller->random, A_MOMENT) : 0;
}

static statuses registers(const struct life *life)
{
    return life == NULL ? 0 : life->kind->registers;
}

static statuses discovers(const struct life *life)
{
    return life == NULL ? 0 : life->kind->discovers;
}

/* The phase of one that no other thread uses. */
static void enter(const struct target *target, kubepeers_status status, enum phase phase)
{
    if (status == KUBEPEERS_OK && target->life != NULL && !target->shared)
        target->life->phase = phase;
}

void call_register(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_register(on.provider, some_timeout(caller, on.life), error);
    statuses meanwhile = on.life != NULL && on.shared ? ONE(NOT_REGISTERED) : 0;
    statuses allowed = may_answer(&on, registers(on.life) | meanwhile, ONE(ALREADY_REGISTERED));
    answered(caller, status, allowed);
    enter(&on, status, REGISTERED);
    /* What comes now is newer than whatever was given out. */
    if (status == KUBEPEERS_OK && on.life != NULL && !on.shared)
        on.life->least = on.generation + 1;
}

void call_deregister(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_deregister(on.provider, error);
    answered(caller, status, may_answer(&on, ONE(NOT_REGISTERED), ONE(OK)));
    enter(&on, status, INITIALIZED);
}

void call_close(struct caller *caller)
{
    struct target on = choose(caller);
    if (on.life != NULL) {
        end_life(caller, on.life);
        return;
    }
    kubepeers_error **error = error_place(caller);
    kubepeers_status status = kubepeers_close(on.provider, error);
    answered(caller, status, on.provider == 0 ? ONE(OK) : ONE(INVALID_HANDLE));
}

void call_generation(struct caller *caller)
{
    struct target on = choose(caller);
    uint64_t generation = kubepeers_generation(on.provider);
    if (generation == 0)
        return;
    RULE(caller, on.life != NULL && !on.was_closed);
    if (on.life != NULL)
        saw_generation(caller, &on, generation);
}

/* Where a list is written: sometimes nowhere. */
static kubepeers_peers **place_of(struct caller *caller, kubepeers_peers **peers)
{
    *peers = UNTOUCHED;
    return in_percent(&caller->random, 5) ? NULL : peers;
}

/* An out-parameter that is NULL is told first or last: both will do. */
static statuses with(const void *place, statuses allowed)
{
    return place != NULL ? allowed : ONE(INVALID_ARGUMENT) | (allowed & ~ONE(OK));
}

static void gave_list(struct caller *caller, const struct target *on, kubepeers_status status, kubepeers_peers *peers)
{
    RULE(caller, (peers == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (peers == UNTOUCHED)
        return;
    uint64_t generation = kubepeers_peers_generation(peers);
    RULE(caller, generation > 0);
    if (on->life != NULL)
        saw_generation(caller, on, generation);
    put_away(caller, LISTS, peers, (int64_t)generation);
}

void call_discover_peers(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    kubepeers_peers *peers, **place = place_of(caller, &peers);
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_discover_peers(on.provider, some_timeout(caller, on.life), place, error);
    answered(caller, status, with(place, may_answer(&on, ONE(NOT_REGISTERED), discovers(on.life))));
    gave_list(caller, &on, status, peers);
}

void call_get_self(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    kubepeers_peers *self = UNTOUCHED, **place = place_of(caller, &self);
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_get_self(on.provider, some_timeout(caller, on.life), place, error);
    answered(caller, status, with(place, may_answer(&on, ONE(NOT_REGISTERED), discovers(on.life))));
    RULE(caller, status != KUBEPEERS_OK || kubepeers_peers_len(self) <= 1);
    gave_list(caller, &on, status, self);
}

void call_wait(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    kubepeers_peers *peers, **place = place_of(caller, &peers);
    on_a_provider(caller, &on, &error);
    const uint64_t afters[] = {0, on.generation, on.generation + 1, UINT64_MAX, 1};
    uint64_t after = afters[below(&caller->random, 5)];
    kubepeers_status status = kubepeers_wait(on.provider, after, some_timeout(caller, on.life), place, error);
    statuses registered = discovers(on.life) | (after > 0 && discovers(on.life) & ONE(OK) ? ONE(TIMEOUT) : 0);
    answered(caller, status, with(place, may_answer(&on, ONE(NOT_REGISTERED), registered)));
    RULE(caller, status != KUBEPEERS_OK || kubepeers_peers_generation(peers) > after);
    gave_list(caller, &on, status, peers);
}

void call_wait_for_peers(struct caller *caller)
{
    const size_t numbers[] = {0, 1, 2, 1000, SIZE_MAX};
    const int32_t times[] = {0, 0, 1, INT32_MAX, -1, INT32_MIN};
    size_t min = numbers[below(&caller->random, 5)];
    int32_t stable_for = times[below(&caller->random, 6)];
    struct target on;
    kubepeers_error **error;
    kubepeers_peers *peers, **place = place_of(caller, &peers);
    on_a_provider(caller, &on, &error);
    kubepeers_status status =
        kubepeers_wait_for_peers(on.provider, min, stable_for, some_timeout(caller, on.life), place, error);
    statuses registered = discovers(on.life) | (discovers(on.life) & ONE(OK) ? ONE(TIMEOUT) : 0);
    answered(caller, status,
             with(stable_for < 0 ? NULL : place, may_answer(&on, ONE(NOT_REGISTERED), registered)));
    RULE(caller, status != KUBEPEERS_OK || kubepeers_peers_len(peers) >= min);
    gave_list(caller, &on, status, peers);
}

void call_refresh(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    const uint64_t requests[] = {0, 0, 1, 1000000, UINT64_MAX, any(&caller->random)};
    uint64_t before = requests[below(&caller->random, 6)], request = before;
    uint64_t *place = in_percent(&caller->random, 30) ? NULL : &request;
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_refresh(on.provider, place, some_timeout(caller, on.life), error);
    statuses registered = ONE(OK) | ONE(STALE) | ONE(NOT_SYNCED);
    if (place != NULL && before != 0)
        registered |= ONE(INVALID_ARGUMENT) | ONE(NOT_REGISTERED);
    answered(caller, status, may_answer(&on, ONE(NOT_REGISTERED), registered));
    RULE(caller, before == 0 || request == before);
}

void call_get_health(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    kubepeers_health *health = UNTOUCHED, **place = in_percent(&caller->random, 5) ? NULL : &health;
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_get_health(on.provider, place, error);
    answered(caller, status, with(place, may_answer(&on, ONE(NOT_REGISTERED), ONE(OK))));
    RULE(caller, (health == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (health != UNTOUCHED)
        put_away(caller, HEALTHS, health, 0);
}

static void gave_text(struct caller *caller, kubepeers_status status, char *text)
{
    RULE(caller, (text == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (text == UNTOUCHED)
        return;
    RULE(caller, is_text(text) && *text != '\0');
    put_away(caller, TEXTS, text, 0);
}

void call_explain(struct caller *caller)
{
    const int32_t forms[] = {KUBEPEERS_EXPLAIN_JSON, KUBEPEERS_EXPLAIN_TABLE, 0, 3, -1, INT32_MAX, INT32_MIN};
    uint64_t form = below(&caller->random, 10) % 7;
    struct target on;
    kubepeers_error **error;
    char *text = UNTOUCHED, **place = in_percent(&caller->random, 5) ? NULL : &text;
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_explain(on.provider, forms[form], place, error);
    answered(caller, status,
             with(form > 1 ? NULL : place, may_answer(&on, ONE(NOT_REGISTERED), ONE(OK) | ONE(NOT_SYNCED))));
    gave_text(caller, status, text);
}

void call_metrics(struct caller *caller)
{
    struct target on;
    kubepeers_error **error;
    char *text = UNTOUCHED, **place = in_percent(&caller->random, 5) ? NULL : &text;
    on_a_provider(caller, &on, &error);
    kubepeers_status status = kubepeers_metrics(on.provider, place, error);
    answered(caller, status, with(place, may_answer(&on, ONE(NOT_REGISTERED), ONE(OK))));
    gave_text(caller, status, text);
}
