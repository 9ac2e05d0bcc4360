/* Waits that end, the change descriptor with poll, and the log. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "scenario.h"
#include "verbs.h"

/* --- waits --- */

/* A list may arrive while the thread is suspended in the call, so not each call fails. */
static int refresh_does_not_wait(kubepeers_provider provider)
{
    for (int i = 0; i < 10; i++)
        if (call_refresh(provider, NULL) == KUBEPEERS_STALE)
            return 1;
    return 0;
}

static void refresh_waits_as_long_as_it_may(void)
{
    kubepeers_provider provider = registered_provider(ANSWERING, A_MINUTE);
    CHECK_OK(kubepeers_refresh(provider, NULL, A_MINUTE, NULL));
    CHECK(refresh_does_not_wait(provider));
    CHECK(kubepeers_generation(provider) == 1);
    close_provider(provider);
}

struct wait {
    verb_call *call;
    kubepeers_provider provider;
    kubepeers_status status;
};

static kubepeers_status wait_for_an_hour(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = NULL;
    return kubepeers_wait(provider, 0, AN_HOUR, &peers, error);
}

static kubepeers_status settle_for_an_hour(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = NULL;
    return kubepeers_wait_for_peers(provider, 0, AN_HOUR, AN_HOUR, &peers, error);
}

static kubepeers_status refresh_for_an_hour(kubepeers_provider provider, kubepeers_error **error)
{
    return kubepeers_refresh(provider, NULL, AN_HOUR, error);
}

static void *wait_in_thread(void *argument)
{
    struct wait *wait = argument;
    wait->status = wait->call(wait->provider, NULL);
    return NULL;
}

static void ends(verb_call *end, enum server server, verb_call *call, kubepeers_status expected)
{
    struct wait wait = {call, registered_provider(server, 0), KUBEPEERS_OK};
    struct timespec moment = {0, 50 * 1000 * 1000};
    pthread_t thread = start_thread(wait_in_thread, &wait);
    /* Most likely it waits by now. */
    nanosleep(&moment, NULL);
    CHECK_OK(end(wait.provider, NULL));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(wait.status, expected);
    close_provider(wait.provider);
}

static void close_and_deregister_end_waits(void)
{
    ends(kubepeers_close, REFUSING, wait_for_an_hour, KUBEPEERS_CLOSED);
    ends(kubepeers_close, REFUSING, refresh_for_an_hour, KUBEPEERS_CLOSED);
    ends(kubepeers_close, ANSWERING, settle_for_an_hour, KUBEPEERS_CLOSED);
    ends(kubepeers_deregister, REFUSING, wait_for_an_hour, KUBEPEERS_NOT_REGISTERED);
}

/* --- the change descriptor --- */

static int new_fd(kubepeers_provider provider)
{
    int fd = -1;
    CHECK_OK(kubepeers_change_fd(provider, &fd, NULL));
    return fd;
}

static int is_readable(int fd, int timeout_ms)
{
    struct pollfd poller = {fd, POLLIN, 0};
    return poll(&poller, 1, timeout_ms) == 1 && (poller.revents & POLLIN) != 0;
}

/* Reads all bytes. Returns what the last read returned: -1 for nothing more, 0 for the end. */
static ssize_t drain(int fd)
{
    char bytes[64];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        ;
    return got;
}

/* What an event loop does before it calls again. */
static int next_event(int fd)
{
    return is_readable(fd, A_MINUTE) && drain(fd) == -1;
}

static void descriptor_is_readable_after_each_change(void)
{
    kubepeers_provider provider = new_provider(ANSWERING);
    const int first = new_fd(provider), second = new_fd(provider), closed = new_fd(provider);
    CHECK(first != second && is_readable(first, 0) && drain(first) == -1 && !is_readable(first, 0));
    CHECK(close(closed) == 0);
    CHECK_OK(kubepeers_register(provider, A_MINUTE, NULL));
    CHECK(is_readable(first, A_MINUTE) && is_readable(second, 0));
    CHECK_OK(call_wait(provider, NULL));
    CHECK(drain(first) == -1 && !is_readable(first, 0));
    CHECK_OK(kubepeers_deregister(provider, NULL));
    CHECK(is_readable(first, 0) && drain(first) == -1);
    CHECK_OK(kubepeers_register(provider, A_MINUTE, NULL));
    CHECK(is_readable(first, A_MINUTE));
    /* Generations go on growing. */
    CHECK(kubepeers_generation(provider) > 1);
    close_provider(provider);
    CHECK(drain(first) == 0 && is_readable(first, 0) && drain(second) == 0);
    CHECK(close(first) == 0 && close(second) == 0);
}

/* With SIGPIPE as it is by default, the process would end. */
static void descriptor_may_be_closed_at_any_time(void)
{
    kubepeers_provider provider = new_logging_provider(ANSWERING, "debug");
    for (int i = 0; i < 20; i++) {
        CHECK(close(new_fd(provider)) == 0);
        CHECK_OK(kubepeers_register(provider, A_MINUTE, NULL));
        CHECK_OK(kubepeers_deregister(provider, NULL));
    }
    close_provider(provider);
}

/* Of all but a few, also while nothing changes. */
static void library_closes_its_end_of_closed_descriptors(void)
{
    kubepeers_provider provider = new_provider(ANSWERING);
    const int before = count_descriptors();
    for (int i = 0; i < 1000; i++)
        CHECK(close(new_fd(provider)) == 0);
    CHECK(count_descriptors() <= before + 8);
    close_provider(provider);
    CHECK(count_descriptors() == before);
}

/* A child process has copies of the library's ends and never closes them. */
static void descriptor_ends_although_a_child_has_a_copy(void)
{
    kubepeers_provider provider = new_provider(ANSWERING);
    const int fd = new_fd(provider);
    const pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    close_provider(provider);
    CHECK(drain(fd) == 0 && close(fd) == 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void event_loop_needs_no_blocking_call(void)
{
    kubepeers_provider provider = new_provider(ANSWERING);
    kubepeers_peers *peers = NULL;
    kubepeers_status status;
    uint64_t request = 0, unknown = UINT64_MAX;
    const int fd = new_fd(provider);
    drain(fd);
    CHECK_OK(kubepeers_register(provider, 0, NULL));
    while ((status = call_discover(provider, NULL)) == KUBEPEERS_NOT_SYNCED && next_event(fd))
        ;
    CHECK_OK(status);
    while ((status = kubepeers_refresh(provider, &request, 0, NULL)) == KUBEPEERS_STALE
           && next_event(fd))
        CHECK(request != 0);
    CHECK_OK(status);
    while ((status = kubepeers_wait_for_peers(provider, 4, 300, 0, &peers, NULL))
               == KUBEPEERS_TIMEOUT
           && next_event(fd))
        ;
    CHECK_OK(status);
    CHECK(kubepeers_peers_len(peers) == 4);
    kubepeers_peers_free(peers);
    CHECK_STATUS(kubepeers_refresh(provider, &unknown, 0, NULL), KUBEPEERS_INVALID_ARGUMENT);
    close_provider(provider);
    CHECK(drain(fd) == 0 && close(fd) == 0);
}

/* --- log records --- */

/* Takes records until one contains the words. Returns its level, or 0 if none does. */
static int32_t level_of_record(kubepeers_provider provider, const char *words)
{
    int32_t level = 0;
    int64_t unix_ms = 0;
    char *message = NULL;
    int found = 0;
    while (!found && kubepeers_log_next(provider, &level, &unix_ms, &message, NULL) == KUBEPEERS_OK
           && message != NULL) {
        CHECK(level >= KUBEPEERS_LOG_ERROR && level <= KUBEPEERS_LOG_DEBUG
              && unix_ms > 1700000000000);
        found = strstr(message, words) != NULL;
        kubepeers_text_free(message);
    }
    return found ? level : 0;
}

static void log_records_come_oldest_first(void)
{
    char *message = UNTOUCHED;
    kubepeers_provider silent = registered_provider(REFUSING, 0);
    kubepeers_provider good = new_logging_provider(ANSWERING, "info");
    CHECK_OK(kubepeers_register(good, A_MINUTE, NULL));
    CHECK(level_of_record(good, "app=test") == KUBEPEERS_LOG_INFO);
    CHECK(level_of_record(good, "generation 1: 4 peers") == KUBEPEERS_LOG_INFO);
    CHECK_OK(kubepeers_log_next(silent, NULL, NULL, &message, NULL));
    CHECK(message == NULL);
    close_provider(silent);
    close_provider(good);
}

/* After the first record no other change could make it readable: the error stays the same. */
static void log_record_makes_the_descriptor_readable(void)
{
    kubepeers_provider provider = new_logging_provider(REFUSING, "warn");
    const int fd = new_fd(provider);
    drain(fd);
    CHECK_OK(kubepeers_register(provider, 0, NULL));
    for (int i = 0; i < 2; i++) {
        do
            CHECK(next_event(fd));
        while (level_of_record(provider, "refused") == 0);
    }
    close_provider(provider);
    CHECK(close(fd) == 0);
}

const struct scenario scenarios[] = {
    SCENARIO(refresh_waits_as_long_as_it_may),
    SCENARIO(close_and_deregister_end_waits),
    SCENARIO(descriptor_is_readable_after_each_change),
    SCENARIO(descriptor_may_be_closed_at_any_time),
    SCENARIO(library_closes_its_end_of_closed_descriptors),
    SCENARIO(descriptor_ends_although_a_child_has_a_copy),
    SCENARIO(event_loop_needs_no_blocking_call),
    SCENARIO(log_records_come_oldest_first),
    SCENARIO(log_record_makes_the_descriptor_readable),
    {NULL, NULL},
};
