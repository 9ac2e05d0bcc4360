/* Texts as a host should not send them, and some that it should. */
#ifndef TEXTS_H
#define TEXTS_H

#include "caller.h"

/* The configuration has this key. */
int is_key(const char *key);

/* It is the value of this key that is certain to be taken. */
int is_good(const char *key, const char *value);

/* Some key, maybe none that there is; maybe NULL. */
const char *some_key(struct caller *caller);

/* Some value for it; maybe NULL. */
const char *some_value(struct caller *caller, const char *key);

/* Some name this kubeconfig. */
void write_texts(const char *kubeconfig);
void free_texts(void);

#endif
