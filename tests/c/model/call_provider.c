/* The calls on a provider. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "exports.h"
#include "object_pool.h"
#include "provider_model.h"

enum { A_MINUTE_MS = 60 * 1000, AN_HOUR_MS = 60 * A_MINUTE_MS };
enum { BUFFER = 4096, UNTOUCHED_BYTE = 0x55 };

/* A long wait ends only when another thread closes the provider, as happens to shared ones. */
static int32_t some_timeout(struct caller *caller, const struct target *on)
{
    uint64_t percent = below(&caller->random, 100);
    if (percent < 2 && on->state != NULL && on->shared)
        return in_percent(&caller->random, 50) ? INT32_MAX : AN_HOUR_MS;
    if (percent < 10 && (on->state == NULL || on->state->kind != &any_kind))
        return in_percent(&caller->random, 50) ? -1 : INT32_MIN;
    return percent < 30 ? 1 + (int32_t)below(&caller->random, 3) : 0;
}

/* --- registration --- */

static void enter(const struct target *on, kubepeers_status status, enum phase phase)
{
    if (status == KUBEPEERS_OK && on->state != NULL && !on->shared)
        on->state->phase = phase;
}

void call_register(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    const int is_good = caller->kind == &config_kinds[0] || caller->kind == &config_kinds[1];
    int32_t timeout = some_timeout(caller, &on);
    /* Until the pods are listed, so that later calls succeed also where all is slow. */
    if (is_good && in_percent(&caller->random, 50))
        timeout = A_MINUTE_MS;
    kubepeers_status status = kubepeers_register(on.provider, timeout, caller->place);
    statuses allowed = on.state == NULL ? 0 : on.state->kind->registers;
    /* Another thread may deregister meanwhile. */
    allowed |= on.shared ? ONE(NOT_REGISTERED) : 0;
    answered(caller, status, expected(&on, allowed, ONE(ALREADY_REGISTERED)));
    enter(&on, status, REGISTERED);
    /* Generations grow with every registration. */
    if (status == KUBEPEERS_OK && on.state != NULL && !on.shared)
        on.state->least = on.generation + 1;
}

void call_deregister(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    kubepeers_status status = kubepeers_deregister(on.provider, caller->place);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), ONE(OK)));
    enter(&on, status, INITIALIZED);
}

void call_close(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    if (on.state != NULL) {
        close_provider(caller, on.state);
        return;
    }
    kubepeers_status status = kubepeers_close(on.provider, caller->place);
    answered(caller, status, on.provider == 0 ? ONE(OK) : expected(&on, 0, 0));
}

/* --- lists --- */

static void check_list(struct caller *caller, const struct target *on, kubepeers_status status,
                       kubepeers_peers *peers)
{
    RULE(caller, (peers == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (peers == UNTOUCHED)
        return;
    uint64_t generation = kubepeers_peers_generation(peers);
    check_generation(caller, on, generation);
    keep_object(caller, LISTS, peers, (int64_t)generation);
}

void call_discover_peers(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    kubepeers_peers *peers = UNTOUCHED, **place = place_or_null(caller, &peers, "peers");
    kubepeers_status status =
        kubepeers_discover_peers(on.provider, some_timeout(caller, &on), place, caller->place);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), discovers(&on)));
    check_list(caller, &on, status, peers);
}

void call_get_self(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    kubepeers_peers *self = UNTOUCHED, **place = place_or_null(caller, &self, "self_peer");
    kubepeers_status status =
        kubepeers_get_self(on.provider, some_timeout(caller, &on), place, caller->place);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), discovers(&on)));
    RULE(caller, status != KUBEPEERS_OK || kubepeers_peers_len(self) <= 1);
    check_list(caller, &on, status, self);
}

void call_wait(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    kubepeers_peers *peers = UNTOUCHED, **place = place_or_null(caller, &peers, "peers");
    const uint64_t afters[] = {0, on.generation, on.generation + 1, UINT64_MAX, 1};
    uint64_t after = afters[below(&caller->random, 5)];
    kubepeers_status status =
        kubepeers_wait(on.provider, after, some_timeout(caller, &on), place, caller->place);
    statuses registered =
        discovers(&on) | (after > 0 && discovers(&on) & ONE(OK) ? ONE(TIMEOUT) : 0);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), registered));
    RULE(caller, status != KUBEPEERS_OK || kubepeers_peers_generation(peers) > after);
    check_list(caller, &on, status, peers);
}

void call_wait_for_peers(struct caller *caller)
{
    const size_t numbers[] = {0, 1, 2, 1000, SIZE_MAX};
    const int32_t times[] = {0, 0, 1, INT32_MAX, -1, INT32_MIN};
    size_t min = numbers[below(&caller->random, 5)];
    int32_t stable_for = times[below(&caller->random, 6)];
    struct target on = begin_call_on_some(caller);
    kubepeers_peers *peers = UNTOUCHED, **place = place_or_null(caller, &peers, "peers");
    if (stable_for < 0)
        mark_invalid(caller, "stable_for_ms");
    kubepeers_status status = kubepeers_wait_for_peers(
        on.provider, min, stable_for, some_timeout(caller, &on), place, caller->place);
    statuses registered = discovers(&on) | (discovers(&on) & ONE(OK) ? ONE(TIMEOUT) : 0);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), registered));
    RULE(caller, status != KUBEPEERS_OK || kubepeers_peers_len(peers) >= min);
    check_list(caller, &on, status, peers);
}

void call_refresh(struct caller *caller)
{
    const uint64_t requests[] = {0, 0, 1, 1000000, UINT64_MAX, any(&caller->random)};
    uint64_t before = requests[below(&caller->random, 6)], request = before;
    uint64_t *place = in_percent(&caller->random, 30) ? NULL : &request;
    struct target on = begin_call_on_some(caller);
    kubepeers_status status =
        kubepeers_refresh(on.provider, place, some_timeout(caller, &on), caller->place);
    statuses registered = ONE(OK) | ONE(STALE) | ONE(NOT_SYNCED);
    if (place != NULL && before != 0)
        registered |= ONE(INVALID_ARGUMENT) | ONE(NOT_REGISTERED);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), registered));
    RULE(caller, before == 0 || request == before);
    if (place != NULL && (status == KUBEPEERS_STALE || status == KUBEPEERS_NOT_SYNCED))
        RULE(caller, request != 0);
}

void call_generation(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    uint64_t generation = kubepeers_generation(on.provider);
    if (generation == 0)
        return;
    RULE(caller, !on.was_closed && !on.is_parents);
    check_generation(caller, &on, generation);
}

/* Whether `length` bytes are addresses, each with its NUL, and no other byte was written. */
static int are_addresses(const char *buffer, size_t length)
{
    size_t at = 0;
    while (at < length && is_text(buffer + at) && strchr(buffer + at, ':') != NULL)
        at += strlen(buffer + at) + 1;
    for (size_t i = length; i < BUFFER; i++)
        if (buffer[i] != UNTOUCHED_BYTE)
            return 0;
    return at == length;
}

void call_copy_addresses(struct caller *caller)
{
    /* Just enough for the last result, and too little by one. */
    const size_t last = caller->addresses_length;
    const size_t sizes[] = {0, 1, last, last > 0 ? last - 1 : 0, BUFFER - 1};
    size_t size = sizes[below(&caller->random, 5)], length = UNTOUCHED_BYTE;
    uint64_t generation = UNTOUCHED_BYTE;
    char buffer[BUFFER], *start = in_percent(&caller->random, 5) ? NULL : buffer;
    struct target on = begin_call_on_some(caller);
    const uint64_t known[] = {0, on.generation, UINT64_MAX};
    uint64_t had = known[below(&caller->random, 3)];
    size_t *length_place = place_or_null(caller, &length, "length");
    uint64_t *generation_place = place_or_null(caller, &generation, "generation");
    if (start == NULL && size > 0)
        mark_invalid(caller, "buffer");
    memset(buffer, UNTOUCHED_BYTE, sizeof buffer);
    kubepeers_status status = kubepeers_copy_addresses(
        on.provider, had, 0, start, size, length_place, generation_place, caller->place);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), discovers(&on)));
    if (status != KUBEPEERS_OK) {
        RULE(caller, length == UNTOUCHED_BYTE && generation == UNTOUCHED_BYTE);
        RULE(caller, are_addresses(buffer, 0));
        return;
    }
    RULE(caller, generation != had || length == 0);
    caller->addresses_length = length < BUFFER ? length : 0;
    RULE(caller, are_addresses(buffer, length <= size ? length : 0));
    check_generation(caller, &on, generation);
}

/* --- descriptors and log records --- */

static void end_descriptor(int *descriptor)
{
    if (*descriptor > 0)
        close(*descriptor);
    *descriptor = 0;
}

void close_descriptors(struct caller *caller)
{
    for (int i = 0; i < DESCRIPTORS; i++)
        end_descriptor(&caller->descriptors[i]);
}

/* Some stay open for a while without being read, which must not block the library. */
static void keep_descriptor(struct caller *caller, int descriptor)
{
    char bytes[64];
    int *place = &caller->descriptors[below(&caller->random, DESCRIPTORS)];
    RULE(caller, (fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0 && read(descriptor, bytes, 64) > 0);
    RULE(caller, (fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    end_descriptor(place);
    *place = descriptor;
    if (in_percent(&caller->random, 50))
        end_descriptor(place);
}

void call_change_fd(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    int descriptor = -7, *place = place_or_null(caller, &descriptor, "fd");
    kubepeers_status status = kubepeers_change_fd(on.provider, place, caller->place);
    answered(caller, status, expected(&on, ONE(OK), ONE(OK)));
    RULE(caller, (descriptor == -7) == (status != KUBEPEERS_OK));
    if (status == KUBEPEERS_OK)
        keep_descriptor(caller, descriptor);
}

void call_log_next(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    int32_t level = UNTOUCHED_BYTE, *level_place = in_percent(&caller->random, 30) ? NULL : &level;
    int64_t at = UNTOUCHED_BYTE, *at_place = in_percent(&caller->random, 30) ? NULL : &at;
    char *message = UNTOUCHED, **place = place_or_null(caller, &message, "message");
    kubepeers_status status =
        kubepeers_log_next(on.provider, level_place, at_place, place, caller->place);
    answered(caller, status, expected(&on, ONE(OK), ONE(OK)));
    RULE(caller, (message == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (status != KUBEPEERS_OK || message == NULL) {
        RULE(caller, level == UNTOUCHED_BYTE && at == UNTOUCHED_BYTE);
        return;
    }
    RULE(caller,
         level_place == NULL || (level >= KUBEPEERS_LOG_ERROR && level <= KUBEPEERS_LOG_DEBUG));
    RULE(caller, is_text(message) && (at_place == NULL || at > UNTOUCHED_BYTE));
    keep_object(caller, TEXTS, message, 0);
}

/* --- health and texts --- */

void call_get_health(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    kubepeers_health *health = UNTOUCHED, **place = place_or_null(caller, &health, "health");
    kubepeers_status status = kubepeers_get_health(on.provider, place, caller->place);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), ONE(OK)));
    RULE(caller, (health == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (health != UNTOUCHED)
        keep_object(caller, HEALTHS, health, 0);
}

static void check_text(struct caller *caller, kubepeers_status status, char *text, const char *has)
{
    RULE(caller, (text == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (text == UNTOUCHED)
        return;
    RULE(caller, is_text(text) && strstr(text, has) != NULL);
    keep_object(caller, TEXTS, text, 0);
}

void call_explain(struct caller *caller)
{
    const int32_t forms[] = {
        KUBEPEERS_EXPLAIN_JSON, KUBEPEERS_EXPLAIN_TABLE, 0, 3, -1, INT32_MAX, INT32_MIN};
    uint64_t form = below(&caller->random, 10) % 7;
    struct target on = begin_call_on_some(caller);
    char *text = UNTOUCHED, **place = place_or_null(caller, &text, "text");
    if (form > 1)
        mark_invalid(caller, "form");
    kubepeers_status status = kubepeers_explain(on.provider, forms[form], place, caller->place);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), ONE(OK) | ONE(NOT_SYNCED)));
    RULE(caller, status != KUBEPEERS_OK || (*text == '{') == (form == 0));
    check_text(caller, status, text, form == 0 ? "\"gate\"" : "");
}

void call_metrics(struct caller *caller)
{
    struct target on = begin_call_on_some(caller);
    char *text = UNTOUCHED, **place = place_or_null(caller, &text, "text");
    kubepeers_status status = kubepeers_metrics(on.provider, place, caller->place);
    answered(caller, status, expected(&on, ONE(NOT_REGISTERED), ONE(OK)));
    check_text(caller, status, text, "\nkubepeers_peers{");
}
