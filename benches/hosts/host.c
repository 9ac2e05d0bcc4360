/*
 * The C host: a program that finds its peers with libkubepeers, as small as can be, so that what is
 * measured is the library. benches/README.md lists the commands of hosts.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kubepeers.h"

static kubepeers_provider provider;
/* Untouched pages take no memory. */
static long long times[1 << 20];
static size_t recorded;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static long long now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void check(kubepeers_status status, kubepeers_error *error)
{
    if (status == KUBEPEERS_OK)
        return;
    fprintf(stderr, "%s: %s\n", kubepeers_status_name(status), kubepeers_error_message(error));
    exit(1);
}

static void start(const char *namespace)
{
    const char *const settings[][2] = {
        {"namespace", namespace},           {"pod_labels", "app=bench"}, {"discovery_port_name", "gossip"},
        {"remoting_port_name", "remoting"}, {"peers_port_name", "peers"},
        /* A machine under load is to give a late figure, not none. */
        {"register_timeout_ms", "60000"},   {"discover_timeout_ms", "60000"},
    };
    kubepeers_config *config = kubepeers_config_new();
    kubepeers_error *error = NULL;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        check(kubepeers_config_set(config, settings[i][0], settings[i][1], &error), error);
    check(kubepeers_init(config, &provider, &error), error);
    kubepeers_config_free(config);
    check(kubepeers_register(provider, -1, &error), error);
}

static size_t discover(void)
{
    kubepeers_peers *peers = NULL;
    kubepeers_error *error = NULL;
    check(kubepeers_discover_peers(provider, -1, &peers, &error), error);
    size_t len = kubepeers_peers_len(peers);
    kubepeers_peers_free(peers);
    return len;
}

static void *watch(void *unused)
{
    kubepeers_peers *peers = NULL;
    uint64_t generation = *(uint64_t *)unused;
    for (;;) {
        if (kubepeers_wait(provider, generation, 60000, &peers, NULL) != KUBEPEERS_OK)
            continue;
        generation = kubepeers_peers_generation(peers);
        kubepeers_peers_free(peers);
        pthread_mutex_lock(&mutex);
        if (recorded < sizeof times / sizeof *times)
            times[recorded++] = now(CLOCK_REALTIME);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void start_watch(void)
{
    static uint64_t generation;
    pthread_t thread;
    kubepeers_peers *peers = NULL;
    kubepeers_error *error = NULL;
    check(kubepeers_discover_peers(provider, -1, &peers, &error), error);
    generation = kubepeers_peers_generation(peers);
    kubepeers_peers_free(peers);
    if (pthread_create(&thread, NULL, watch, &generation) != 0)
        exit(1);
    puts("watching");
}

static void print_times(void)
{
    pthread_mutex_lock(&mutex);
    printf("times");
    for (size_t i = 0; i < recorded; i++)
        printf(" %lld", times[i]);
    puts("");
    recorded = 0;
    pthread_mutex_unlock(&mutex);
}

static void call(void)
{
    kubepeers_peers *peers = NULL;
    if (kubepeers_discover_peers(provider, -1, &peers, NULL) != KUBEPEERS_OK)
        exit(1);
    kubepeers_peers_free(peers);
}

/* What a program asks that keeps the last list. */
static void look(void)
{
    if (kubepeers_generation(provider) == 0)
        exit(1);
}

/* Calls for about so many milliseconds; gives nanoseconds per call. */
static double time_calls(void (*function)(void), long milliseconds)
{
    long long calls = 0, begun = now(CLOCK_MONOTONIC), taken = 0;
    for (long long batch = 1; taken < milliseconds * 1000000LL; batch *= 2) {
        for (long long i = 0; i < batch; i++)
            function();
        calls += batch;
        taken = now(CLOCK_MONOTONIC) - begun;
    }
    return (double)taken / (double)calls;
}

static void print_calls(long milliseconds)
{
    double calls = time_calls(call, milliseconds);
    printf("calls %.2f %.2f\n", calls, time_calls(look, milliseconds));
}

int main(int argc, char **argv)
{
    char line[64];
    if (argc != 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    start(argv[1]);
    size_t peers = discover();
    printf("first %lld %zu\n", now(CLOCK_REALTIME), peers);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "calls ", 6) == 0)
            print_calls(atol(line + 6));
        else if (strcmp(line, "watch\n") == 0)
            start_watch();
        else if (strcmp(line, "times\n") == 0)
            print_times();
    }
    return 0;
}
