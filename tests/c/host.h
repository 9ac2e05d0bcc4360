/* What Linux tells of this process: its descriptors, its threads and their signals. */
#ifndef HOST_H
#define HOST_H

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long long signals;

/* Every signal that can be blocked, and that glibc does not keep for itself. */
static const signals all_signals = ~0ULL & ~(1ULL << (SIGKILL - 1)) & ~(1ULL << (SIGSTOP - 1)) & ~(3ULL << 31);

#define BIT(number) (1ULL << ((number) - 1))
/* What a fault raises: the library's threads leave these to the host. */
static const signals faults = BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGSYS) | BIT(SIGABRT);

/* Asks until the answer is yes; gives up after a minute. */
static inline int eventually(int (*is)(void))
{
    struct timespec moment = {0, 10 * 1000 * 1000};
    for (int i = 0; i < 6000; i++, nanosleep(&moment, NULL))
        if (is())
            return 1;
    return 0;
}

/* Calls `see` with the number of each entry of a folder of /proc. */
static inline int each_number(const char *folder, void (*see)(int number, void *data), void *data)
{
    DIR *entries = opendir(folder);
    int count = 0;
    if (entries == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        int number = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] == '.' || number == dirfd(entries))
            continue;
        count++;
        if (see != NULL)
            see(number, data);
    }
    closedir(entries);
    return count;
}

static inline int count_descriptors(void)
{
    return each_number("/proc/self/fd", NULL, NULL);
}

struct thread {
    char name[32];
    /* Blocked, ignored and caught; and those that wait for this thread to hear them. */
    signals blocked, ignored, caught, pending;
};

/* Zeros if the thread is gone. */
static inline struct thread read_thread(int id)
{
    char path[64], line[256];
    struct thread thread = {"", 0, 0, 0, 0};
    snprintf(path, sizeof path, "/proc/self/task/%d/status", id);
    FILE *status = fopen(path, "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        sscanf(line, "Name: %31s", thread.name);
        sscanf(line, "SigBlk: %llx", &thread.blocked);
        sscanf(line, "SigIgn: %llx", &thread.ignored);
        sscanf(line, "SigCgt: %llx", &thread.caught);
        sscanf(line, "SigPnd: %llx", &thread.pending);
    }
    if (status != NULL)
        fclose(status);
    return thread;
}

/* Of the threads beside the main one. */
struct others {
    int count, nameless, hearing;
    signals pending;
};

static inline void see_thread(int id, void *data)
{
    struct others *others = data;
    if (id == (int)getpid())
        return;
    struct thread thread = read_thread(id);
    others->count++;
    others->nameless += strncmp(thread.name, "kubepeers", strlen("kubepeers")) != 0;
    others->hearing += (thread.blocked & all_signals) != (all_signals & ~faults);
    others->pending |= thread.pending;
}

static inline struct others other_threads(void)
{
    struct others others = {0, 0, 0, 0};
    each_number("/proc/self/task", see_thread, &others);
    return others;
}

static inline int is_alone(void)
{
    return other_threads().count == 0;
}

#endif
