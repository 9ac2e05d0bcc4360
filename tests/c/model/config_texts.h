/* Keys and values for kubepeers_config_set(): valid ones, odd ones, and texts that are none. */
#ifndef CONFIG_TEXTS_H
#define CONFIG_TEXTS_H

#include "caller.h"

void fill_texts(void);

int is_key(const char *key);
/* Whether the library certainly accepts this value of the key. */
int is_valid(const char *key, const char *value);

/* Some key, maybe an unknown one or NULL. */
const char *some_key(struct caller *caller);
/* Some value for it, maybe an invalid one or NULL. */
const char *some_value(struct caller *caller, const char *key);

#endif
