/* Checks that are counted and reported, and do not end the test. Any thread may check. */
#ifndef CHECK_H
#define CHECK_H

#include "kubepeers.h"

#define CHECK(condition) check((condition) != 0, __FILE__, __LINE__, #condition)
#define CHECK_STATUS(call, expected) check_status((call), (expected), __FILE__, __LINE__, #call)
#define CHECK_OK(call) CHECK_STATUS(call, KUBEPEERS_OK)

void check(int good, const char *file, int line, const char *what);
void check_status(kubepeers_status actual, kubepeers_status expected, const char *file, int line,
                  const char *what);
int checks_failed(void);

#endif
