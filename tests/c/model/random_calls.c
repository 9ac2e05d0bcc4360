/*
 * Calls the exports at random from several threads, as a host that frees correctly and does
 * everything else wrong, and compares each outcome with those that the model allows.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config_texts.h"
#include "exports.h"
#include "object_pool.h"
#include "provider_model.h"

/* With so many calls, every export and every status that can be reached must have been. */
enum { MAX_THREADS = 64, CALLS_THAT_REACH_ALL = 500 * 1000 };

static struct {
    uint64_t seed, calls, threads, seconds, fork;
} options = {0, 100 * 1000, 4, 900, 1};

static const struct export {
    const char *name;
    unsigned weight;
    random_call *call;
} exports[] = {
#define ROW(name, weight, function) {"kubepeers_" #name, weight, function},
    EXPORTS(ROW)};
enum { EXPORT_COUNT = sizeof exports / sizeof *exports };

static atomic_ullong times[EXPORT_COUNT];
static atomic_int working;

static void call_some(struct caller *caller)
{
    unsigned sum = 0;
    for (size_t i = 0; i < EXPORT_COUNT; i++)
        sum += exports[i].weight;
    uint64_t at = below(&caller->random, sum);
    size_t i = 0;
    for (; at >= exports[i].weight; i++)
        at -= exports[i].weight;
    caller->function = exports[i].name;
    exports[i].call(caller);
    atomic_fetch_add_explicit(&times[i], 1, memory_order_relaxed);
}

static struct caller callers[MAX_THREADS + 1];

static void *work(void *argument)
{
    struct caller *caller = argument;
    make_configs(caller);
    for (uint64_t last = caller->call + options.calls / options.threads; caller->call < last;
         caller->call++)
        call_some(caller);
    close_descriptors(caller);
    free_configs(caller);
    atomic_fetch_sub(&working, 1);
    return NULL;
}

/* Closes shared providers, on which other threads may be waiting without end. */
static void *close_shared(void *argument)
{
    struct caller *caller = argument;
    const struct timespec moment = {0, 20 * 1000 * 1000};
    caller->function = "kubepeers_close";
    for (; atomic_load(&working) > 0; nanosleep(&moment, NULL)) {
        struct provider_state *state = shared_provider(caller);
        if (state != NULL)
            close_provider(caller, state);
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), struct caller *caller, unsigned number)
{
    caller->thread = number;
    caller->random = random_of(options.seed, number);
    if (pthread_create(thread, NULL, body, caller) != 0) {
        perror("no thread");
        exit(2);
    }
}

/* A child process calls the providers that the threads of its parent had. */
static void run(void)
{
    pthread_t threads[MAX_THREADS + 1];
    atomic_store(&working, (int)options.threads);
    for (unsigned i = 0; i < options.threads; i++)
        start(&threads[i], work, &callers[i], i);
    start(&threads[options.threads], close_shared, &callers[options.threads],
          (unsigned)options.threads);
    for (unsigned i = 0; i <= options.threads; i++)
        pthread_join(threads[i], NULL);
}

/* The child process reaches FORKED, test_limits.c NO_RESOURCES, and the conformance tests TLS. */
static int is_reached_here(kubepeers_status status)
{
    return status != KUBEPEERS_FORKED && status != KUBEPEERS_NO_RESOURCES
           && status != KUBEPEERS_TLS;
}

static void end_all(void)
{
    close_all_providers(&callers[options.threads]);
    free_pool();
}

/* Goes on in a child process. Returns whether it kept all rules, and met its parent's providers. */
static int run_in_child(void)
{
    int ended = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm((unsigned)options.seconds);
        options.calls /= 5;
        providers_were_forked();
        run();
        end_all();
        _exit(rules_broken() == 0 && times_answered(KUBEPEERS_FORKED) > 0 ? 0 : 1);
    }
    if (waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == 0)
        return 1;
    fprintf(stderr, "the child process ended with %s %d\n",
            WIFSIGNALED(ended) ? "signal" : "status",
            WIFSIGNALED(ended) ? WTERMSIG(ended) : WEXITSTATUS(ended));
    return 0;
}

static int report(void)
{
    int missing = 0;
    for (size_t i = 0; i < EXPORT_COUNT; i++) {
        printf("%9llu %s\n", (unsigned long long)atomic_load(&times[i]), exports[i].name);
        missing += atomic_load(&times[i]) == 0;
    }
    for (size_t i = 0; i < known_statuses_count; i++) {
        uint64_t reached = times_answered(known_statuses[i].status);
        printf("%9" PRIu64 " %s\n", reached, known_statuses[i].name);
        missing += reached == 0 && is_reached_here(known_statuses[i].status);
    }
    printf("%" PRIu64 " providers, %" PRIu64 " calls from %" PRIu64 " threads, seed %" PRIu64
           ": %d rules broken, %d not reached\n",
           providers_created(), options.calls, options.threads, options.seed, rules_broken(),
           missing);
    return rules_broken() > 0 || (missing > 0 && options.calls >= CALLS_THAT_REACH_ALL);
}

static int list_exports(void)
{
    for (size_t i = 0; i < EXPORT_COUNT; i++)
        puts(exports[i].name);
    return 0;
}

static void read_options(int count, char **words)
{
    static const char *const names[] = {"--seed", "--calls", "--threads", "--seconds", "--fork"};
    uint64_t *const values[] = {&options.seed, &options.calls, &options.threads, &options.seconds,
                                &options.fork};
    const int known = sizeof names / sizeof *names;
    options.seed = (uint64_t)time(NULL);
    for (int i = 1; i < count; i += 2) {
        int option = 0;
        while (option < known && strcmp(words[i], names[option]) != 0)
            option++;
        if (option == known || i + 1 == count) {
            fprintf(stderr, "--exports, or --seed, --calls, --threads, --seconds, --fork N\n");
            exit(2);
        }
        *values[option] = strtoull(words[i + 1], NULL, 10);
    }
    if (options.threads == 0 || options.threads > MAX_THREADS)
        options.threads = MAX_THREADS;
}

int main(int count, char **words)
{
    static const char *const variables[] = {"KUBERNETES_SERVICE_HOST", "POD_UID", "POD_NAME",
                                            "HTTP_PROXY", "http_proxy"};
    if (count == 2 && strcmp(words[1], "--exports") == 0)
        return list_exports();
    read_options(count, words);
    printf("seed %" PRIu64 "\n", options.seed);
    fflush(stdout);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    /* Ends a hang, which is a failure. */
    alarm((unsigned)options.seconds);
    start_server(options.seed);
    fill_texts();
    make_room_for_providers(3 * options.calls);
    create_pool();
    run();
    int child_is_good = options.fork == 0 || run_in_child();
    end_all();
    stop_server();
    return report() || !child_is_good;
}
