/* What the library gave out, for all threads to read: each shelf has one kind of object. */
#ifndef SHELVES_H
#define SHELVES_H

#include "caller.h"

enum shelf { CONFIGS, LISTS, HEALTHS, TEXTS, ERRORS, SHELVES };

/* A place on a shelf, locked. `item` may be NULL. */
struct taken {
    void *item;
    /* What the call gave with it: a status, a generation. */
    int64_t fact;
    struct place *place;
};

/* Others may read it too. */
struct taken take_to_read(struct caller *caller, enum shelf shelf);
/* For this thread alone. */
struct taken take_alone(struct caller *caller, enum shelf shelf);
void give_back(struct taken taken);
/* The place is empty now. */
void give_back_freed(struct taken taken);

/* Puts it somewhere; what was there is freed. */
void put_away(struct caller *caller, enum shelf shelf, void *item, int64_t fact);

void open_shelves(void);
void clear_shelves(void);

#endif
