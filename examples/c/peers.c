/* Prints the peers of this pod at the start and after every change. */
#include <stdio.h>

#include "kubepeers.h"

int main(void)
{
    kubepeers_config *config = kubepeers_config_new();
    kubepeers_provider provider = 0;
    kubepeers_error *error = NULL;
    uint64_t generation = 0;

    int registered =
        kubepeers_config_set(config, "pod_labels", "app=demo", &error) == KUBEPEERS_OK
        && kubepeers_config_set(config, "discovery_port_name", "gossip", &error) == KUBEPEERS_OK
        && kubepeers_init(config, &provider, &error) == KUBEPEERS_OK
        && kubepeers_register(provider, KUBEPEERS_TIMEOUT_DEFAULT, &error) == KUBEPEERS_OK;
    kubepeers_config_free(config);

    while (registered && error == NULL) {
        kubepeers_peers *peers = NULL;
        if (kubepeers_wait(provider, generation, 60000, &peers, &error) == KUBEPEERS_OK) {
            generation = kubepeers_peers_generation(peers);
            printf("%zu peers:", kubepeers_peers_len(peers));
            for (size_t i = 0; i < kubepeers_peers_len(peers); i++)
                printf(" %s", kubepeers_peers_address(peers, i));
            puts("");
            fflush(stdout);
        } else if (kubepeers_error_is_retryable(error)) {
            /* Nothing has changed, or there is no answer yet, e.g. during an outage. */
            kubepeers_error_free(error);
            error = NULL;
        }
        kubepeers_peers_free(peers);
    }
    fprintf(stderr, "%s\n", kubepeers_error_message(error));
    kubepeers_error_free(error);
    kubepeers_close(provider, NULL);
    return 1;
}
