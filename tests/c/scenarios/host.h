/* What Linux reports of this process: its descriptors, its threads and their signals. */
#ifndef HOST_H
#define HOST_H

#include <signal.h>

typedef unsigned long long signals;

#define BIT(number) (1ULL << ((number) - 1))
/* Every signal that can be blocked, without the two that glibc reserves. */
#define ALL_SIGNALS (~0ULL & ~BIT(SIGKILL) & ~BIT(SIGSTOP) & ~(3ULL << 31))
/* The library's threads do not block these. */
#define FAULTS \
    (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGSYS) \
     | BIT(SIGABRT))

struct thread {
    char name[32];
    signals blocked, ignored, caught, pending;
};

/* All zero if the thread has ended. */
struct thread read_thread(int id);

/* The threads besides the main one. */
struct others {
    int count, last_id;
    /* Without a name of the library; and with signals that the library's threads have to block. */
    int nameless, receiving;
    signals pending;
};

struct others other_threads(void);
int is_alone(void);
int count_descriptors(void);

#endif
