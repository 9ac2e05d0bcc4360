/*
 * The host's process stays the host's: its signals, descriptors, output, children and end.
 * Each test is a process of its own, and fails too if anything comes to its stdout or stderr.
 */
#define _DEFAULT_SOURCE

#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "host.h"
#include "kubepeers.h"
#include "process.h"
#include "provider.h"
#include "server.h"
#include "verbs.h"

/* Of a server that refuses connections, of one that knows two pods, of the same by name, and of one that breaks off. */
enum { REFUSING, ANSWERING, NAMED, BREAKING, SERVERS };
static char kubeconfigs[SERVERS][32];
static pid_t answering_server;

static kubepeers_provider registered(int server, int32_t timeout_ms)
{
    kubepeers_provider provider = new_provider_of(kubeconfigs[server]);
    CHECK_STATUS(kubepeers_register(provider, timeout_ms, NULL), KUBEPEERS_OK);
    return provider;
}

static void close_provider(kubepeers_provider provider)
{
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* --- signals and threads ------------------------------------------------------------------------------------------ */

enum { SIGNALS = 65 };

static void ignore(int signal_number)
{
    (void)signal_number;
}

/* As the kernel would run them. */
static void read_handlers(struct sigaction *actions)
{
    memset(actions, 0, SIGNALS * sizeof *actions);
    for (int number = 1; number < SIGNALS; number++)
        sigaction(number, NULL, &actions[number]); /* fails for some numbers, which then stay zero */
}

/* A host with something of every kind: a handler, an ignored signal, a blocked one. */
static void settle_in(void)
{
    struct sigaction action;
    sigset_t blocked;
    memset(&action, 0, sizeof action);
    action.sa_handler = ignore;
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
    CHECK(((now.blocked ^ thread->blocked) & all_signals) == 0);
    CHECK(((now.ignored ^ thread->ignored) & all_signals) == 0);
    CHECK(((now.caught ^ thread->caught) & all_signals) == 0);
}

static void test_signals_stay_as_they_are(void)
{
    struct sigaction before[SIGNALS];
    settle_in();
    struct thread thread = read_thread((int)getpid());
    CHECK(thread.blocked != 0 && thread.ignored != 0 && thread.caught != 0);
    read_handlers(before);
    for (int server = 0; server < SERVERS; server++) {
        kubepeers_provider provider = registered(server, 0);
        are_the_same(before, &thread);
        call_discover(provider, NULL);
        close_provider(provider);
        are_the_same(before, &thread);
    }
}

static kubepeers_provider named;

/*
 * The watcher's, and the one that looks the name up, which is there for some seconds after each list. A thread has neither name nor
 * mask when it begins and when it ends.
 */
static int are_named_and_deaf(void)
{
    call_refresh(named, NULL);
    struct others others = other_threads();
    return others.count >= 2 && others.nameless == 0 && others.hearing == 0;
}

static void test_threads_are_named_and_deaf(void)
{
    named = registered(NAMED, A_MINUTE);
    CHECK(eventually(are_named_and_deaf));
    close_provider(named);
    CHECK(eventually(is_alone));
}

/*
 * Answers the first bytes of a TLS handshake with nonsense, and is gone when the client complains: the end of the stream comes
 * together with the nonsense, and the reset right after it.
 */
static void break_off(int connection)
{
    static const char nonsense[] = "neither TLS nor anything else";
    const int on = 1;
    const struct linger reset = {1, 0};
    char hello[4096];
    if (read(connection, hello, sizeof hello) > 0) {
        setsockopt(connection, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
        if (write(connection, nonsense, sizeof nonsense) > 0)
            shutdown(connection, SHUT_WR);
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    close(connection);
}

static int has_a_pipe_signal(void)
{
    return (other_threads().pending & 1ULL << (SIGPIPE - 1)) != 0;
}

static kubepeers_provider breaking;

static int was_broken_off(void)
{
    kubepeers_health *health = NULL;
    CHECK_STATUS(kubepeers_get_health(breaking, &health, NULL), KUBEPEERS_OK);
    int failure = kubepeers_health_error(health) != NULL;
    kubepeers_health_free(health);
    return failure;
}

/* Whether the server was quick enough for a signal. Who waits for the next try of the same provider waits the longer the more fail. */
static int breaks_off_in_time(void)
{
    breaking = registered(BREAKING, 0);
    CHECK(eventually(was_broken_off));
    int sent = has_a_pipe_signal();
    close_provider(breaking);
    return sent;
}

/* It kills this process if it ever gets it. That it was sent is seen where it waits. */
static void test_sigpipe_does_not_reach_the_host(void)
{
    enum { SIGNALS_SENT = 100 };
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    for (int sent = 0; sent < SIGNALS_SENT;)
        sent += breaks_off_in_time();
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */

/* How many descriptors a program has that this process executes. */
static int count_after_exec(void)
{
    int ended = -1;
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test-process", "--count-descriptors", (char *)NULL);
        _exit(255);
    }
    return waitpid(child, &ended, 0) == child && WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

static void test_descriptors_end_at_exec(void)
{
    int before = count_after_exec(), own = count_descriptors();
    kubepeers_provider provider = registered(NAMED, A_MINUTE);
    CHECK(count_descriptors() > own);
    CHECK(count_after_exec() == before);
    close_provider(provider);
    CHECK(count_after_exec() == before);
}

static int are_opening;

static void *open_and_close(void *rounds)
{
    for (int *round = rounds; __atomic_load_n(&are_opening, __ATOMIC_RELAXED); __atomic_add_fetch(round, 1, __ATOMIC_RELAXED))
        close_provider(registered(*round % 2 == 0 ? NAMED : ANSWERING, A_MINUTE));
    return NULL;
}

enum { OPENERS = 3 };
static pthread_t openers[OPENERS];
static int rounds[OPENERS];

/* Threads that do nothing but open and close, until they are ended. */
static void start_openers(void)
{
    __atomic_store_n(&are_opening, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < OPENERS; i++)
        CHECK(pthread_create(&openers[i], NULL, open_and_close, &rounds[i]) == 0);
}

/* Each by its name and by its address: before that, what is done beside them was not done at every moment. */
static int have_all_opened(void)
{
    for (int i = 0; i < OPENERS; i++)
        if (__atomic_load_n(&rounds[i], __ATOMIC_RELAXED) < 2)
            return 0;
    return 1;
}

static void end_openers(void)
{
    __atomic_store_n(&are_opening, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < OPENERS; i++)
        CHECK(pthread_join(openers[i], NULL) == 0);
}

/* At no moment is there one that would survive: not while it is being opened either. */
static void test_descriptors_end_at_exec_at_any_moment(void)
{
    enum { EXECS = 300 };
    int before = count_after_exec();
    start_openers();
    for (int i = 0; i < EXECS || !have_all_opened(); i++)
        CHECK(count_after_exec() == before);
    end_openers();
}

static int descriptors;

/* A thread that looked a name up, or logged in, may end a moment later than close, and its descriptors with it. */
static int has_no_more_descriptors(void)
{
    return count_descriptors() == descriptors;
}

static void test_opening_and_closing_leaves_nothing(void)
{
    enum { OPENS = 1000 };
    /* The three that the header speaks of stay. */
    descriptors = count_descriptors() + 3;
    close_provider(registered(ANSWERING, A_MINUTE));
    CHECK(eventually(has_no_more_descriptors));
    for (int i = 1; i < OPENS; i++) {
        /* As it comes: before the first list, or after it. */
        kubepeers_provider provider = registered(i % SERVERS, i % 3 == 0 && i % SERVERS != REFUSING ? 100 : 0);
        call_discover(provider, NULL);
        close_provider(provider);
    }
    CHECK(eventually(has_no_more_descriptors));
    CHECK(eventually(is_alone));
}

/* --- fork --------------------------------------------------------------------------------------------------------- */

static kubepeers_provider parents;

/* The parent's provider is off limits, an own one works. */
static void use_in_child(void)
{
    every_verb_gives(parents, KUBEPEERS_FORKED);
    CHECK(kubepeers_generation(parents) == 0);
    kubepeers_provider own = registered(ANSWERING, A_MINUTE);
    CHECK(own != parents);
    CHECK_STATUS(call_discover(own, NULL), KUBEPEERS_OK);
    every_verb_gives(parents, KUBEPEERS_FORKED);
    close_provider(own);
    CHECK_STATUS(call_discover(own, NULL), KUBEPEERS_CLOSED);
}

static void test_fork_before_register(void)
{
    parents = new_provider_of(kubeconfigs[ANSWERING]);
    CHECK(exits_with(start(use_in_child), 0));
    CHECK_STATUS(call_discover(parents, NULL), KUBEPEERS_NOT_REGISTERED);
    CHECK_STATUS(kubepeers_register(parents, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK_STATUS(call_discover(parents, NULL), KUBEPEERS_OK);
    close_provider(parents);
}

/* A child that cares for nothing, and ends the way C programs do. */
static void do_nothing(void)
{
}

static int has_watched_once(void)
{
    return metrics_have(parents, "verb=\"list\"} 1\n") && metrics_have(parents, "verb=\"watch\"} 1\n");
}

/* The server may not have seen the watch yet, and then tells nobody. */
static int hears_of_a_change(void)
{
    kubepeers_peers *peers = NULL;
    CHECK(kill(answering_server, SIGUSR1) == 0);
    kubepeers_status status = kubepeers_wait(parents, 1, 100, &peers, NULL);
    CHECK(status == KUBEPEERS_TIMEOUT || kubepeers_peers_len(peers) == 1);
    kubepeers_peers_free(peers);
    return status == KUBEPEERS_OK;
}

/* The parent hears of a change by the watch that it had before: its connection is as it was. */
static void test_fork_after_register(void)
{
    parents = registered(ANSWERING, A_MINUTE);
    CHECK(eventually(has_watched_once));
    CHECK(exits_with(start(do_nothing), 0));
    CHECK(kubepeers_generation(parents) == 1);
    CHECK(eventually(hears_of_a_change));
    CHECK(has_watched_once());
    CHECK(exits_with(start(use_in_child), 0));
    CHECK(has_watched_once());
    close_provider(parents);
}

static void open_in_child(void)
{
    close_provider(registered(ANSWERING, A_MINUTE));
}

/* Whatever the other threads are at when the copy is made. */
static void test_fork_while_threads_are_in_the_library(void)
{
    enum { FORKS = 100 };
    start_openers();
    for (int i = 0; i < FORKS || !have_all_opened(); i++)
        CHECK(exits_with(start(open_in_child), 0));
    end_openers();
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void *wait_for_an_hour(void *argument)
{
    kubepeers_peers *peers = NULL;
    kubepeers_status ended = kubepeers_wait(*(kubepeers_provider *)argument, UINT64_MAX, AN_HOUR, &peers, NULL);
    (void)ended;
    return NULL;
}

static void close_at_exit(void)
{
    kubepeers_close(parents, NULL);
}

/* By exit, which runs what was registered for it, with all threads where they are. */
static void exit_while_waiting(int server, int closes)
{
    enum { WAITERS = 3 };
    pthread_t threads[WAITERS];
    pid_t child = fork();
    if (child != 0) {
        CHECK(exits_with(child, 7));
        return;
    }
    alarm(PATIENCE_S);
    if (closes)
        atexit(close_at_exit);
    parents = registered(server, server == ANSWERING ? A_MINUTE : 0);
    for (int i = 0; i < WAITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, wait_for_an_hour, &parents) == 0);
    exit(failed == 0 ? 7 : 1);
}

static void test_exit_while_waiting(void)
{
    enum { EXITS = 100 };
    for (int i = 0; i < EXITS; i++)
        exit_while_waiting(i % SERVERS, i % 3 == 0);
}

static pthread_key_t last_words;

/* Runs when the thread's own memory is being taken down, the library's part of it too. */
static void call_at_thread_exit(void *argument)
{
    kubepeers_error *error = NULL;
    CHECK_STATUS(call_discover(*(kubepeers_provider *)argument, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(*(kubepeers_provider *)argument, 0, &error), KUBEPEERS_ALREADY_REGISTERED);
    kubepeers_error_free(error);
}

static void *use_and_exit(void *argument)
{
    CHECK(pthread_setspecific(last_words, argument) == 0);
    CHECK_STATUS(call_discover(*(kubepeers_provider *)argument, NULL), KUBEPEERS_OK);
    pthread_exit(NULL);
}

static void test_threads_end_after_use(void)
{
    enum { USERS = 1000 };
    kubepeers_provider provider = registered(ANSWERING, A_MINUTE);
    pthread_t thread;
    CHECK(pthread_key_create(&last_words, call_at_thread_exit) == 0);
    for (int i = 0; i < USERS; i++) {
        CHECK(pthread_create(&thread, NULL, use_and_exit, &provider) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    close_provider(provider);
    CHECK(eventually(is_alone));
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void write_kubeconfigs(int refusing, int answering, int breaking)
{
    for (int i = 0; i < SERVERS; i++)
        strcpy(kubeconfigs[i], "/tmp/kubepeers-test-XXXXXX");
    write_kubeconfig(kubeconfigs[REFUSING], "http://127.0.0.1", refusing);
    write_kubeconfig(kubeconfigs[ANSWERING], "http://127.0.0.1", answering);
    write_kubeconfig(kubeconfigs[NAMED], "http://localhost", answering);
    write_kubeconfig(kubeconfigs[BREAKING], "https://127.0.0.1", breaking);
}

int main(int argc, char **argv)
{
    sigset_t none;
    int refusing, answering, breaking;
    if (argc == 2 && strcmp(argv[1], "--count-descriptors") == 0)
        return count_descriptors();
    /* Whatever the shell blocked would hide what the library does, and keep the alarm from ringing. */
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    loopback_socket(&refusing);
    answering_server = serve(loopback_socket(&answering), answer_request);
    pid_t breaking_server = serve(loopback_socket(&breaking), break_off);
    write_kubeconfigs(refusing, answering, breaking);
    RUN(test_signals_stay_as_they_are);
    RUN(test_threads_are_named_and_deaf);
    RUN(test_sigpipe_does_not_reach_the_host);
    RUN(test_descriptors_end_at_exec);
    RUN(test_descriptors_end_at_exec_at_any_moment);
    RUN(test_opening_and_closing_leaves_nothing);
    RUN(test_fork_before_register);
    RUN(test_fork_after_register);
    RUN(test_fork_while_threads_are_in_the_library);
    RUN(test_exit_while_waiting);
    RUN(test_threads_end_after_use);
    kill(answering_server, SIGKILL);
    kill(breaking_server, SIGKILL);
    for (int i = 0; i < SERVERS; i++)
        unlink(kubeconfigs[i]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
