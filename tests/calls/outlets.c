/* What a provider tells by other ways than lists: addresses alone, descriptors, log records. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "lives.h"
#include "shelves.h"

enum { BUFFER = 4096, UNTOUCHED = 0x55 };

/* So many bytes are texts, each with its NUL, and nothing else was written. */
static int are_addresses(const char *buffer, size_t length, size_t size)
{
    size_t at = 0;
    while (at < length && is_text(buffer + at) && strchr(buffer + at, ':') != NULL)
        at += strlen(buffer + at) + 1;
    for (size_t i = length; i < size; i++)
        if (buffer[i] != UNTOUCHED)
            return 0;
    return at == length;
}

void call_copy_addresses(struct caller *caller)
{
    const size_t sizes[] = {0, 1, 20, BUFFER, BUFFER};
    char buffer[BUFFER + 1];
    struct target on = choose(caller);
    const uint64_t known[] = {0, on.generation, UINT64_MAX};
    size_t size = sizes[below(&caller->random, 5)], length = UNTOUCHED;
    uint64_t had = known[below(&caller->random, 3)], generation = UNTOUCHED;
    char *place = in_percent(&caller->random, 5) ? NULL : buffer;
    size_t *length_place = in_percent(&caller->random, 3) ? NULL : &length;
    uint64_t *generation_place = in_percent(&caller->random, 3) ? NULL : &generation;
    int wrong = length_place == NULL || generation_place == NULL || (place == NULL && size > 0);
    kubepeers_error **error = error_place(caller);
    memset(buffer, UNTOUCHED, sizeof buffer);
    kubepeers_status status =
        kubepeers_copy_addresses(on.provider, had, 0, place, size, length_place, generation_place, error);
    statuses allowed = may_answer(&on, ONE(NOT_REGISTERED), on.life == NULL ? 0 : on.life->kind->discovers);
    answered(caller, status, wrong ? ONE(INVALID_ARGUMENT) | (allowed & ~ONE(OK)) : allowed);
    if (status != KUBEPEERS_OK) {
        RULE(caller, length == UNTOUCHED && generation == UNTOUCHED && are_addresses(buffer, 0, sizeof buffer));
        return;
    }
    RULE(caller, generation > 0 && (generation != had || length == 0));
    RULE(caller, are_addresses(buffer, length <= size ? length : 0, sizeof buffer));
    saw_generation(caller, &on, generation);
}

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

/* Some are kept for a while, and never read again: the library must not mind. */
static void keep_descriptor(struct caller *caller, int descriptor)
{
    char bytes[64];
    RULE(caller, read(descriptor, bytes, sizeof bytes) > 0);
    RULE(caller, (fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
    int *place = &caller->descriptors[below(&caller->random, DESCRIPTORS)];
    end_descriptor(place);
    *place = descriptor;
    if (in_percent(&caller->random, 50))
        end_descriptor(place);
}

void call_change_fd(struct caller *caller)
{
    struct target on = choose(caller);
    int32_t descriptor = -7, *place = in_percent(&caller->random, 5) ? NULL : &descriptor;
    kubepeers_error **error = error_place(caller);
    kubepeers_status status = kubepeers_change_fd(on.provider, place, error);
    statuses allowed = may_answer(&on, ONE(OK), ONE(OK));
    answered(caller, status, place != NULL ? allowed : ONE(INVALID_ARGUMENT) | (allowed & ~ONE(OK)));
    RULE(caller, (descriptor == -7) == (status != KUBEPEERS_OK));
    if (status == KUBEPEERS_OK)
        keep_descriptor(caller, descriptor);
}

void call_log_next(struct caller *caller)
{
    struct target on = choose(caller);
    static char nobody;
    int32_t level = UNTOUCHED, *level_place = in_percent(&caller->random, 30) ? NULL : &level;
    int64_t at = UNTOUCHED, *at_place = in_percent(&caller->random, 30) ? NULL : &at;
    char *message = &nobody, **place = in_percent(&caller->random, 5) ? NULL : &message;
    kubepeers_error **error = error_place(caller);
    kubepeers_status status = kubepeers_log_next(on.provider, level_place, at_place, place, error);
    statuses allowed = may_answer(&on, ONE(OK), ONE(OK));
    answered(caller, status, place != NULL ? allowed : ONE(INVALID_ARGUMENT) | (allowed & ~ONE(OK)));
    RULE(caller, (message == &nobody) == (status != KUBEPEERS_OK));
    if (status != KUBEPEERS_OK || message == NULL) {
        RULE(caller, level == UNTOUCHED && at == UNTOUCHED);
        return;
    }
    RULE(caller, level_place == NULL || (level >= KUBEPEERS_LOG_ERROR && level <= KUBEPEERS_LOG_DEBUG));
    RULE(caller, is_text(message) && (at_place == NULL || at > UNTOUCHED));
    put_away(caller, TEXTS, message, 0);
}
