#include "model.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_kinds.h"
#include "object_pool.h"

enum { TOO_MANY = 20 };

static atomic_int rules;
static atomic_ullong answers[64];
char untouched;

#define STATUSES(STATUS) \
    STATUS(OK) STATUS(INVALID_ARGUMENT) STATUS(INVALID_UTF8) STATUS(UNKNOWN_KEY) \
    STATUS(INVALID_CONFIG) STATUS(INVALID_HANDLE) STATUS(CLOSED) STATUS(FORKED) \
    STATUS(ALREADY_INITIALIZED) STATUS(NOT_INITIALIZED) STATUS(ALREADY_REGISTERED) \
    STATUS(NOT_REGISTERED) STATUS(NOT_SYNCED) STATUS(SELF_NOT_VISIBLE) STATUS(SELF_EXCLUDED) \
    STATUS(TIMEOUT) STATUS(NOT_IN_CLUSTER) STATUS(NO_CREDENTIALS) STATUS(NO_IDENTITY) STATUS(TLS) \
    STATUS(UNAUTHORIZED) STATUS(FORBIDDEN) STATUS(NO_RESOURCES) STATUS(UNAVAILABLE) STATUS(STALE)
#define ROW(name) {KUBEPEERS_##name, #name},
const struct known_status known_statuses[] = {STATUSES(ROW)};
const size_t known_statuses_count = sizeof known_statuses / sizeof *known_statuses;

/* Of NOT_SYNCED, TIMEOUT and STALE it depends on the cause. No other is retryable. */
#define RETRYABLE (ONE(SELF_NOT_VISIBLE) | ONE(NO_RESOURCES) | ONE(UNAVAILABLE))
#define MAYBE_RETRYABLE (RETRYABLE | ONE(NOT_SYNCED) | ONE(TIMEOUT) | ONE(STALE))

void broken(struct caller *caller, const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    fprintf(stderr, "thread %u, call %llu, %s: %s\n", caller->thread,
            (unsigned long long)caller->call, caller->function, what);
    if (atomic_fetch_add(&rules, 1) + 1 >= TOO_MANY) {
        fprintf(stderr, "giving up: too many rules are broken\n");
        _Exit(1);
    }
}

int rules_broken(void)
{
    return atomic_load(&rules);
}

void begin_call(struct caller *caller)
{
    caller->error = UNTOUCHED;
    caller->place = in_percent(&caller->random, 20) ? NULL : &caller->error;
    caller->invalid = NULL;
    caller->kind = NULL;
}

void mark_invalid(struct caller *caller, const char *name)
{
    caller->invalid = caller->invalid == NULL ? name : "";
}

void *place_or_null(struct caller *caller, void *place, const char *name)
{
    if (!in_percent(&caller->random, 8))
        return place;
    mark_invalid(caller, name);
    return NULL;
}

void count_status(kubepeers_status status)
{
    if (status <= 0 && status > -64)
        atomic_fetch_add_explicit(&answers[-status], 1, memory_order_relaxed);
}

uint64_t times_answered(kubepeers_status status)
{
    return atomic_load(&answers[-status]);
}

static int is_in(kubepeers_status status, statuses set)
{
    return status <= 0 && status > -64 && (set >> -status & 1) != 0;
}

static void check_error(struct caller *caller, kubepeers_status status)
{
    const kubepeers_error *error = caller->error;
    const char *message = kubepeers_error_message(error);
    int retryable = kubepeers_error_is_retryable(error);
    RULE(caller, kubepeers_error_status(error) == status);
    RULE(caller, is_text(message) && *message != '\0');
    RULE(caller, retryable == 0 || is_in(status, MAYBE_RETRYABLE));
    RULE(caller, retryable == 1 || !is_in(status, RETRYABLE));
    if (caller->kind != NULL && caller->kind->server == REFUSING)
        RULE(caller, retryable == is_in(status, ONE(NOT_SYNCED)));
    if (caller->invalid != NULL && status == KUBEPEERS_INVALID_ARGUMENT)
        RULE(caller, strchr(message, '`') != NULL && strstr(message, caller->invalid) != NULL);
}

void answered(struct caller *caller, kubepeers_status status, statuses allowed)
{
    /* The order of the checks is not part of the contract. */
    if (caller->invalid != NULL)
        allowed = ONE(INVALID_ARGUMENT) | (allowed & ~ONE(OK));
    count_status(status);
    if (!is_in(status, allowed)) {
        const char *message =
            caller->error == UNTOUCHED ? "" : kubepeers_error_message(caller->error);
        broken(caller, "unexpected status %s (%s)", kubepeers_status_name(status), message);
    }
    if (caller->place == NULL)
        return;
    RULE(caller, (caller->error == UNTOUCHED) == (status == KUBEPEERS_OK));
    if (caller->error == UNTOUCHED)
        return;
    check_error(caller, status);
    keep_object(caller, ERRORS, caller->error, status);
}

/* How many bytes of 10xxxxxx follow this one; -1 if no text has it here. */
static int continuation_bytes(unsigned char first)
{
    if (first < 0x80)
        return 0;
    if (first < 0xc2 || first > 0xf4)
        return -1;
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

/* Neither longer than necessary, nor a surrogate, nor beyond Unicode. */
static int may_follow(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0: return second >= 0xa0;
    case 0xed: return second < 0xa0;
    case 0xf0: return second >= 0x90;
    case 0xf4: return second < 0x90;
    default: return 1;
    }
}

int is_text(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    while (byte != NULL && *byte != '\0') {
        int left = continuation_bytes(*byte);
        if (left < 0 || (left > 0 && !may_follow(byte[0], byte[1])))
            return 0;
        for (byte++; left > 0; left--, byte++)
            if ((*byte & 0xc0) != 0x80)
                return 0;
    }
    return byte != NULL;
}
