/* The objects that the library has returned, for all threads. Each kind has some slots. */
#ifndef OBJECT_POOL_H
#define OBJECT_POOL_H

#include "caller.h"

enum object_kind { CONFIGS, LISTS, HEALTHS, TEXTS, ERRORS, OBJECT_KINDS };

struct slot;

/* An object whose slot is locked. It is NULL if the slot is empty. */
struct borrowed {
    void *object;
    /* What is known of it: of an error its status, of a list its generation. */
    int64_t fact;
    /* The configuration of the provider that it comes from. */
    const struct config_kind *kind;
    struct slot *slot;
};

/* Other threads may read the object, too. */
struct borrowed borrow(struct caller *caller, enum object_kind kind);
struct borrowed borrow_alone(struct caller *caller, enum object_kind kind);
/* Keeps `fact` only of an object that was borrowed alone. */
void give_back(struct borrowed borrowed);

/* Puts the object into some slot, and frees the one that was there. */
void keep_object(struct caller *caller, enum object_kind kind, void *object, int64_t fact);
/* Frees some object, or NULL. */
void free_object(struct caller *caller, enum object_kind kind);

void create_pool(void);
void free_pool(void);

#endif
