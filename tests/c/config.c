#include "config.h"

#include <stdio.h>
#include <stdlib.h>

void set(kubepeers_config *config, const char *key, const char *value)
{
    if (kubepeers_config_set(config, key, value, NULL) != KUBEPEERS_OK) {
        fprintf(stderr, "%s=%s is refused\n", key, value);
        exit(2);
    }
}

kubepeers_config *new_config(enum server server)
{
    kubepeers_config *config = kubepeers_config_new();
    set(config, "namespace", "good");
    set(config, "pod_labels", "app=test");
    set(config, "discovery_port_name", "gossip");
    set(config, "remoting_port_name", "remoting");
    set(config, "peers_port_name", "peers");
    /* SERVERS: with the service account instead. */
    if (server < SERVERS)
        set(config, "kubeconfig", kubeconfig_of(server));
    return config;
}
