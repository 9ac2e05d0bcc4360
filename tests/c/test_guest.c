/*
 * The library as a guest: its threads leave the host's crash handler, cancellations, stack sizes and daemons alone.
 * Each test is a process of its own, and fails too if anything comes to its stdout or stderr.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "host.h"
#include "kubepeers.h"
#include "process.h"
#include "provider.h"
#include "server.h"
#include "verbs.h"

static char answering[32], refusing[32];

static kubepeers_provider registered(const char *kubeconfig)
{
    kubepeers_provider provider = new_provider_of(kubeconfig);
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    return provider;
}

static void close_provider(kubepeers_provider provider)
{
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* --- faults ------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught, caught_by;

static void crash_handler(int signal_number)
{
    caught = signal_number;
    caught_by = (sig_atomic_t)syscall(SYS_gettid);
}

static void remember_another_thread(int id, void *data)
{
    if (id != (int)getpid())
        *(int *)data = id;
}

static int has_caught(void)
{
    return caught != 0;
}

static void test_faults_reach_the_crash_handler(void)
{
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    kubepeers_provider provider = registered(answering);
    int watcher = 0;
    each_number("/proc/self/task", remember_another_thread, &watcher);
    CHECK(watcher != 0);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        caught = 0;
        CHECK(signal(faults[i], crash_handler) != SIG_ERR);
        CHECK(syscall(SYS_tgkill, getpid(), watcher, faults[i]) == 0);
        CHECK(eventually(has_caught) && caught == faults[i] && caught_by == watcher);
    }
    close_provider(provider);
}

/* A host may block one everywhere, and take it by other means. */
static void test_a_pending_fault_stays_pending(void)
{
    sigset_t blocked, pending;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGABRT);
    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0 && pthread_kill(pthread_self(), SIGABRT) == 0);
    close_provider(registered(answering));
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGABRT) == 1);
}

/* --- pthread_cancel ----------------------------------------------------------------------------------------------- */

/* The cancellation is pending from the start: it would take effect at the first cancellation point. */
static void *use_everything(void *done)
{
    pthread_cancel(pthread_self());
    kubepeers_provider provider = registered(answering);
    for (size_t i = 1; i < VERBS - 1; i++)
        verbs[i](provider, NULL);
    close_provider(provider);
    *(int *)done = 1;
    pthread_testcancel();
    *(int *)done = 2;
    return NULL;
}

static void test_a_cancelled_thread_ends_outside_the_library(void)
{
    pthread_t thread;
    void *result = NULL;
    int done = 0;
    CHECK(pthread_create(&thread, NULL, use_everything, &done) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(done == 1 && result == PTHREAD_CANCELED);
}

/* Reads files and joins threads, which are cancellation points, until it is cancelled. */
static void *register_again_and_again(void *provider)
{
    for (;;) {
        CHECK_STATUS(kubepeers_register(*(kubepeers_provider *)provider, 0, NULL), KUBEPEERS_OK);
        CHECK_STATUS(kubepeers_deregister(*(kubepeers_provider *)provider, NULL), KUBEPEERS_OK);
        pthread_testcancel();
    }
    return NULL;
}

static void test_threads_are_cancelled_at_any_moment(void)
{
    enum { CANCELLED = 200 };
    kubepeers_provider provider = new_provider_of(refusing);
    for (int i = 0; i < CANCELLED; i++) {
        struct timespec moment = {0, i * 10 * 1000};
        pthread_t thread;
        void *result = NULL;
        CHECK(pthread_create(&thread, NULL, register_again_and_again, &provider) == 0);
        nanosleep(&moment, NULL);
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    }
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_NOT_REGISTERED);
    close_provider(provider);
}

/* --- stacks ------------------------------------------------------------------------------------------------------- */

static void test_the_environment_does_not_size_the_stacks(void)
{
    CHECK(setenv("RUST_MIN_STACK", "1", 1) == 0);
    kubepeers_provider provider = registered(answering);
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_OK);
    close_provider(provider);
}

/* --- daemons ------------------------------------------------------------------------------------------------------ */

static void close_all_descriptors(void)
{
    for (int number = 3; number < 1024; number++)
        if (report == NULL || number != fileno(report))
            close(number);
}

/* Others may have got the numbers since. */
static void take_numbers(void)
{
    for (int i = 0; i < 20; i++)
        CHECK(open(i % 2 == 0 ? "/dev/null" : "/proc/self/status", O_RDONLY) >= 0);
}

static kubepeers_provider parents;

static void become_a_daemon(void)
{
    close_all_descriptors();
    for (int taken = 0; taken < 2; taken++) {
        kubepeers_provider own = new_provider_of(answering);
        kubepeers_error *error = NULL;
        CHECK_STATUS(kubepeers_register(own, A_MINUTE, &error), KUBEPEERS_FORKED);
        CHECK(strstr(kubepeers_error_message(error), "descriptors") != NULL);
        kubepeers_error_free(error);
        CHECK_STATUS(call_discover(own, NULL), KUBEPEERS_NOT_REGISTERED);
        close_provider(own);
        CHECK_STATUS(kubepeers_close(parents, NULL), KUBEPEERS_FORKED);
        take_numbers();
    }
}

static void test_a_daemon_whose_parent_has_registered_is_told(void)
{
    parents = registered(answering);
    CHECK(exits_with(start(become_a_daemon), 0));
    close_provider(parents);
}

static void become_a_daemon_early(void)
{
    close_all_descriptors();
    kubepeers_provider own = registered(answering);
    CHECK_STATUS(call_discover(own, NULL), KUBEPEERS_OK);
    close_provider(own);
}

static void test_a_daemon_whose_parent_has_not_registered_can(void)
{
    parents = new_provider_of(answering);
    CHECK(exits_with(start(become_a_daemon_early), 0));
    close_provider(parents);
}

int main(void)
{
    int port, closed;
    pid_t server = serve(loopback_socket(&port), answer_request);
    write_kubeconfig(strcpy(answering, "/tmp/kubepeers-test-XXXXXX"), "http://127.0.0.1", port);
    loopback_socket(&closed);
    write_kubeconfig(strcpy(refusing, "/tmp/kubepeers-test-XXXXXX"), "http://127.0.0.1", closed);
    RUN(test_faults_reach_the_crash_handler);
    RUN(test_a_cancelled_thread_ends_outside_the_library);
    RUN(test_threads_are_cancelled_at_any_moment);
    RUN(test_a_pending_fault_stays_pending);
    RUN(test_the_environment_does_not_size_the_stacks);
    RUN(test_a_daemon_whose_parent_has_registered_is_told);
    RUN(test_a_daemon_whose_parent_has_not_registered_can);
    kill(server, SIGKILL);
    unlink(answering);
    unlink(refusing);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
