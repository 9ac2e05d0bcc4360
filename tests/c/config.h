/* Configurations and providers for the namespaces of fake_server.c. */
#ifndef CONFIG_H
#define CONFIG_H

#include "fake_server.h"
#include "kubepeers.h"

/* Sets a valid value; ends the process if the library refuses it. */
void set(kubepeers_config *config, const char *key, const char *value);

/* Creates a complete configuration for the namespace `good`. */
kubepeers_config *new_config(enum server server);

#endif
