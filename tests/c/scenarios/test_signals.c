/* The library's threads are guests: they leave signals, cancellations and the environment alone. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "scenario.h"
#include "verbs.h"

/* --- signals --- */

enum { SIGNALS = 65 };

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

static void read_handlers(struct sigaction *actions)
{
    memset(actions, 0, SIGNALS * sizeof *actions);
    for (int number = 1; number < SIGNALS; number++)
        sigaction(number, NULL, &actions[number]); /* fails for some numbers, which stay zero */
}

/* A host with a handler, an ignored signal and a blocked one. */
static void set_up_host(void)
{
    struct sigaction action;
    sigset_t blocked;
    memset(&action, 0, sizeof action);
    action.sa_handler = do_nothing;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

static void are_the_same(const struct sigaction *before, const struct thread *thread)
{
    struct sigaction after[SIGNALS];
    struct thread now = read_thread((int)getpid());
    read_handlers(after);
    for (int number = 1; number < SIGNALS; number++) {
        CHECK(before[number].sa_handler == after[number].sa_handler);
        CHECK(before[number].sa_flags == after[number].sa_flags);
    }
    CHECK(((now.blocked ^ thread->blocked) & ALL_SIGNALS) == 0);
    CHECK(((now.ignored ^ thread->ignored) & ALL_SIGNALS) == 0);
    CHECK(((now.caught ^ thread->caught) & ALL_SIGNALS) == 0);
}

static void library_changes_no_signal(void)
{
    struct sigaction before[SIGNALS];
    set_up_host();
    struct thread thread = read_thread((int)getpid());
    CHECK(thread.blocked != 0 && thread.ignored != 0 && thread.caught != 0);
    read_handlers(before);
    for (int server = 0; server < UNREADABLE; server++) {
        kubepeers_provider provider = registered_provider((enum server)server, 0);
        are_the_same(before, &thread);
        call_discover(provider, NULL);
        close_provider(provider);
        are_the_same(before, &thread);
    }
}

static kubepeers_provider watched;

/*
 * The watcher's thread, and the one that resolves names, which ends some seconds after each list. A
 * thread has neither name nor mask when it begins and when it ends.
 */
static int are_named_and_masked(void)
{
    call_refresh(watched, NULL);
    struct others others = other_threads();
    return others.count >= 2 && others.nameless == 0 && others.receiving == 0;
}

static void threads_are_named_and_block_signals(void)
{
    watched = registered_provider(NAMED, A_MINUTE);
    CHECK(eventually(are_named_and_masked));
    close_provider(watched);
    CHECK(eventually(is_alone));
}

static int has_failed(void)
{
    kubepeers_health *health = NULL;
    CHECK_OK(kubepeers_get_health(watched, &health, NULL));
    int failed = kubepeers_health_error(health) != NULL;
    kubepeers_health_free(health);
    return failed;
}

/* Whether the server was quick enough for a signal. Retries of one provider get slower. */
static int gets_sigpipe(void)
{
    watched = registered_provider(BREAKING_TLS, 0);
    CHECK(eventually(has_failed));
    int sent = (other_threads().pending & BIT(SIGPIPE)) != 0;
    close_provider(watched);
    return sent;
}

/* A SIGPIPE that reaches the host ends it. That it was sent shows where it is pending. */
static void sigpipe_does_not_reach_the_host(void)
{
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    for (int sent = 0; sent < 100;)
        sent += gets_sigpipe();
}

/* --- faults --- */

static volatile sig_atomic_t caught, caught_by;

static void crash_handler(int signal_number)
{
    caught = signal_number;
    caught_by = (sig_atomic_t)syscall(SYS_gettid);
}

static int has_caught(void)
{
    return caught != 0;
}

static void faults_reach_the_crash_handler(void)
{
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    kubepeers_provider provider = registered_provider(ANSWERING, A_MINUTE);
    int watcher = other_threads().last_id;
    CHECK(watcher != 0);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        caught = 0;
        CHECK(signal(faults[i], crash_handler) != SIG_ERR);
        CHECK(syscall(SYS_tgkill, getpid(), watcher, faults[i]) == 0);
        CHECK(eventually(has_caught) && caught == faults[i] && caught_by == watcher);
    }
    close_provider(provider);
}

/* A host may block one in all threads, and take it with sigwait(). */
static void pending_fault_stays_pending(void)
{
    sigset_t blocked, pending;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGABRT);
    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0
          && pthread_kill(pthread_self(), SIGABRT) == 0);
    close_provider(registered_provider(ANSWERING, A_MINUTE));
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGABRT) == 1);
}

/* --- cancellation and stacks --- */

/* The cancellation is pending from the start: it takes effect at the first cancellation point. */
static void *use_everything(void *done)
{
    pthread_cancel(pthread_self());
    kubepeers_provider provider = registered_provider(ANSWERING, A_MINUTE);
    for (int i = DISCOVER_PEERS; i <= LOG_NEXT; i++)
        verbs[i].call(provider, NULL);
    close_provider(provider);
    *(int *)done = 1;
    pthread_testcancel();
    *(int *)done = 2;
    return NULL;
}

static void cancellation_takes_effect_outside_the_library(void)
{
    void *result = NULL;
    int done = 0;
    CHECK(pthread_join(start_thread(use_everything, &done), &result) == 0);
    CHECK(done == 1 && result == PTHREAD_CANCELED);
}

/* Reads files and joins threads, which are cancellation points, until it is cancelled. */
static void *register_again_and_again(void *provider)
{
    for (;;) {
        CHECK_OK(kubepeers_register(*(kubepeers_provider *)provider, 0, NULL));
        CHECK_OK(kubepeers_deregister(*(kubepeers_provider *)provider, NULL));
        pthread_testcancel();
    }
    return NULL;
}

static void cancellation_may_come_at_any_moment(void)
{
    kubepeers_provider provider = new_provider(REFUSING);
    for (int i = 0; i < 200; i++) {
        struct timespec moment = {0, i * 10 * 1000};
        pthread_t thread = start_thread(register_again_and_again, &provider);
        void *result = NULL;
        nanosleep(&moment, NULL);
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    }
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_NOT_REGISTERED);
    close_provider(provider);
}

static void environment_does_not_size_the_stacks(void)
{
    CHECK(setenv("RUST_MIN_STACK", "1", 1) == 0);
    kubepeers_provider provider = registered_provider(ANSWERING, A_MINUTE);
    CHECK_OK(call_discover(provider, NULL));
    close_provider(provider);
}

const struct scenario scenarios[] = {
    SCENARIO(library_changes_no_signal),
    SCENARIO(threads_are_named_and_block_signals),
    SCENARIO(sigpipe_does_not_reach_the_host),
    SCENARIO(faults_reach_the_crash_handler),
    SCENARIO(pending_fault_stays_pending),
    SCENARIO(cancellation_takes_effect_outside_the_library),
    SCENARIO(cancellation_may_come_at_any_moment),
    SCENARIO(environment_does_not_size_the_stacks),
    {NULL, NULL},
};
