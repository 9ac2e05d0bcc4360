#include "scenario.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Ends a hang, which is a failure: longer than a slow machine takes. */
enum { HANG_S = 600 };

static int failed;
/* stderr, unless that is being watched. */
static FILE *report;

static FILE *report_file(void)
{
    return report != NULL ? report : stderr;
}

int report_descriptor(void)
{
    return fileno(report_file());
}

void check(int good, const char *file, int line, const char *what)
{
    if (good)
        return;
    __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
    fprintf(report_file(), "%s:%d: failed: %s\n", file, line, what);
}

void check_status(kubepeers_status actual, kubepeers_status expected, const char *file, int line,
                  const char *what)
{
    check(actual == expected, file, line, what);
    if (actual != expected)
        fprintf(report_file(), "    returned %s, not %s\n", kubepeers_status_name(actual),
                kubepeers_status_name(expected));
}

int checks_failed(void)
{
    return __atomic_load_n(&failed, __ATOMIC_RELAXED);
}

/* --- providers --- */

kubepeers_provider new_logging_provider(enum server server, const char *level)
{
    kubepeers_config *config = new_config(server);
    kubepeers_provider provider = 0;
    set(config, "membership", "observer");
    set(config, "log", level);
    CHECK_OK(kubepeers_init(config, &provider, NULL));
    CHECK(provider != 0);
    kubepeers_config_free(config);
    return provider;
}

kubepeers_provider new_provider(enum server server)
{
    return new_logging_provider(server, "off");
}

kubepeers_provider registered_provider(enum server server, int32_t timeout_ms)
{
    kubepeers_provider provider = new_provider(server);
    CHECK_OK(kubepeers_register(provider, timeout_ms, NULL));
    return provider;
}

void close_provider(kubepeers_provider provider)
{
    CHECK_OK(kubepeers_close(provider, NULL));
}

int metrics_have(kubepeers_provider provider, const char *text)
{
    char *metrics = NULL;
    CHECK_OK(kubepeers_metrics(provider, &metrics, NULL));
    int found = strstr(metrics, text) != NULL;
    kubepeers_text_free(metrics);
    return found;
}

/* --- threads and processes --- */

pthread_t start_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

pid_t start_process(void (*body)(void))
{
    pid_t child = fork();
    if (child != 0)
        return child;
    alarm(HANG_S);
    failed = 0;
    body();
    exit(failed == 0 ? 0 : 1);
}

int exits_with(pid_t child, int status)
{
    int ended = -1;
    if (waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == status)
        return 1;
    fprintf(report_file(), "    a process ended with %s %d\n",
            WIFSIGNALED(ended) ? "signal" : "status",
            WIFSIGNALED(ended) ? WTERMSIG(ended) : WEXITSTATUS(ended));
    return 0;
}

int eventually(int (*question)(void))
{
    struct timespec moment = {0, 10 * 1000 * 1000};
    for (int i = 0; i < 6000; i++, nanosleep(&moment, NULL))
        if (question())
            return 1;
    return 0;
}

/* --- main --- */

/* From now on stdout and stderr go to a file, and failures to the former stderr. */
static void watch_output(void)
{
    FILE *file = tmpfile();
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    report = copy >= 0 ? fdopen(copy, "w") : NULL;
    if (file == NULL || report == NULL || dup2(fileno(file), STDOUT_FILENO) < 0
        || dup2(fileno(file), STDERR_FILENO) < 0)
        exit(2);
    setbuf(report, NULL);
    fclose(file);
}

static int passes(void (*body)(void))
{
    struct stat output;
    pid_t child = fork();
    if (child != 0)
        return exits_with(child, 0);
    watch_output();
    int good = exits_with(start_process(body), 0);
    CHECK(fstat(STDERR_FILENO, &output) == 0 && output.st_size == 0);
    _exit(good && failed == 0 ? 0 : 1);
}

static int run_scenarios(void)
{
    int count = 0, bad = 0;
    for (; scenarios[count].name != NULL; count++) {
        int good = passes(scenarios[count].body);
        printf("%s %s\n", good ? "passed" : "FAILED", scenarios[count].name);
        fflush(stdout);
        bad += !good;
    }
    printf("%d passed, %d failed\n", count - bad, bad);
    return bad == 0 ? 0 : 1;
}

__attribute__((weak)) int run_with_arguments(int count, char **words)
{
    (void)count;
    fprintf(stderr, "%s takes no arguments\n", words[0]);
    return 2;
}

int main(int count, char **words)
{
    sigset_t none;
    /* A blocked signal would hide what the library does, and a blocked SIGALRM a hang. */
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    if (count > 1)
        return run_with_arguments(count, words);
    start_server(0);
    int status = run_scenarios();
    stop_server();
    return status;
}
