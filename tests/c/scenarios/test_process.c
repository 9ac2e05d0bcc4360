/* exec, fork, daemons and the end of the process, at any moment. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "scenario.h"
#include "verbs.h"

/* --- threads that open and close --- */

enum { OPENERS = 3 };
static pthread_t openers[OPENERS];
static int rounds[OPENERS], are_opening;

static void *open_and_close(void *argument)
{
    for (int *round = argument; __atomic_load_n(&are_opening, __ATOMIC_RELAXED);
         __atomic_add_fetch(round, 1, __ATOMIC_RELAXED))
        close_provider(registered_provider(*round % 2 == 0 ? NAMED : ANSWERING, A_MINUTE));
    return NULL;
}

/* Whether each has opened one by name and one by address. */
static int have_all_opened(void)
{
    for (int i = 0; i < OPENERS; i++)
        if (__atomic_load_n(&rounds[i], __ATOMIC_RELAXED) < 2)
            return 0;
    return 1;
}

/* Repeats `step` while threads open and close providers, so that it comes at every moment. */
static void while_threads_are_in_the_library(int times, void (*step)(void))
{
    are_opening = 1;
    for (int i = 0; i < OPENERS; i++)
        openers[i] = start_thread(open_and_close, &rounds[i]);
    for (int i = 0; i < times || !have_all_opened(); i++)
        step();
    __atomic_store_n(&are_opening, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < OPENERS; i++)
        CHECK(pthread_join(openers[i], NULL) == 0);
}

/* --- descriptors --- */

/* In the program that count_after_exec() executes. */
int run_with_arguments(int count, char **words)
{
    return count == 2 && strcmp(words[1], "--count-descriptors") == 0 ? count_descriptors() : 255;
}

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

static void descriptors_end_at_exec(void)
{
    int after_exec = count_after_exec(), before = count_descriptors();
    kubepeers_provider provider = registered_provider(NAMED, A_MINUTE);
    CHECK(count_descriptors() > before);
    CHECK(count_after_exec() == after_exec);
    close_provider(provider);
    CHECK(count_after_exec() == after_exec);
}

static int inherited;

static void inherits_none(void)
{
    CHECK(count_after_exec() == inherited);
}

/* Not while a descriptor is being opened either. */
static void descriptors_end_at_exec_at_any_moment(void)
{
    inherited = count_after_exec();
    while_threads_are_in_the_library(300, inherits_none);
}

static int descriptors;

/* A thread of the library may end a moment after close, and its descriptors with it. */
static int has_no_more_descriptors(void)
{
    return count_descriptors() == descriptors;
}

static void opening_and_closing_leaves_nothing(void)
{
    /* The header says that three stay open. */
    descriptors = count_descriptors() + 3;
    close_provider(registered_provider(ANSWERING, A_MINUTE));
    CHECK(eventually(has_no_more_descriptors));
    for (int i = 1; i < 1000; i++) {
        enum server server = (enum server)(i % UNREADABLE);
        /* Some are closed before the first list, others after it. */
        kubepeers_provider provider =
            registered_provider(server, i % 3 == 0 && server <= NAMED ? 100 : 0);
        call_discover(provider, NULL);
        close_provider(provider);
    }
    CHECK(eventually(has_no_more_descriptors));
    CHECK(eventually(is_alone));
}

/* --- fork --- */

static kubepeers_provider parents;

static void use_in_child(void)
{
    for (int i = 0; i < VERBS; i++)
        CHECK_STATUS(verbs[i].call(parents, NULL), KUBEPEERS_FORKED);
    kubepeers_provider own = registered_provider(ANSWERING, A_MINUTE);
    CHECK(own != parents);
    CHECK_OK(call_discover(own, NULL));
    CHECK_STATUS(call_discover(parents, NULL), KUBEPEERS_FORKED);
    close_provider(own);
}

static void fork_before_register(void)
{
    parents = new_provider(ANSWERING);
    CHECK(exits_with(start_process(use_in_child), 0));
    CHECK_STATUS(call_discover(parents, NULL), KUBEPEERS_NOT_REGISTERED);
    CHECK_OK(kubepeers_register(parents, A_MINUTE, NULL));
    CHECK_OK(call_discover(parents, NULL));
    close_provider(parents);
}

/* Ends as C programs do, by exit(). */
static void do_nothing(void)
{
}

static int has_watched_once(void)
{
    return metrics_have(parents, "verb=\"list\"} 1\n")
           && metrics_have(parents, "verb=\"watch\"} 1\n");
}

/* Repeats the deletion, as the server may not have seen the watch yet. */
static int observes_a_change(void)
{
    kubepeers_peers *peers = NULL;
    delete_p2();
    kubepeers_status status = kubepeers_wait(parents, 1, 100, &peers, NULL);
    CHECK(status == KUBEPEERS_TIMEOUT || kubepeers_peers_len(peers) == 3);
    kubepeers_peers_free(peers);
    return status == KUBEPEERS_OK;
}

/* The parent's watch goes on: its connection is not affected. */
static void fork_after_register(void)
{
    parents = registered_provider(ANSWERING, A_MINUTE);
    CHECK(eventually(has_watched_once));
    CHECK(exits_with(start_process(do_nothing), 0));
    CHECK(kubepeers_generation(parents) == 1);
    CHECK(eventually(observes_a_change));
    CHECK(has_watched_once());
    CHECK(exits_with(start_process(use_in_child), 0));
    CHECK(has_watched_once());
    close_provider(parents);
}

static void open_in_child(void)
{
    close_provider(registered_provider(ANSWERING, A_MINUTE));
}

static void child_can_open(void)
{
    CHECK(exits_with(start_process(open_in_child), 0));
}

static void fork_while_threads_are_in_the_library(void)
{
    while_threads_are_in_the_library(100, child_can_open);
}

/* --- daemons --- */

static void close_all_descriptors(void)
{
    for (int number = 3; number < 1024; number++)
        if (number != report_descriptor())
            close(number);
}

/* Other files may get the numbers of the closed descriptors. */
static void open_other_files(void)
{
    for (int i = 0; i < 20; i++)
        CHECK(open(i % 2 == 0 ? "/dev/null" : "/proc/self/status", O_RDONLY) >= 0);
}

static void become_a_daemon_late(void)
{
    close_all_descriptors();
    for (int i = 0; i < 2; i++) {
        kubepeers_provider own = new_provider(ANSWERING);
        kubepeers_error *error = NULL;
        CHECK_STATUS(kubepeers_register(own, A_MINUTE, &error), KUBEPEERS_FORKED);
        CHECK(strstr(kubepeers_error_message(error), "descriptors") != NULL);
        kubepeers_error_free(error);
        CHECK_STATUS(call_discover(own, NULL), KUBEPEERS_NOT_REGISTERED);
        close_provider(own);
        CHECK_STATUS(kubepeers_close(parents, NULL), KUBEPEERS_FORKED);
        open_other_files();
    }
}

static void daemon_cannot_register_if_the_parent_has(void)
{
    parents = registered_provider(ANSWERING, A_MINUTE);
    CHECK(exits_with(start_process(become_a_daemon_late), 0));
    close_provider(parents);
}

static void become_a_daemon_early(void)
{
    close_all_descriptors();
    kubepeers_provider own = registered_provider(ANSWERING, A_MINUTE);
    CHECK_OK(call_discover(own, NULL));
    close_provider(own);
}

static void daemon_can_register_if_the_parent_has_not(void)
{
    parents = new_provider(ANSWERING);
    CHECK(exits_with(start_process(become_a_daemon_early), 0));
    close_provider(parents);
}

/* --- the end --- */

static void *wait_for_an_hour(void *argument)
{
    kubepeers_peers *peers = NULL;
    kubepeers_status ended =
        kubepeers_wait(*(kubepeers_provider *)argument, UINT64_MAX, AN_HOUR, &peers, NULL);
    (void)ended;
    return NULL;
}

static void close_at_exit(void)
{
    kubepeers_close(parents, NULL);
}

static enum server server;
static int closes_at_exit;

/* exit() runs the handlers while the threads are still waiting. */
static void exit_while_threads_wait(void)
{
    if (closes_at_exit)
        atexit(close_at_exit);
    parents = registered_provider(server, server == ANSWERING ? A_MINUTE : 0);
    for (int i = 0; i < 3; i++)
        start_thread(wait_for_an_hour, &parents);
    exit(checks_failed() == 0 ? 7 : 1);
}

static void exit_while_waiting(void)
{
    for (int i = 0; i < 100; i++) {
        server = (enum server)(i % UNREADABLE);
        closes_at_exit = i % 3 == 0;
        CHECK(exits_with(start_process(exit_while_threads_wait), 7));
    }
}

static pthread_key_t key;

/* Runs while the memory of the thread is being freed, including the library's part of it. */
static void call_at_thread_exit(void *argument)
{
    kubepeers_error *error = NULL;
    CHECK_OK(call_discover(*(kubepeers_provider *)argument, NULL));
    CHECK_STATUS(call_register(*(kubepeers_provider *)argument, &error),
                 KUBEPEERS_ALREADY_REGISTERED);
    kubepeers_error_free(error);
}

static void *use_and_exit(void *argument)
{
    CHECK(pthread_setspecific(key, argument) == 0);
    CHECK_OK(call_discover(*(kubepeers_provider *)argument, NULL));
    pthread_exit(NULL);
}

static void threads_end_after_use(void)
{
    kubepeers_provider provider = registered_provider(ANSWERING, A_MINUTE);
    CHECK(pthread_key_create(&key, call_at_thread_exit) == 0);
    for (int i = 0; i < 1000; i++)
        CHECK(pthread_join(start_thread(use_and_exit, &provider), NULL) == 0);
    close_provider(provider);
    CHECK(eventually(is_alone));
}

const struct scenario scenarios[] = {
    SCENARIO(descriptors_end_at_exec),
    SCENARIO(descriptors_end_at_exec_at_any_moment),
    SCENARIO(opening_and_closing_leaves_nothing),
    SCENARIO(fork_before_register),
    SCENARIO(fork_after_register),
    SCENARIO(fork_while_threads_are_in_the_library),
    SCENARIO(daemon_cannot_register_if_the_parent_has),
    SCENARIO(daemon_can_register_if_the_parent_has_not),
    SCENARIO(exit_while_waiting),
    SCENARIO(threads_end_after_use),
    {NULL, NULL},
};
