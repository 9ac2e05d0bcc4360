/* A process of its own for every test: nothing of the library is set up in it, and what it writes is seen. */
#ifndef PROCESS_H
#define PROCESS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* A hang is a failure, not a matter of patience: longer than a slow machine takes. */
enum { PATIENCE_S = 600 };

/* Waits for a child; whether it exited with this status. */
static inline int exits_with(pid_t child, int status)
{
    int ended = -1;
    if (waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == status)
        return 1;
    fprintf(report != NULL ? report : stderr, "    a process ended with %s %d\n", WIFSIGNALED(ended) ? "signal" : "status",
            WIFSIGNALED(ended) ? WTERMSIG(ended) : WEXITSTATUS(ended));
    return 0;
}

/* Starts a process that ends with status 0 if none of its checks failed. */
static inline pid_t start(void (*body)(void))
{
    pid_t child = fork();
    if (child != 0)
        return child;
    alarm(PATIENCE_S);
    failed = 0;
    body();
    exit(failed == 0 ? 0 : 1);
}

/* What comes to stdout and stderr goes into a file from now on, but for the report. */
static inline int watch_output(void)
{
    FILE *file = tmpfile();
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    report = copy >= 0 ? fdopen(copy, "w") : NULL;
    if (file == NULL || report == NULL || dup2(fileno(file), STDOUT_FILENO) < 0 || dup2(fileno(file), STDERR_FILENO) < 0)
        exit(2);
    setbuf(report, NULL);
    fclose(file);
    return STDERR_FILENO;
}

static inline off_t size_of(int file)
{
    struct stat status;
    return fstat(file, &status) == 0 ? status.st_size : -1;
}

/* Runs a test. It passes if all its checks do, and nothing was written by it or by the processes that it waited for. */
static inline void run(const char *name, void (*test)(void))
{
    pid_t child = fork();
    if (child == 0) {
        failed = 0;
        int output = watch_output();
        int good = exits_with(start(test), 0);
        CHECK(size_of(output) == 0);
        _exit(good && failed == 0 ? 0 : 1);
    }
    int good = exits_with(child, 0);
    printf("%s %s\n", good ? "passed" : "FAILED", name);
    good ? passed++ : failed++;
    fflush(stdout);
}

#define RUN(test) run(#test, test)

#endif
