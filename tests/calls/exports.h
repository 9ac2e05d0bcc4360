/* Every function that the library exports. tests/calls/complete compares them with the library. */
#ifndef EXPORTS_H
#define EXPORTS_H

#include "calls.h"

struct export {
    const char *name;
    /* How often it is called, beside the others. */
    unsigned weight;
    random_call *call;
};

extern const struct export exports[];
extern const size_t exports_count;

#endif
