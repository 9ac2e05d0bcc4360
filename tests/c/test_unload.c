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

/* Once more when no thread that used it is left: until then it is kept by what it left on them. */
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
        {"peers_port_name", "peers"}, {"pod_labels", "app=test"},        {"self", "none"},
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

/* Ends after the library was closed under it: what the library left on this thread is taken down then. */
struct user {
    kubepeers_provider provider;
    pthread_barrier_t used, unloaded;
};

static void *use(void *argument)
{
    struct user *user = argument;
    kubepeers_peers *peers = NULL;
    kubepeers_error *error = NULL;
    want(lib.discover_peers(user->provider, 60 * 1000, &peers, NULL), KUBEPEERS_OK);
    lib.peers_free(peers);
    want(lib.register_(user->provider, 0, &error), KUBEPEERS_ALREADY_REGISTERED);
    lib.error_free(error);
    pthread_barrier_wait(&user->used);
    pthread_barrier_wait(&user->unloaded);
    return NULL;
}

/* With the provider closed first, as the header asks for, or with its thread running on. */
static void round_with(const char *path, int closes, kubepeers_provider *left)
{
    struct user user;
    pthread_t thread;
    load(path);
    /* The one that the last round left is still there. */
    if (*left != 0)
        want(lib.close(*left, NULL), KUBEPEERS_OK);
    user.provider = *left = registered();
    pthread_barrier_init(&user.used, NULL, 2);
    pthread_barrier_init(&user.unloaded, NULL, 2);
    if (pthread_create(&thread, NULL, use, &user) != 0)
        fail("no thread");
    pthread_barrier_wait(&user.used);
    if (closes) {
        want(lib.close(user.provider, NULL), KUBEPEERS_OK);
        *left = 0;
    }
    unload();
    pthread_barrier_wait(&user.unloaded);
    pthread_join(thread, NULL);
    stays_mapped(path);
}

int main(int argc, char **argv)
{
    enum { ROUNDS = 1000 };
    kubepeers_provider left = 0;
    int port;
    if (argc != 2)
        fail("the first argument is the library");
    const pid_t server = serve(loopback_socket(&port), answer_request);
    write_kubeconfig(kubeconfig, "http://127.0.0.1", port);
    alarm(300);
    for (int i = 0; i < ROUNDS; i++)
        round_with(argv[1], i % 2, &left);
    kill(server, SIGKILL);
    unlink(kubeconfig);
    printf("%d times loaded and unloaded\n", ROUNDS);
    return 0;
}
