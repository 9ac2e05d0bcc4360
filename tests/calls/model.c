#include "model.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shelves.h"

enum { TOO_MANY = 20 };

static atomic_int rules;
static atomic_ullong answers[64];
/* What a call left alone still holds this. Compared, never followed. */
static char nobody;
#define UNTOUCHED ((kubepeers_error *)(void *)&nobody)

const kubepeers_status known_statuses[] = {
    KUBEPEERS_OK,
    KUBEPEERS_INVALID_ARGUMENT,
    KUBEPEERS_INVALID_UTF8,
    KUBEPEERS_UNKNOWN_KEY,
    KUBEPEERS_INVALID_CONFIG,
    KUBEPEERS_INVALID_HANDLE,
    KUBEPEERS_CLOSED,
    KUBEPEERS_FORKED,
    KUBEPEERS_ALREADY_INITIALIZED,
    KUBEPEERS_NOT_INITIALIZED,
    KUBEPEERS_ALREADY_REGISTERED,
    KUBEPEERS_NOT_REGISTERED,
    KUBEPEERS_NOT_SYNCED,
    KUBEPEERS_SELF_NOT_VISIBLE,
    KUBEPEERS_SELF_EXCLUDED,
    KUBEPEERS_TIMEOUT,
    KUBEPEERS_NOT_IN_CLUSTER,
    KUBEPEERS_NO_CREDENTIALS,
    KUBEPEERS_NO_IDENTITY,
    KUBEPEERS_TLS,
    KUBEPEERS_UNAUTHORIZED,
    KUBEPEERS_FORBIDDEN,
    KUBEPEERS_NO_RESOURCES,
    KUBEPEERS_UNAVAILABLE,
    KUBEPEERS_STALE,
};
const size_t known_statuses_count = sizeof known_statuses / sizeof *known_statuses;

void broken(struct caller *caller, const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    fprintf(stderr, "thread %u, call %llu, %s: %s\n", caller->thread, (unsigned long long)caller->call, caller->function, what);
    if (atomic_fetch_add(&rules, 1) + 1 >= TOO_MANY) {
        fprintf(stderr, "too many rules are broken: given up\n");
        _Exit(1);
    }
}

int rules_broken(void)
{
    return atomic_load(&rules);
}

kubepeers_error **error_place(struct caller *caller)
{
    caller->error = UNTOUCHED;
    caller->error_place = in_percent(&caller->random, 20) ? NULL : &caller->error;
    return caller->error_place;
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

void answered(struct caller *caller, kubepeers_status status, statuses allowed)
{
    count_status(status);
    if (!is_in(status, allowed)) {
        const char *message = caller->error == UNTOUCHED ? "" : kubepeers_error_message(caller->error);
        broken(caller, "gave %s, which it may not now (%s)", kubepeers_status_name(status), message);
    }
    if (caller->error_place == NULL)
        return;
    RULE(caller, (caller->error == UNTOUCHED) == (status == KUBEPEERS_OK));
    if (caller->error == UNTOUCHED)
        return;
    RULE(caller, kubepeers_error_status(caller->error) == status);
    RULE(caller, is_text(kubepeers_error_message(caller->error)) && *kubepeers_error_message(caller->error) != '\0');
    put_away(caller, ERRORS, caller->error, status);
}

/* How many bytes of 10xxxxxx follow this one; -1 where none may begin with it. */
static int follow(unsigned char first)
{
    if (first < 0x80)
        return 0;
    if (first < 0xc2 || first > 0xf4)
        return -1;
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

/* Neither longer than need be, nor a surrogate, nor beyond Unicode. */
static int may_begin(unsigned char first, unsigned char second)
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
        int left = follow(*byte);
        if (left < 0 || (left > 0 && !may_begin(byte[0], byte[1])))
            return 0;
        for (byte++; left > 0; left--, byte++)
            if ((*byte & 0xc0) != 0x80)
                return 0;
    }
    return byte != NULL;
}
