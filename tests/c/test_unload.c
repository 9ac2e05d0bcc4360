/*
 * dlopen and dlclose, again and again, with the library's threads running and threads of the host that have used it.
 * Is not linked with the library: its first argument is the path of it.
 */
#define _DEFAULT_SOURCE

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubepeers.h"
#include "server.h"

static char kubeconfig[] = "/tmp/kubepeers-test-XXXXXX";

/* What the loaded library has. */
static struct {
    void *library;
    kubepeers_config *(*config_new)(void);
    kubepeers_status (*config_set)(kubepeers_config *, const char *, const char *, kubepeers_error **);
    void (*config_free)(kubepeers_config *);
    kubepeers_status (*init)(const kubepeers_config *, kubepeers_provider *, kubepeers_error **);
    kubepeers_status (*register_)(kubepeers_provider, int32_t, kubepeers_error **);
    kubepeers_status (*discover_peers)(kubepeers_provider, int32_t, kubepeers_peers **, kubepeers_error **);
    void (*peers_free)(kubepeers_peers *);
    void (*error_free)(kubepeers_error *);
    kubepeers_status (*close)(kubepeers_provider, kubepeers_error **);
} lib;

static void fail(const char *what)
{
    fprintf(stderr, "test_unload: %s\n", what);
    exit(1);
}

static void *find(const char *name)
{
    void *function = dlsym(lib.library, name);
    if (function == NULL)
        fail(dlerror());
    return function;
}

/* POSIX wants a function's address read this way. */
#define FIND(field, name) (*(void **)&lib.field = find("kubepeers_" name))

static void load(const char *path)
{
    lib.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (lib.library == NULL)
        fail(dlerror());
    FIND(config_new, "config_new");
    FIND(config_set, "config_set");
    FIND(config_free, "config_free");
    FIND(init, "init");
    FIND(register_, "register");
    FIND(discover_peers, "discover_peers");
    FIND(peers_free, "peers_free");
    FIND(error_free, "error_free");
    FIND(close, "close");
}

static void unload(void)
{
    if (dlclose(lib.library) != 0)
        fail(dlerror());
}

/* Once more when the thread that used it has ended: until then it is kept by what it left there. */
static void stays_mapped(const char *path)
{
    load(path);
    unload();
    lib.library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (lib.library == NULL)
        fail("the library is no longer mapped");
    unload();
}

static void want(kubepeers_status status, kubepeers_status wanted)
{
    if (status == wanted)
        return;
    fprintf(stderr, "test_unload: status %d, not %d\n", (int)status, (int)wanted);
    exit(1);
}

static kubepeers_provider registered(void)
{
    const char *const pairs[][2] = {
        {"namespace", "default"},     {"discovery_port_name", "gossip"}, {"remoting_port_name", "remoting"},
        {"peers_port_name", "peers"}, {"pod_labels", "app=test"},        {"membership", "observer"},
        {"kubeconfig", kubeconfig},
    };
    kubepeers_config *config = lib.config_new();
    kubepeers_provider provider = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        want(lib.config_set(config, pairs[i][0], pairs[i][1], NULL), KUBEPEERS_OK);
    want(lib.init(config, &provider, NULL), KUBEPEERS_OK);
    lib.config_free(config);
    want(lib.register_(provider, 0, NULL), KUBEPEERS_OK);
    return provider;
}

/*
 * All calls are made by a thread that ends after the library was closed under it: what the library left on it is taken down then.
 * The provider is closed first, as the header asks for, or its thread runs on.
 */
static struct {
    kubepeers_provider provider;
    int closes;
    pthread_barrier_t used, unloaded;
} round_;

static void use_library(void)
{
    kubepeers_peers *peers = NULL;
    kubepeers_error *error = NULL;
    /* The last round's, if it left one, is still there. */
    want(lib.close(round_.provider, NULL), KUBEPEERS_OK);
    round_.provider = registered();
    want(lib.discover_peers(round_.provider, 60 * 1000, &peers, NULL), KUBEPEERS_OK);
    lib.peers_free(peers);
    want(lib.register_(round_.provider, 0, &error), KUBEPEERS_ALREADY_REGISTERED);
    lib.error_free(error);
    if (round_.closes)
        want(lib.close(round_.provider, NULL), KUBEPEERS_OK);
}

static void *user(void *argument)
{
    use_library();
    pthread_barrier_wait(&round_.used);
    pthread_barrier_wait(&round_.unloaded);
    return argument;
}

static void play_round(const char *path)
{
    pthread_t thread;
    load(path);
    if (pthread_create(&thread, NULL, user, NULL) != 0)
        fail("no thread");
    pthread_barrier_wait(&round_.used);
    unload();
    pthread_barrier_wait(&round_.unloaded);
    pthread_join(thread, NULL);
    stays_mapped(path);
}

int main(int argc, char **argv)
{
    enum { ROUNDS = 1000 };
    int port;
    if (argc != 2)
        fail("the first argument is the library");
    const pid_t server = serve(loopback_socket(&port), answer_request);
    write_kubeconfig(kubeconfig, "http://127.0.0.1", port);
    alarm(300);
    pthread_barrier_init(&round_.used, NULL, 2);
    pthread_barrier_init(&round_.unloaded, NULL, 2);
    for (int i = 0; i < ROUNDS; i++) {
        round_.closes = i % 2;
        play_round(argv[1]);
    }
    kill(server, SIGKILL);
    unlink(kubeconfig);
    printf("%d times loaded and unloaded\n", ROUNDS);
    return 0;
}
