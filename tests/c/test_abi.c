/*
 * What only C can do to the library: NULL, bytes that are not UTF-8, forged handles, fork, many threads.
 * Needs no cluster: the API server of the providers here is a loopback port that refuses connections.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "kubepeers.h"

static char kubeconfig[] = "/tmp/kubepeers-test-XXXXXX";

/* Pointers that no call made: what a call left alone still holds them. They are compared, never followed. */
static char nobody;
#define UNTOUCHED_ERROR ((kubepeers_error *)(void *)&nobody)
#define UNTOUCHED_PEERS ((kubepeers_peers *)(void *)&nobody)

/* Every function of the form (provider, error), the others bent into it. */
static kubepeers_status call_register(kubepeers_provider provider, kubepeers_error **error)
{
    return kubepeers_register(provider, 0, error);
}

static kubepeers_status call_discover(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_discover_peers(provider, 0, &peers, error);
    CHECK((peers == UNTOUCHED_PEERS) == (status != KUBEPEERS_OK));
    return status;
}

static kubepeers_status call_wait(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_wait(provider, 0, 0, &peers, error);
    CHECK((peers == UNTOUCHED_PEERS) == (status != KUBEPEERS_OK));
    return status;
}

typedef kubepeers_status verb(kubepeers_provider provider, kubepeers_error **error);
static verb *const verbs[] = {call_register, call_discover, call_wait, kubepeers_deregister, kubepeers_close};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* Calls with and without an error object; the object says what the call returned. */
static void every_verb_gives(kubepeers_provider provider, kubepeers_status expected)
{
    for (size_t i = 0; i < VERBS; i++) {
        kubepeers_error *error = NULL;
        CHECK_STATUS(verbs[i](provider, NULL), expected);
        CHECK_STATUS(verbs[i](provider, &error), expected);
        CHECK_STATUS(kubepeers_error_status(error), expected);
        CHECK(strlen(kubepeers_error_message(error)) > 0);
        kubepeers_error_free(error);
    }
}

static kubepeers_config *new_config(void)
{
    static const char *const pairs[][2] = {
        {"namespace", "default"},        {"discovery_port_name", "gossip"}, {"remoting_port_name", "remoting"},
        {"peers_port_name", "peers"},    {"pod_labels", "app=test"},        {"self", "none"},
        {"kubeconfig", kubeconfig},
    };
    kubepeers_config *config = kubepeers_config_new();
    CHECK(config != NULL);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        CHECK_STATUS(kubepeers_config_set(config, pairs[i][0], pairs[i][1], NULL), KUBEPEERS_OK);
    return config;
}

static kubepeers_provider new_provider(void)
{
    kubepeers_config *config = new_config();
    kubepeers_provider provider = 0;
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_OK);
    CHECK(provider != 0);
    kubepeers_config_free(config);
    return provider;
}

static void test_versions(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", KUBEPEERS_VERSION_MAJOR, KUBEPEERS_VERSION_MINOR, KUBEPEERS_VERSION_PATCH);
    CHECK(strcmp(kubepeers_version(), text) == 0);
    CHECK(kubepeers_version_number() == KUBEPEERS_VERSION_NUMBER);
    CHECK(strcmp(kubepeers_id(), "kubernetes") == 0);
}

static void test_status_names(void)
{
#define NAME(name) CHECK(strcmp(kubepeers_status_name(KUBEPEERS_##name), #name) == 0)
    NAME(OK);
    NAME(INVALID_ARGUMENT);
    NAME(INVALID_UTF8);
    NAME(UNKNOWN_KEY);
    NAME(INVALID_CONFIG);
    NAME(INVALID_HANDLE);
    NAME(CLOSED);
    NAME(FORKED);
    NAME(ALREADY_INITIALIZED);
    NAME(NOT_INITIALIZED);
    NAME(ALREADY_REGISTERED);
    NAME(NOT_REGISTERED);
    NAME(NOT_SYNCED);
    NAME(SELF_NOT_VISIBLE);
    NAME(SELF_EXCLUDED);
    NAME(TIMEOUT);
    NAME(NOT_IN_CLUSTER);
    NAME(NO_CREDENTIALS);
    NAME(NO_IDENTITY);
    NAME(TLS);
    NAME(UNAUTHORIZED);
    NAME(FORBIDDEN);
    NAME(NO_RESOURCES);
    NAME(INTERNAL);
#undef NAME
    const kubepeers_status unknown[] = {1, -23, -98, -100, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        CHECK(strcmp(kubepeers_status_name(unknown[i]), "UNKNOWN") == 0);
}

static void test_null_objects(void)
{
    CHECK(kubepeers_peers_len(NULL) == 0);
    CHECK(kubepeers_peers_generation(NULL) == 0);
    CHECK(kubepeers_peers_address(NULL, 0) == NULL);
    CHECK_STATUS(kubepeers_error_status(NULL), KUBEPEERS_OK);
    CHECK(strcmp(kubepeers_error_message(NULL), "") == 0);
    CHECK(kubepeers_error_is_retryable(NULL) == 0);
    CHECK(kubepeers_error_http_status(NULL) == 0);
    kubepeers_config_free(NULL);
    kubepeers_peers_free(NULL);
    kubepeers_error_free(NULL);
}

/* The call gave INVALID_ARGUMENT, and its error, if it was asked for one, names the parameter. */
static void is_invalid(kubepeers_status status, kubepeers_error **error, const char *parameter)
{
    CHECK_STATUS(status, KUBEPEERS_INVALID_ARGUMENT);
    if (error == NULL)
        return;
    CHECK_STATUS(kubepeers_error_status(*error), status);
    CHECK(strstr(kubepeers_error_message(*error), parameter) != NULL);
    kubepeers_error_free(*error);
    *error = NULL;
}

static void test_null_parameters(void)
{
    kubepeers_config *config = new_config();
    kubepeers_provider provider = 0, live = new_provider();
    kubepeers_error *error = NULL;
    /* Once with an error object, once without. */
    for (int i = 0; i < 2; i++) {
        kubepeers_error **out = i == 0 ? &error : NULL;
        is_invalid(kubepeers_config_set(NULL, "namespace", "x", out), out, "`config`");
        is_invalid(kubepeers_config_set(config, NULL, "x", out), out, "`key`");
        is_invalid(kubepeers_config_set(config, "namespace", NULL, out), out, "`value`");
        is_invalid(kubepeers_init(NULL, &provider, out), out, "`config`");
        is_invalid(kubepeers_init(config, NULL, out), out, "`provider`");
        is_invalid(kubepeers_discover_peers(live, 0, NULL, out), out, "`peers`");
        is_invalid(kubepeers_wait(live, 0, 0, NULL, out), out, "`peers`");
    }
    CHECK(provider == 0);
    CHECK_STATUS(kubepeers_close(live, NULL), KUBEPEERS_OK);
    kubepeers_config_free(config);
}

static void test_not_utf8(void)
{
    kubepeers_config *config = new_config();
    const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kubepeers_error *error = NULL;
        CHECK_STATUS(kubepeers_config_set(config, bad[i], "x", &error), KUBEPEERS_INVALID_UTF8);
        CHECK(strstr(kubepeers_error_message(error), "`key`") != NULL);
        kubepeers_error_free(error);
        CHECK_STATUS(kubepeers_config_set(config, "namespace", bad[i], &error), KUBEPEERS_INVALID_UTF8);
        CHECK(strstr(kubepeers_error_message(error), "`namespace`") != NULL);
        kubepeers_error_free(error);
    }
    kubepeers_config_free(config);
}

static void test_handles(void)
{
    CHECK_STATUS(call_register(0, NULL), KUBEPEERS_NOT_INITIALIZED);
    CHECK_STATUS(call_discover(0, NULL), KUBEPEERS_NOT_INITIALIZED);
    CHECK_STATUS(call_wait(0, NULL), KUBEPEERS_NOT_INITIALIZED);
    CHECK_STATUS(kubepeers_deregister(0, NULL), KUBEPEERS_NOT_INITIALIZED);
    CHECK_STATUS(kubepeers_close(0, NULL), KUBEPEERS_OK);
    kubepeers_provider provider = new_provider();
    const kubepeers_provider forged[] = {1,  42, UINT64_MAX, (kubepeers_provider)1 << 63, provider + 1,
                                         provider + ((kubepeers_provider)1 << 24), provider ^ ((kubepeers_provider)1 << 40)};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++)
        every_verb_gives(forged[i], KUBEPEERS_INVALID_HANDLE);

    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    /* Stale for ever, also when another provider has come into its place. */
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(call_register(provider, NULL), KUBEPEERS_CLOSED);
        CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_CLOSED);
        CHECK_STATUS(call_wait(provider, NULL), KUBEPEERS_CLOSED);
        CHECK_STATUS(kubepeers_deregister(provider, NULL), KUBEPEERS_CLOSED);
        CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
        kubepeers_provider next = new_provider();
        CHECK(next != provider);
        CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
        CHECK_STATUS(call_discover(next, NULL), KUBEPEERS_NOT_REGISTERED);
        CHECK_STATUS(kubepeers_close(next, NULL), KUBEPEERS_OK);
    }
}

static void test_out_parameters(void)
{
    kubepeers_config *config = new_config(), *incomplete = kubepeers_config_new();
    kubepeers_error *error = UNTOUCHED_ERROR;

    /* Errors are written on failure only … */
    kubepeers_provider provider = 0;
    CHECK_STATUS(kubepeers_config_set(config, "namespace", "other", &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_init(config, &provider, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(provider, 0, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_deregister(provider, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(provider, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(provider, &error), KUBEPEERS_OK);
    CHECK(error == UNTOUCHED_ERROR);

    /* … and results on success only. `*provider` here is closed, so init may use it. */
    const kubepeers_provider closed = provider;
    CHECK_STATUS(kubepeers_init(incomplete, &provider, &error), KUBEPEERS_INVALID_CONFIG);
    CHECK(provider == closed);
    CHECK(error != UNTOUCHED_ERROR);
    CHECK_STATUS(kubepeers_error_status(error), KUBEPEERS_INVALID_CONFIG);
    CHECK(kubepeers_error_http_status(error) == 0 && kubepeers_error_is_retryable(error) == 0);
    kubepeers_error_free(error);
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_OK);
    CHECK(provider != closed);

    /* A live provider is not lost by a second init. */
    const kubepeers_provider live = provider;
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_ALREADY_INITIALIZED);
    CHECK(provider == live);
    CHECK_STATUS(call_discover(live, NULL), KUBEPEERS_NOT_REGISTERED);

    /* Providers do not need their configuration, nor errors their provider. */
    kubepeers_config_free(config);
    kubepeers_config_free(incomplete);
    CHECK_STATUS(kubepeers_deregister(live, &error), KUBEPEERS_NOT_REGISTERED);
    CHECK_STATUS(kubepeers_close(live, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_error_status(error), KUBEPEERS_NOT_REGISTERED);
    kubepeers_error_free(error);
}

static void test_retryable(void)
{
    kubepeers_provider provider = new_provider();
    kubepeers_error *error = NULL;
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_ALREADY_REGISTERED);
    CHECK_STATUS(call_discover(provider, &error), KUBEPEERS_NOT_SYNCED);
    CHECK(kubepeers_error_is_retryable(error) == 1);
    kubepeers_error_free(error);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* The handlers of all signals, as the kernel would run them. */
static void read_handlers(struct sigaction *actions, int count)
{
    memset(actions, 0, (size_t)count * sizeof *actions);
    for (int number = 1; number < count; number++)
        sigaction(number, NULL, &actions[number]); /* fails for some numbers, which then stay zero */
}

/* Whether a thread of this process, as /proc names it, has every signal blocked that can be. */
static int blocks_all(const char *thread)
{
    char path[64], line[128];
    unsigned long long blocked = 0, all = 0x7fffffffULL & ~(1ULL << (SIGKILL - 1)) & ~(1ULL << (SIGSTOP - 1));
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", thread);
    FILE *status = fopen(path, "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "SigBlk: %llx", &blocked);
    if (status != NULL)
        fclose(status);
    return (blocked & all) == all;
}

/* Whether there are threads beside the main one, and all of them have their signals blocked. */
static int others_are_deaf(void)
{
    int others = 0, hearing = 0;
    DIR *threads = opendir("/proc/self/task");
    for (struct dirent *thread; threads != NULL && (thread = readdir(threads)) != NULL;) {
        if (thread->d_name[0] == '.' || strtol(thread->d_name, NULL, 10) == (long)getpid())
            continue;
        others++;
        hearing += !blocks_all(thread->d_name);
    }
    if (threads != NULL)
        closedir(threads);
    return others > 0 && hearing == 0;
}

/* A thread that was joined is listed for a moment more, without its mask. */
static int others_become_deaf(void)
{
    struct timespec moment = {0, 10 * 1000 * 1000};
    for (int i = 0; i < 1000; i++, nanosleep(&moment, NULL))
        if (others_are_deaf())
            return 1;
    return 0;
}

static int has_asked_the_server(kubepeers_provider provider)
{
    struct timespec moment = {0, 10 * 1000 * 1000};
    int refused = 0;
    for (int i = 0; i < 1000 && !refused; i++, nanosleep(&moment, NULL)) {
        kubepeers_error *error = NULL;
        call_discover(provider, &error);
        refused = strstr(kubepeers_error_message(error), "refused") != NULL;
        kubepeers_error_free(error);
    }
    return refused;
}

static void test_signals(void)
{
    enum { SIGNALS = 65 };
    struct sigaction before[SIGNALS], after[SIGNALS];
    sigset_t mask;
    read_handlers(before, SIGNALS);
    kubepeers_provider provider = new_provider();
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_OK);
    read_handlers(after, SIGNALS);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number < SIGNALS; number++) {
        CHECK(before[number].sa_handler == after[number].sa_handler);
        CHECK(sigismember(&mask, number) <= 0);
    }
    /* A thread that starts is deaf for a moment, whoever made it: the library's must have done something. */
    CHECK(has_asked_the_server(provider));
    CHECK(others_become_deaf());
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* Runs in the child: the parent's provider is off limits, an own one works. */
static void in_child(kubepeers_provider parents)
{
    kubepeers_config *config = new_config();
    kubepeers_provider provider = parents;
    every_verb_gives(parents, KUBEPEERS_FORKED);
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_OK);
    CHECK(provider != parents);
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_OK);
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_NOT_SYNCED);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_CLOSED);
    every_verb_gives(parents, KUBEPEERS_FORKED);
    kubepeers_config_free(config);
}

static void test_fork(int registered)
{
    kubepeers_provider provider = new_provider();
    if (registered)
        CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        failed = 0;
        in_child(provider);
        _exit(failed == 0 ? 0 : 1);
    }
    int ended = -1;
    CHECK(waitpid(child, &ended, 0) == child);
    CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    CHECK_STATUS(call_discover(provider, NULL), registered ? KUBEPEERS_NOT_SYNCED : KUBEPEERS_NOT_REGISTERED);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

enum { THREADS = 8, ROUNDS = 20 };

struct crowd {
    kubepeers_provider provider;
    pthread_barrier_t start;
    pthread_mutex_t lock;
    int undocumented;
};

static int is_one_of(kubepeers_status status, const kubepeers_status *documented)
{
    for (; *documented != KUBEPEERS_INTERNAL; documented++)
        if (status == *documented)
            return 1;
    fprintf(stderr, "    undocumented: %s\n", kubepeers_status_name(status));
    return 0;
}

/* Everything at once on one provider, until one of the threads closes it. */
static void *crowd_member(void *argument)
{
    static const kubepeers_status documented[] = {
        KUBEPEERS_OK,         KUBEPEERS_CLOSED,     KUBEPEERS_NOT_REGISTERED, KUBEPEERS_ALREADY_REGISTERED,
        KUBEPEERS_NOT_SYNCED, KUBEPEERS_INTERNAL,
    };
    struct crowd *crowd = argument;
    int undocumented = 0;
    unsigned seed = (unsigned)pthread_barrier_wait(&crowd->start) + 7u;
    for (int i = 0; i < 40; i++) {
        kubepeers_peers *peers = NULL;
        kubepeers_error *error = NULL;
        kubepeers_status status;
        seed = seed * 1103515245u + 12345u + (unsigned)i;
        switch ((seed >> 16) % 16) {
        case 0: status = kubepeers_register(crowd->provider, 0, &error); break;
        case 1: status = kubepeers_deregister(crowd->provider, &error); break;
        case 2: status = i > 20 ? kubepeers_close(crowd->provider, &error) : KUBEPEERS_OK; break;
        case 3: status = kubepeers_wait(crowd->provider, 0, 1, &peers, &error); break;
        default: status = kubepeers_discover_peers(crowd->provider, 0, &peers, &error); break;
        }
        undocumented += !is_one_of(status, documented);
        undocumented += (error != NULL) != (status != KUBEPEERS_OK);
        kubepeers_peers_free(peers);
        kubepeers_error_free(error);
    }
    kubepeers_close(crowd->provider, NULL);
    pthread_mutex_lock(&crowd->lock);
    crowd->undocumented += undocumented;
    pthread_mutex_unlock(&crowd->lock);
    return NULL;
}

static void test_threads(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct crowd crowd = {0};
        pthread_t threads[THREADS];
        crowd.provider = new_provider();
        pthread_barrier_init(&crowd.start, NULL, THREADS);
        pthread_mutex_init(&crowd.lock, NULL);
        CHECK_STATUS(kubepeers_register(crowd.provider, 0, NULL), KUBEPEERS_OK);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, crowd_member, &crowd) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(crowd.undocumented == 0);
        CHECK_STATUS(call_discover(crowd.provider, NULL), KUBEPEERS_CLOSED);
        pthread_barrier_destroy(&crowd.start);
        pthread_mutex_destroy(&crowd.lock);
    }
}

struct waiter {
    kubepeers_provider provider;
    kubepeers_status status;
};

static void *waiting(void *argument)
{
    static const int an_hour = 3600 * 1000;
    struct waiter *waiter = argument;
    kubepeers_peers *peers = NULL;
    waiter->status = kubepeers_wait(waiter->provider, 0, an_hour, &peers, NULL);
    kubepeers_peers_free(peers);
    return NULL;
}

static void test_close_ends_a_wait(void)
{
    struct waiter waiter = {new_provider(), KUBEPEERS_OK};
    struct timespec moment = {0, 50 * 1000 * 1000};
    pthread_t thread;
    CHECK_STATUS(kubepeers_register(waiter.provider, 0, NULL), KUBEPEERS_OK);
    CHECK(pthread_create(&thread, NULL, waiting, &waiter) == 0);
    /* Lets it wait, most likely. If it has not begun the outcome is the same. */
    nanosleep(&moment, NULL);
    CHECK_STATUS(kubepeers_close(waiter.provider, NULL), KUBEPEERS_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(waiter.status, KUBEPEERS_CLOSED);
}

/* Writes a kubeconfig whose server is a port that is bound, so that nobody else gets it, but refuses connections. */
static void write_kubeconfig(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int port = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    FILE *file = fdopen(mkstemp(kubeconfig), "w");
    if (port < 0 || file == NULL || bind(port, (struct sockaddr *)&address, size) != 0
        || getsockname(port, (struct sockaddr *)&address, &size) != 0) {
        perror("test_abi: no loopback port or temporary file");
        exit(2);
    }
    fprintf(file,
            "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],\n"
            "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%d'}}], users: [{name: u, user: {token: t}}]}\n",
            ntohs(address.sin_port));
    fclose(file);
}

int main(void)
{
    sigset_t none;
    /* Whatever the shell blocked would hide what the library does, and keep the alarm from ringing. */
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    /* A hang is a failure, not a matter of patience. */
    alarm(120);
    write_kubeconfig();
    test_versions();
    test_status_names();
    test_null_objects();
    test_null_parameters();
    test_not_utf8();
    test_handles();
    test_out_parameters();
    test_retryable();
    test_signals();
    test_fork(0);
    test_fork(1);
    test_threads();
    test_close_ends_a_wait();
    unlink(kubeconfig);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
