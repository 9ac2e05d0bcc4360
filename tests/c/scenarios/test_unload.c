/*
 * dlopen and dlclose while the library's threads run, and while a thread of the host has used it.
 * This program is not linked with the library: its first argument is the path of the library.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fake_server.h"
#include "kubepeers.h"

enum { ROUNDS = 1000, A_MINUTE = 60 * 1000 };

#define FUNCTIONS(F) \
    F(config_new) \
    F(config_set) F(config_free) F(init) F(register) F(discover_peers) F(peers_free) F(close)
#define DECLARE(name) static __typeof__(kubepeers_##name) *call_##name;
FUNCTIONS(DECLARE)

static void *library;
static kubepeers_provider provider;
static int closes;
static pthread_barrier_t used, unloaded;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "test_unload: %s\n", what);
    exit(1);
}

#define OK(call) must((call) == KUBEPEERS_OK, #call)

static void load(const char *path)
{
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    must(library != NULL, "dlopen failed");
/* POSIX asks to store a function's address this way. */
#define FIND(name) \
    must((*(void **)&call_##name = dlsym(library, "kubepeers_" #name)) != NULL, #name);
    FUNCTIONS(FIND)
}

static void register_provider(void)
{
    const char *const pairs[][2] = {
        {"namespace", "good"},
        {"discovery_port_name", "gossip"},
        {"pod_labels", "app=test"},
        {"membership", "observer"},
        {"kubeconfig", kubeconfig_of(ANSWERING)},
    };
    kubepeers_config *config = call_config_new();
    provider = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        OK(call_config_set(config, pairs[i][0], pairs[i][1], NULL));
    OK(call_init(config, &provider, NULL));
    call_config_free(config);
    OK(call_register(provider, 0, NULL));
}

/* Ends after dlclose(), when what the library has left on the thread is freed. */
static void *use_and_outlive(void *argument)
{
    kubepeers_peers *peers = NULL;
    /* That of the last round is still there if it was not closed. */
    OK(call_close(provider, NULL));
    register_provider();
    OK(call_discover_peers(provider, A_MINUTE, &peers, NULL));
    call_peers_free(peers);
    if (closes)
        OK(call_close(provider, NULL));
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&unloaded);
    return argument;
}

static void load_use_and_unload(const char *path)
{
    pthread_t thread;
    load(path);
    must(pthread_create(&thread, NULL, use_and_outlive, NULL) == 0, "no thread");
    pthread_barrier_wait(&used);
    must(dlclose(library) == 0, "dlclose failed");
    pthread_barrier_wait(&unloaded);
    pthread_join(thread, NULL);
    /* Without the thread, nothing else keeps it mapped. */
    load(path);
    must(dlclose(library) == 0, "dlclose failed");
    library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    must(library != NULL && dlclose(library) == 0, "the library is no longer mapped");
}

int main(int count, char **words)
{
    must(count == 2, "the first argument is the path of the library");
    start_server(0);
    alarm(300);
    pthread_barrier_init(&used, NULL, 2);
    pthread_barrier_init(&unloaded, NULL, 2);
    for (int i = 0; i < ROUNDS; i++) {
        closes = i % 2;
        load_use_and_unload(words[1]);
    }
    stop_server();
    printf("%d times loaded and unloaded\n", ROUNDS);
    return 0;
}
