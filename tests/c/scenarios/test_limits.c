/* No descriptors, threads or memory are left: that is a status, and the provider recovers. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "scenario.h"
#include "verbs.h"

/* Returns the limit before. The hard limit stays. */
static rlim_t limit(int resource, rlim_t amount)
{
    struct rlimit now;
    CHECK(getrlimit(resource, &now) == 0);
    rlim_t before = now.rlim_cur;
    now.rlim_cur = amount;
    CHECK(setrlimit(resource, &now) == 0);
    return before;
}

/* Returns whether there was enough. If not, the status says so. */
static int registers(kubepeers_provider provider, int32_t timeout_ms)
{
    kubepeers_error *error = NULL;
    kubepeers_status status = kubepeers_register(provider, timeout_ms, &error);
    CHECK(status == KUBEPEERS_OK || status == KUBEPEERS_NO_RESOURCES);
    CHECK(status == KUBEPEERS_OK || kubepeers_error_is_retryable(error) == 1);
    kubepeers_error_free(error);
    return status == KUBEPEERS_OK;
}

static void recovers(kubepeers_provider provider, int is_registered)
{
    kubepeers_peers *peers = NULL;
    if (!is_registered)
        CHECK_OK(kubepeers_register(provider, A_MINUTE, NULL));
    CHECK_OK(kubepeers_discover_peers(provider, A_MINUTE, &peers, NULL));
    CHECK(kubepeers_peers_len(peers) == 4);
    kubepeers_peers_free(peers);
    close_provider(provider);
    CHECK(eventually(is_alone));
}

static void register_fails_and_recovers(int resource, rlim_t before)
{
    kubepeers_provider provider = new_provider(NAMED);
    for (int i = 0; i < 10; i++)
        CHECK(!registers(provider, A_MINUTE));
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_NOT_REGISTERED);
    limit(resource, before);
    recovers(provider, 0);
}

static kubepeers_provider watching;

static int lacks_resources(void)
{
    kubepeers_health *health = NULL;
    CHECK_STATUS(call_refresh(watching, NULL), KUBEPEERS_STALE);
    CHECK_OK(kubepeers_get_health(watching, &health, NULL));
    int lacks = strcmp(kubepeers_health_error_class(health), "resources") == 0;
    CHECK(!lacks
          || kubepeers_error_status(kubepeers_health_error(health)) == KUBEPEERS_NO_RESOURCES);
    kubepeers_health_free(health);
    return lacks;
}

static void refresh_recovers(int resource, rlim_t before)
{
    limit(resource, before);
    CHECK_OK(kubepeers_refresh(watching, NULL, A_MINUTE, NULL));
    recovers(watching, 1);
}

/* The last result is kept, and health reports what is missing. */
static void watcher_fails_and_recovers(int resource, rlim_t amount)
{
    rlim_t before = limit(resource, amount);
    CHECK(eventually(lacks_resources));
    CHECK_OK(call_discover(watching, NULL));
    refresh_recovers(resource, before);
}

/* --- descriptors --- */

enum { ENOUGH = 12 };
static int spare;

static void register_with_few_descriptors(void)
{
    kubepeers_provider provider = new_provider(NAMED);
    rlim_t before = limit(RLIMIT_NOFILE, (rlim_t)(count_descriptors() + spare));
    int is_registered = registers(provider, 300);
    limit(RLIMIT_NOFILE, before);
    recovers(provider, is_registered);
    exit(checks_failed() != 0 ? 1 : is_registered ? 0 : 3);
}

/* With none to spare, with one, and so on, so that they run out at every step. */
static void no_descriptors_for_register(void)
{
    int refusals = 0;
    for (spare = 0; spare <= ENOUGH; spare++) {
        int ended = -1;
        pid_t child = start_process(register_with_few_descriptors);
        CHECK(waitpid(child, &ended, 0) == child && WIFEXITED(ended));
        CHECK(WEXITSTATUS(ended) == 0 || WEXITSTATUS(ended) == 3);
        refusals += WEXITSTATUS(ended) == 3;
    }
    CHECK(refusals > 0 && refusals < ENOUGH);
}

static void no_descriptors_for_change_fd(void)
{
    kubepeers_provider provider = new_provider(REFUSING);
    rlim_t before = limit(RLIMIT_NOFILE, 3);
    CHECK_STATUS(kubepeers_change_fd(provider, &(int){0}, NULL), KUBEPEERS_NO_RESOURCES);
    limit(RLIMIT_NOFILE, before);
    close_provider(provider);
}

static void no_descriptors_later(void)
{
    watching = registered_provider(NAMED, A_MINUTE);
    watcher_fails_and_recovers(RLIMIT_NOFILE, 3);
}

/* --- threads --- */

/* The limit is that of a user, and root has none. */
static void drop_root(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() == 0)
        CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

static void no_threads_for_register(void)
{
    drop_root();
    register_fails_and_recovers(RLIMIT_NPROC, limit(RLIMIT_NPROC, 0));
}

static int has_one_thread(void)
{
    return other_threads().count == 1;
}

/* The watcher runs, but cannot have a thread to resolve names. The first one has to end before. */
static void no_threads_later(void)
{
    drop_root();
    watching = registered_provider(NAMED, A_MINUTE);
    CHECK(eventually(has_one_thread));
    watcher_fails_and_recovers(RLIMIT_NPROC, 0);
}

/* --- memory --- */

/* The kernel grows the stack as it is used, which takes memory, too. */
static void grow_stack(void)
{
    volatile char used[1 << 20];
    for (size_t i = 0; i < sizeof used; i += 1024)
        used[i] = 1;
}

/* From now on nothing can be mapped. malloc() has some megabytes left. */
static rlim_t map_no_more(void)
{
    unsigned long pages = 0;
    CHECK(mallopt(M_TOP_PAD, 32 << 20) == 1 && mallopt(M_MMAP_THRESHOLD, 16 << 20) == 1);
    grow_stack();
    void *some = malloc(1 << 20);
    CHECK(some != NULL);
    free(some);
    FILE *memory = fopen("/proc/self/statm", "r");
    CHECK(memory != NULL && fscanf(memory, "%lu", &pages) == 1);
    fclose(memory);
    return limit(RLIMIT_AS, (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE));
}

static void no_memory_for_a_thread(void)
{
    register_fails_and_recovers(RLIMIT_AS, map_no_more());
}

/* The watcher goes on as long as malloc() has memory. */
static void no_memory_to_map_later(void)
{
    watching = registered_provider(NAMED, A_MINUTE);
    rlim_t before = map_no_more();
    for (int i = 0; i < 100; i++) {
        kubepeers_refresh(watching, NULL, 10, NULL);
        CHECK_OK(call_discover(watching, NULL));
        CHECK_OK(call_explain(watching, NULL));
        CHECK_OK(call_metrics(watching, NULL));
    }
    refresh_recovers(RLIMIT_AS, before);
}

const struct scenario scenarios[] = {
    SCENARIO(no_descriptors_for_register),
    SCENARIO(no_descriptors_for_change_fd),
    SCENARIO(no_descriptors_later),
    SCENARIO(no_threads_for_register),
    SCENARIO(no_threads_later),
    SCENARIO(no_memory_for_a_thread),
    SCENARIO(no_memory_to_map_later),
    {NULL, NULL},
};
