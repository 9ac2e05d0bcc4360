/* Prints this pod's peers, a line for each change, until SIGINT, SIGTERM or the end of stdin. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubepeers.h"

static volatile sig_atomic_t stopped;

static void stop(int number) { stopped = number; }

/* Ignores /dev/null, which is the stdin of a pod and ends at once. */
static int stdin_ended(void)
{
    struct pollfd input = {0, POLLIN, 0};
    struct stat kind;
    char ignored[256];
    return fstat(0, &kind) == 0 && !S_ISCHR(kind.st_mode) && poll(&input, 1, 0) == 1 && read(0, ignored, sizeof ignored) == 0;
}

/* Reads arguments such as `-namespace default -selector app=demo -port gossip`. */
static void configure(kubepeers_config *config, int argc, char **argv, kubepeers_error **error)
{
    static const char *const keys[][2] = {
        {"namespace", "namespace"},
        {"selector", "pod_labels"},
        {"port", "discovery_port_name"},
        {"service-account-dir", "service_account_dir"},
    };
    for (int i = 1; i + 1 < argc; i += 2)
        for (size_t k = 0; k < sizeof keys / sizeof *keys && *error == NULL; k++)
            if (strcmp(argv[i] + strspn(argv[i], "-"), keys[k][0]) == 0)
                if (kubepeers_config_set(config, keys[k][1], argv[i + 1], error) != KUBEPEERS_OK)
                    return;
}

int main(int argc, char **argv)
{
    kubepeers_config *config = kubepeers_config_new();
    kubepeers_provider provider = 0;
    kubepeers_error *error = NULL;
    kubepeers_status last = KUBEPEERS_OK;
    uint64_t generation = 0;

    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    setvbuf(stdout, NULL, _IOLBF, 0);
    configure(config, argc, argv, &error);
    int registered = error == NULL && kubepeers_init(config, &provider, &error) == KUBEPEERS_OK
                     && kubepeers_register(provider, KUBEPEERS_TIMEOUT_DEFAULT, &error) == KUBEPEERS_OK;
    while (registered && error == NULL && !stopped && !stdin_ended()) {
        kubepeers_peers *peers = NULL;
        /* Waits briefly, so that the program reacts to signals. */
        kubepeers_status status = kubepeers_wait(provider, generation, 250, &peers, &error);
        if (status == KUBEPEERS_OK) {
            generation = kubepeers_peers_generation(peers);
            printf("peers:%s", kubepeers_peers_len(peers) == 0 ? " none, alone" : "");
            for (size_t i = 0; i < kubepeers_peers_len(peers); i++)
                printf(" %s", kubepeers_peers_address(peers, i));
            puts("");
        } else if (kubepeers_error_is_retryable(error)) {
            if (status != KUBEPEERS_TIMEOUT && status != last)
                printf("waiting: %s\n", kubepeers_status_name(status));
            kubepeers_error_free(error);
            error = NULL;
        }
        kubepeers_peers_free(peers);
        last = status;
    }
    int failed = error != NULL;
    if (failed)
        fprintf(stderr, "peers: %s\n", kubepeers_error_message(error));
    kubepeers_error_free(error);
    kubepeers_close(provider, NULL);
    kubepeers_config_free(config);
    return failed;
}
