/*
 * Prints this pod's address and its peers after every change, in an event loop in which no call
 * blocks. The arguments are the two required keys, pod_labels and discovery_port_name:
 *
 *   events app=demo gossip
 */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stdio.h>
#include <sys/select.h>
#include <unistd.h>

#include "kubepeers.h"

static volatile sig_atomic_t stopped;

static void stop(int number) { stopped = number; }

static void print(const char *what, const kubepeers_peers *peers)
{
    printf("%s:", what);
    for (size_t i = 0; i < kubepeers_peers_len(peers); i++)
        printf(" %s", kubepeers_peers_address(peers, i));
    puts("");
}

/* Prints the peers if they are newer. Returns their generation, or `seen` if they are not. */
static uint64_t print_changes(kubepeers_provider provider, uint64_t seen, kubepeers_error **error)
{
    kubepeers_peers *self = NULL, *peers = NULL;
    if (kubepeers_wait(provider, seen, 0, &peers, error) == KUBEPEERS_OK
        && kubepeers_get_self(provider, 0, &self, error) == KUBEPEERS_OK) {
        print("self", self);
        print("peers", peers);
        seen = kubepeers_peers_generation(peers);
    }
    kubepeers_peers_free(self);
    kubepeers_peers_free(peers);
    return seen;
}

/* Waits until the descriptor is readable. Returns 0 after a signal. SIGINT and SIGTERM are only
 * unblocked here, so that none is missed between the check of `stopped` and the wait. */
static int is_readable(int fd)
{
    sigset_t none;
    fd_set wanted;
    sigemptyset(&none);
    FD_ZERO(&wanted);
    FD_SET(fd, &wanted);
    return pselect(fd + 1, &wanted, NULL, NULL, NULL, &none) == 1;
}

/* Prints until a signal arrives or a permanent error occurs. */
static void run(kubepeers_provider provider, int fd, kubepeers_error **error)
{
    char bytes[64];
    uint64_t seen = 0;
    while (!stopped && is_readable(fd)) {
        while (read(fd, bytes, sizeof bytes) > 0)
            ;
        seen = print_changes(provider, seen, error);
        if (*error != NULL && !kubepeers_error_is_retryable(*error))
            return;
        kubepeers_error_free(*error);
        * error = NULL;
    }
}

int main(int argc, char **argv)
{
    kubepeers_config *config = kubepeers_config_new();
    kubepeers_provider provider = 0;
    kubepeers_error *error = NULL;
    int fd = -1;

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (kubepeers_config_set(config, "pod_labels", argc > 1 ? argv[1] : "", &error) == KUBEPEERS_OK
        && kubepeers_config_set(config, "discovery_port_name", argc > 2 ? argv[2] : "", &error) == KUBEPEERS_OK
        && kubepeers_init(config, &provider, &error) == KUBEPEERS_OK
        && kubepeers_change_fd(provider, &fd, &error) == KUBEPEERS_OK
        && kubepeers_register(provider, 0, &error) == KUBEPEERS_OK)
        run(provider, fd, &error);
    int failed = error != NULL;
    if (failed)
        fprintf(stderr, "events: %s\n", kubepeers_error_message(error));
    kubepeers_error_free(error);
    if (fd >= 0)
        close(fd);
    kubepeers_close(provider, NULL);
    kubepeers_config_free(config);
    return failed;
}
