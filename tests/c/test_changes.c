/*
 * What is told besides answers: the descriptor of changes, the copy of addresses, the log. Against server.h's servers.
 */
#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "host.h"
#include "kubepeers.h"
#include "provider.h"
#include "server.h"
#include "verbs.h"

static char refusing[] = "/tmp/kubepeers-test-XXXXXX";
static char answering[] = "/tmp/kubepeers-test-XXXXXX";

static kubepeers_provider new_provider(const char *kubeconfig, const char *log)
{
    kubepeers_config *config = new_config_of(kubeconfig);
    kubepeers_provider provider = 0;
    CHECK_STATUS(kubepeers_config_set(config, "log", log, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_OK);
    kubepeers_config_free(config);
    return provider;
}

static int new_fd(kubepeers_provider provider)
{
    int fd = -1;
    CHECK_STATUS(kubepeers_change_fd(provider, &fd, NULL), KUBEPEERS_OK);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    return fd;
}

static int is_readable(int fd, int timeout_ms)
{
    struct pollfd poller = {fd, POLLIN, 0};
    return poll(&poller, 1, timeout_ms) == 1 && (poller.revents & POLLIN) != 0;
}

/* Reads all there is; gives what the last read gave: -1 for nothing more, 0 for the end. */
static ssize_t drain(int fd)
{
    char bytes[64];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        ;
    return got;
}

static void test_change_fd(void)
{
    kubepeers_provider provider = new_provider(answering, "off");
    kubepeers_peers *peers = NULL;
    const int first = new_fd(provider), second = new_fd(provider), early = new_fd(provider);
    CHECK(first != second && is_readable(first, 0) && drain(first) == -1 && !is_readable(first, 0));
    /* The library finds out by itself that somebody has left. */
    CHECK(close(early) == 0);
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK(is_readable(first, A_MINUTE) && is_readable(second, 0));
    CHECK_STATUS(kubepeers_wait(provider, 0, 0, &peers, NULL), KUBEPEERS_OK);
    kubepeers_peers_free(peers);
    CHECK(drain(first) == -1 && !is_readable(first, 0));
    CHECK_STATUS(kubepeers_deregister(provider, NULL), KUBEPEERS_OK);
    CHECK(is_readable(first, 0) && drain(first) == -1);
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK(is_readable(first, A_MINUTE));
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK(drain(first) == 0 && is_readable(first, 0) && drain(second) == 0);
    CHECK_STATUS(kubepeers_change_fd(provider, NULL, NULL), KUBEPEERS_INVALID_ARGUMENT);
    int untouched = 7;
    CHECK_STATUS(kubepeers_change_fd(provider, &untouched, NULL), KUBEPEERS_CLOSED);
    CHECK(untouched == 7 && close(first) == 0 && close(second) == 0);
}

/* A host may close its end at any time, also with SIGPIPE as it is by default: the process would end. */
static void test_nobody_reads(void)
{
    kubepeers_provider provider = new_provider(answering, "debug");
    for (int i = 0; i < 20; i++) {
        const int gone = new_fd(provider);
        CHECK(close(gone) == 0);
        CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
        CHECK_STATUS(kubepeers_deregister(provider, NULL), KUBEPEERS_OK);
    }
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* While nothing changes, too: but for a few. */
static void test_closed_ones_are_forgotten(void)
{
    kubepeers_provider provider = new_provider(answering, "off");
    /* The thread that logged in for an earlier test ends a moment later than close, and its descriptors with it. */
    CHECK(eventually(is_alone));
    const int before = count_descriptors();
    for (int i = 0; i < 1000; i++)
        CHECK(close(new_fd(provider)) == 0);
    CHECK(count_descriptors() <= before + 8);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK(count_descriptors() == before);
}

/* A child process has copies of the library's ends, and never closes them. */
static void test_the_end_comes_beside_a_child(void)
{
    kubepeers_provider provider = new_provider(answering, "off");
    const int fd = new_fd(provider);
    const pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK(drain(fd) == 0 && close(fd) == 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* Waits until the descriptor is readable, and reads all there is: what a host does before it calls again. */
static int next_event(int fd)
{
    return is_readable(fd, A_MINUTE) && drain(fd) == -1;
}

/* Every call can be waited for without blocking. */
static void test_event_loop(void)
{
    kubepeers_provider provider = new_provider(answering, "off");
    kubepeers_peers *peers = NULL;
    kubepeers_status status;
    uint64_t request = 0;
    const int fd = new_fd(provider);
    drain(fd);
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_OK);
    while ((status = kubepeers_discover_peers(provider, 0, &peers, NULL)) == KUBEPEERS_NOT_SYNCED && next_event(fd))
        ;
    CHECK_STATUS(status, KUBEPEERS_OK);
    kubepeers_peers_free(peers);
    while ((status = kubepeers_refresh(provider, &request, 0, NULL)) == KUBEPEERS_STALE && next_event(fd))
        CHECK(request != 0);
    CHECK_STATUS(status, KUBEPEERS_OK);
    while ((status = kubepeers_wait_for_peers(provider, 2, 300, 0, &peers, NULL)) == KUBEPEERS_TIMEOUT && next_event(fd))
        ;
    CHECK_STATUS(status, KUBEPEERS_OK);
    CHECK(kubepeers_peers_len(peers) == 2);
    kubepeers_peers_free(peers);
    CHECK_STATUS(kubepeers_refresh(provider, &(uint64_t){UINT64_MAX}, 0, NULL), KUBEPEERS_INVALID_ARGUMENT);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK(drain(fd) == 0 && close(fd) == 0);
}

static void test_copy_addresses(void)
{
    static const char both[] = "10.0.0.2:1\0[fd00::2]:1";
    char buffer[64], untouched[64];
    size_t length = 99;
    uint64_t generation = 99;
    kubepeers_provider provider = new_provider(answering, "off");
    CHECK_STATUS(kubepeers_copy_addresses(provider, 0, 0, buffer, sizeof buffer, &length, &generation, NULL),
                 KUBEPEERS_NOT_REGISTERED);
    CHECK(length == 99 && generation == 99);
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    memset(buffer, 'x', sizeof buffer);
    memset(untouched, 'x', sizeof untouched);
    /* Too small by one; not looked for at all; just large enough; already known. */
    CHECK_STATUS(kubepeers_copy_addresses(provider, 0, 0, buffer, sizeof both - 1, &length, &generation, NULL), KUBEPEERS_OK);
    CHECK(length == sizeof both && generation == 1 && memcmp(buffer, untouched, sizeof buffer) == 0);
    CHECK_STATUS(kubepeers_copy_addresses(provider, 0, 0, NULL, 0, &length, &generation, NULL), KUBEPEERS_OK);
    CHECK(length == sizeof both && generation == 1);
    CHECK_STATUS(kubepeers_copy_addresses(provider, 0, 0, buffer, sizeof both, &length, &generation, NULL), KUBEPEERS_OK);
    CHECK(length == sizeof both && memcmp(buffer, both, sizeof both) == 0 && buffer[sizeof both] == 'x');
    memset(buffer, 'x', sizeof buffer);
    CHECK_STATUS(kubepeers_copy_addresses(provider, 1, 0, buffer, sizeof buffer, &length, &generation, NULL), KUBEPEERS_OK);
    CHECK(length == 0 && generation == 1 && memcmp(buffer, untouched, sizeof buffer) == 0);
    CHECK_STATUS(kubepeers_copy_addresses(provider, 0, 0, NULL, 1, &length, &generation, NULL), KUBEPEERS_INVALID_ARGUMENT);
    CHECK_STATUS(kubepeers_copy_addresses(provider, 0, 0, buffer, 1, NULL, &generation, NULL), KUBEPEERS_INVALID_ARGUMENT);
    CHECK_STATUS(kubepeers_copy_addresses(provider, 0, 0, buffer, 1, &length, NULL, NULL), KUBEPEERS_INVALID_ARGUMENT);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* Fetches records until one has these words; gives its level, 0 if there is none. */
static int32_t fetched(kubepeers_provider provider, const char *words)
{
    int32_t level = 0;
    int64_t unix_ms = 0;
    char *message = NULL;
    int found = 0;
    while (!found && kubepeers_log_next(provider, &level, &unix_ms, &message, NULL) == KUBEPEERS_OK && message != NULL) {
        CHECK(level >= KUBEPEERS_LOG_ERROR && level <= KUBEPEERS_LOG_DEBUG && unix_ms > 1700000000000);
        found = strstr(message, words) != NULL;
        kubepeers_text_free(message);
    }
    return found ? level : 0;
}

static void test_log_is_fetched(void)
{
    char *message = UNTOUCHED_TEXT;
    kubepeers_provider silent = new_provider(refusing, "off"), good = new_provider(answering, "info");
    kubepeers_provider bad = new_provider(refusing, "warn");
    const int fd = new_fd(bad);
    drain(fd);
    CHECK_STATUS(kubepeers_register(silent, 0, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(bad, 0, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(good, A_MINUTE, NULL), KUBEPEERS_OK);
    /* A record makes the descriptor readable, too. After the first one nothing else could: the error stays the same. */
    for (int i = 0; i < 2; i++) {
        do
            CHECK(next_event(fd));
        while (fetched(bad, "refused") == 0);
    }
    CHECK(fetched(good, "app=test") == KUBEPEERS_LOG_INFO);
    CHECK(fetched(good, "generation 1: 2 peers") == KUBEPEERS_LOG_INFO);
    CHECK_STATUS(kubepeers_log_next(silent, NULL, NULL, &message, NULL), KUBEPEERS_OK);
    CHECK(message == NULL);
    CHECK_STATUS(kubepeers_log_next(silent, NULL, NULL, NULL, NULL), KUBEPEERS_INVALID_ARGUMENT);
    CHECK_STATUS(kubepeers_close(silent, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(good, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(bad, NULL), KUBEPEERS_OK);
    message = UNTOUCHED_TEXT;
    CHECK_STATUS(kubepeers_log_next(bad, NULL, NULL, &message, NULL), KUBEPEERS_CLOSED);
    CHECK(message == UNTOUCHED_TEXT && close(fd) == 0);
}

int main(void)
{
    int port;
    /* A hang is a failure, not a matter of patience. */
    alarm(120);
    loopback_socket(&port);
    write_kubeconfig(refusing, "http://127.0.0.1", port);
    const pid_t server = serve(loopback_socket(&port), answer_request);
    write_kubeconfig(answering, "http://127.0.0.1", port);
    test_change_fd();
    test_nobody_reads();
    test_closed_ones_are_forgotten();
    test_the_end_comes_beside_a_child();
    test_event_loop();
    test_copy_addresses();
    test_log_is_fetched();
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(refusing);
    unlink(answering);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
