/*
 * herd-c NAMESPACE MOUNTS CLIENTS PROCESSES WATCH: starts many clients at one moment, as a
 * Deployment does.
 *
 * MOUNTS/0, MOUNTS/1, ... are the service account folders of the clients. Each client has its own
 * provider, thus its own connections and watcher thread. The clients are spread over PROCESSES
 * processes. WATCH is the key `watch`, "auto" or "poll".
 *
 * It prints "ready" and waits for a line. Then all clients start. When the last one has its answer,
 * or after four minutes, it prints "answers NS:PEERS ...": for each client the time since the line
 * was read, and 0 peers if it has no answer. The clients run until stdin ends.
 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "kubepeers.h"

#define LIMIT_NS (240 * 1000000000LL)

struct answer {
    /* 0 until there is one. Written last. */
    long long ns;
    size_t peers;
};

/* Shared by all processes. */
struct herd {
    pthread_barrier_t start;
    long long started;
    struct answer answers[];
};

static struct herd *herd;
static const char *namespace, *mounts, *watch;

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void check(kubepeers_status status, kubepeers_error *error)
{
    if (status == KUBEPEERS_OK)
        return;
    fprintf(stderr, "herd-c: %s: %s\n", kubepeers_status_name(status), kubepeers_error_message(error));
    exit(1);
}

static kubepeers_config *configuration(size_t client)
{
    char mount[4096];
    snprintf(mount, sizeof mount, "%s/%zu", mounts, client);
    const char *const settings[][2] = {
        {"namespace", namespace},           {"pod_labels", "app=bench"}, {"discovery_port_name", "gossip"},
        {"remoting_port_name", "remoting"}, {"peers_port_name", "peers"}, {"service_account_dir", mount},
        {"watch", watch},
        /* Above LIMIT_NS: a busy machine must produce a late figure, not an error. */
        {"register_timeout_ms", "600000"},  {"discover_timeout_ms", "600000"},
    };
    kubepeers_config *config = kubepeers_config_new();
    kubepeers_error *error = NULL;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        check(kubepeers_config_set(config, settings[i][0], settings[i][1], &error), error);
    return config;
}

static void *run_client(void *argument)
{
    struct answer *answer = argument;
    kubepeers_config *config = configuration((size_t)(answer - herd->answers));
    kubepeers_provider provider = 0;
    kubepeers_peers *peers = NULL;
    kubepeers_error *error = NULL;
    pthread_barrier_wait(&herd->start);
    check(kubepeers_init(config, &provider, &error), error);
    check(kubepeers_register(provider, -1, &error), error);
    check(kubepeers_discover_peers(provider, -1, &peers, &error), error);
    long long ns = now() - herd->started;
    answer->peers = kubepeers_peers_len(peers);
    __atomic_store_n(&answer->ns, ns, __ATOMIC_RELEASE);
    kubepeers_peers_free(peers);
    kubepeers_config_free(config);
    return NULL;
}

static void start_clients(size_t first, size_t end)
{
    pthread_t thread;
    for (size_t i = first; i < end; i++)
        if (pthread_create(&thread, NULL, run_client, &herd->answers[i]) != 0)
            abort();
}

static void start_process(size_t first, size_t end)
{
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    start_clients(first, end);
    for (;;)
        pause();
}

static void share_memory(size_t clients)
{
    pthread_barrierattr_t shared;
    size_t size = sizeof *herd + clients * sizeof *herd->answers;
    herd = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (herd == MAP_FAILED)
        abort();
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&herd->start, &shared, (unsigned)clients + 1);
}

/* Returns how long the client took, or 0. */
static long long answered(size_t client)
{
    return __atomic_load_n(&herd->answers[client].ns, __ATOMIC_ACQUIRE);
}

static void await_answers(size_t clients)
{
    const struct timespec pause = {0, 20000000};
    for (size_t i = 0; i < clients; i++)
        while (answered(i) == 0 && now() - herd->started < LIMIT_NS)
            nanosleep(&pause, NULL);
}

static void print_answers(size_t clients)
{
    printf("answers");
    for (size_t i = 0; i < clients; i++) {
        long long ns = answered(i);
        if (ns > 0)
            printf(" %lld:%zu", ns, herd->answers[i].peers);
        else
            printf(" %lld:0", LIMIT_NS);
    }
    puts("");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[64];
    if (argc != 6)
        return 2;
    namespace = argv[1];
    mounts = argv[2];
    size_t clients = strtoul(argv[3], NULL, 10), processes = strtoul(argv[4], NULL, 10);
    watch = argv[5];
    share_memory(clients);
    if (processes == 1)
        start_clients(0, clients);
    else
        for (size_t i = 0; i < processes; i++)
            start_process(clients * i / processes, clients * (i + 1) / processes);
    puts("ready");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    herd->started = now();
    pthread_barrier_wait(&herd->start);
    await_answers(clients);
    print_answers(clients);
    while (fgets(line, sizeof line, stdin) != NULL)
        ;
    return 0;
}
