/* Configurations of which it is known what comes of them. */
#ifndef KINDS_H
#define KINDS_H

#include "model.h"

enum { MOST_PAIRS = 12 };

struct kind {
    /* Key and value, up to the first NULL. */
    const char *pairs[MOST_PAIRS][2];
    const char *kubeconfig;
    /* What register may answer if nothing else is wrong. */
    statuses registers;
    /* What discover_peers may answer while it is registered. */
    statuses discovers;
};

extern const struct kind kinds[];
extern const size_t kinds_count;
/* Of a configuration made at random. */
extern const struct kind any_kind;

/* A complete configuration of this kind. */
kubepeers_config *config_of(const struct kind *kind);

/* Gives the path of the one whose server answers. */
const char *write_kubeconfigs(int answering, int refusing);
void remove_kubeconfigs(void);

#endif
