/* The whole test framework. Counts, says what failed, goes on. Any thread may check. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

#include "kubepeers.h"

static int passed, failed;

/* Where failures are told: stderr, unless that is being watched. */
static FILE *report;

#define CHECK(condition) check((condition) != 0, __FILE__, __LINE__, #condition)
#define CHECK_STATUS(call, expected) check_status((call), (expected), __FILE__, __LINE__, #call)

static void check(int good, const char *file, int line, const char *what)
{
    if (good) {
        __atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED);
    } else {
        __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
        fprintf(report != NULL ? report : stderr, "%s:%d: failed: %s\n", file, line, what);
    }
}

static void check_status(kubepeers_status actual, kubepeers_status expected, const char *file, int line, const char *what)
{
    check(actual == expected, file, line, what);
    if (actual != expected)
        fprintf(report != NULL ? report : stderr, "    gave %s, not %s\n", kubepeers_status_name(actual), kubepeers_status_name(expected));
}

#endif
