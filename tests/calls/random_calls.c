/*
 * Calls the exported functions at random from several threads, as a host that owns what it frees and does everything else wrong,
 * and compares what they answer with what they may answer.
 */

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exports.h"
#include "lives.h"
#include "server.h"
#include "shelves.h"
#include "texts.h"

enum { MOST_THREADS = 64, EVERYTHING_IS_REACHED = 500 * 1000 };

static struct {
    uint64_t seed, calls, threads, seconds;
} options = {0, 100 * 1000, 4, 900};

static atomic_ullong times[256];
static atomic_int working;

static unsigned all_weights(void)
{
    unsigned sum = 0;
    for (size_t i = 0; i < exports_count; i++)
        sum += exports[i].weight;
    return sum;
}

static size_t some_export(struct caller *caller)
{
    uint64_t at = below(&caller->random, all_weights());
    size_t i = 0;
    for (; at >= exports[i].weight; i++)
        at -= exports[i].weight;
    return i;
}

void call_something(struct caller *caller)
{
    size_t i = some_export(caller);
    caller->function = exports[i].name;
    exports[i].call(caller);
    atomic_fetch_add_explicit(&times[i], 1, memory_order_relaxed);
}

static void *work(void *argument)
{
    struct caller *caller = argument;
    make_configs(caller);
    for (caller->call = 0; caller->call < options.calls / options.threads; caller->call++)
        call_something(caller);
    close_descriptors(caller);
    free_configs(caller);
    atomic_fetch_sub(&working, 1);
    return NULL;
}

/* Closes what others wait on: they may wait for ever. */
static void *close_shared(void *argument)
{
    struct caller *caller = argument;
    const struct timespec moment = {0, 20 * 1000 * 1000};
    caller->function = "kubepeers_close";
    for (; atomic_load(&working) > 0; nanosleep(&moment, NULL)) {
        struct life *life = some_shared(caller);
        if (life != NULL)
            end_life(caller, life);
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), struct caller *caller, unsigned number)
{
    memset(caller, 0, sizeof *caller);
    caller->thread = number;
    caller->random = random_of(options.seed, number);
    if (pthread_create(thread, NULL, body, caller) != 0) {
        perror("no thread");
        exit(2);
    }
}

static void run(void)
{
    static struct caller callers[MOST_THREADS + 1];
    pthread_t threads[MOST_THREADS + 1];
    atomic_store(&working, (int)options.threads);
    for (unsigned i = 0; i < options.threads; i++)
        start(&threads[i], work, &callers[i], i);
    start(&threads[options.threads], close_shared, &callers[options.threads], (unsigned)options.threads);
    for (unsigned i = 0; i <= options.threads; i++)
        pthread_join(threads[i], NULL);
    end_all(&callers[options.threads]);
}

/* Counts, and what was never reached though it can be. */
static int report(void)
{
    /* test_abi.c forks; the conformance tests have certificates and take descriptors away; calls do not give UNAVAILABLE. */
    static const kubepeers_status elsewhere[] = {KUBEPEERS_FORKED, KUBEPEERS_TLS, KUBEPEERS_NO_RESOURCES, KUBEPEERS_UNAVAILABLE};
    int missing = 0;
    for (size_t i = 0; i < exports_count; i++) {
        printf("%9llu %s\n", (unsigned long long)atomic_load(&times[i]), exports[i].name);
        missing += atomic_load(&times[i]) == 0;
    }
    for (size_t i = 0; i < known_statuses_count; i++) {
        int reachable = 1;
        for (size_t j = 0; j < sizeof elsewhere / sizeof *elsewhere; j++)
            reachable &= known_statuses[i] != elsewhere[j];
        printf("%9" PRIu64 " %s\n", times_answered(known_statuses[i]), kubepeers_status_name(known_statuses[i]));
        missing += reachable && times_answered(known_statuses[i]) == 0;
    }
    printf("%" PRIu64 " providers, %" PRIu64 " calls from %" PRIu64 " threads, seed %" PRIu64 ": %d rules broken, %d not reached\n",
           lives_begun(), options.calls, options.threads, options.seed, rules_broken(), missing);
    return rules_broken() > 0 || (missing > 0 && options.calls >= EVERYTHING_IS_REACHED);
}

static int list_exports(void)
{
    for (size_t i = 0; i < exports_count; i++)
        puts(exports[i].name);
    return 0;
}

static void read_options(int count, char **words)
{
    static const char *const names[] = {"--seed", "--calls", "--threads", "--seconds"};
    uint64_t *const values[] = {&options.seed, &options.calls, &options.threads, &options.seconds};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    options.seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec;
    for (int i = 1; i < count; i++) {
        int known = 0;
        for (size_t j = 0; j < 4 && i + 1 < count && !known; j++)
            if ((known = strcmp(words[i], names[j]) == 0))
                *values[j] = strtoull(words[++i], NULL, 10);
        if (!known) {
            fprintf(stderr, "%s --exports, or --seed N --calls N --threads N --seconds N\n", words[0]);
            exit(2);
        }
    }
    if (options.threads == 0 || options.threads > MOST_THREADS)
        options.threads = MOST_THREADS;
}

int main(int count, char **words)
{
    static const char *const variables[] = {"KUBERNETES_SERVICE_HOST", "POD_UID", "POD_NAME", "HTTP_PROXY", "http_proxy"};
    int answering, refusing;
    if (count == 2 && strcmp(words[1], "--exports") == 0)
        return list_exports();
    read_options(count, words);
    printf("seed %" PRIu64 "\n", options.seed);
    fflush(stdout);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    /* A hang is a failure, not a matter of patience. */
    alarm((unsigned)options.seconds);
    loopback_socket(&refusing);
    const int listener = loopback_socket(&answering);
    const pid_t server = serve(listener, options.seed);
    close(listener);
    write_texts(write_kubeconfigs(answering, refusing));
    make_room_for_lives(2 * options.calls);
    open_shelves();
    run();
    clear_shelves();
    free_texts();
    remove_kubeconfigs();
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return report();
}
