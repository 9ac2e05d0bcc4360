/* Providers of what server.h serves. */
#ifndef PROVIDER_H
#define PROVIDER_H

#include <string.h>

#include "check.h"

enum { A_MINUTE = 60 * 1000, AN_HOUR = 60 * A_MINUTE };

static kubepeers_config *new_config_of(const char *kubeconfig)
{
    const char *const pairs[][2] = {
        {"namespace", "default"},        {"discovery_port_name", "gossip"}, {"remoting_port_name", "remoting"},
        {"peers_port_name", "peers"},    {"pod_labels", "app=test"},        {"membership", "observer"},
        {"kubeconfig", kubeconfig},
    };
    kubepeers_config *config = kubepeers_config_new();
    CHECK(config != NULL);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        CHECK_STATUS(kubepeers_config_set(config, pairs[i][0], pairs[i][1], NULL), KUBEPEERS_OK);
    return config;
}

static inline kubepeers_provider new_provider_of(const char *kubeconfig)
{
    kubepeers_config *config = new_config_of(kubeconfig);
    kubepeers_provider provider = 0;
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_OK);
    CHECK(provider != 0);
    kubepeers_config_free(config);
    return provider;
}

static inline int metrics_have(kubepeers_provider provider, const char *text)
{
    char *metrics = NULL;
    CHECK_STATUS(kubepeers_metrics(provider, &metrics, NULL), KUBEPEERS_OK);
    int found = strstr(metrics, text) != NULL;
    kubepeers_text_free(metrics);
    return found;
}

#endif
