/*
 * What a process may have comes to its end: descriptors, threads, memory. That is a status, and what there is again later is
 * enough to go on with.
 */
#define _DEFAULT_SOURCE

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "host.h"
#include "kubepeers.h"
#include "process.h"
#include "provider.h"
#include "server.h"
#include "verbs.h"

enum { ENOUGH = 12 };
static int spare, refusals;

/* The server is known by name, so that there is a second thread. */
static char kubeconfig[] = "/tmp/kubepeers-test-XXXXXX";

/* Gives what was the limit before. The hard limit stays. */
static rlim_t limit(int resource, rlim_t amount)
{
    struct rlimit now;
    CHECK(getrlimit(resource, &now) == 0);
    rlim_t before = now.rlim_cur;
    now.rlim_cur = amount;
    CHECK(setrlimit(resource, &now) == 0);
    return before;
}

/* It told that something is missing, or found that it was enough. Which of the two is known by who is left to finish. */
static int registers(kubepeers_provider provider, int32_t timeout_ms)
{
    kubepeers_error *error = NULL;
    kubepeers_status status = kubepeers_register(provider, timeout_ms, &error);
    CHECK(status == KUBEPEERS_OK || status == KUBEPEERS_NO_RESOURCES);
    CHECK(status == KUBEPEERS_OK || kubepeers_error_is_retryable(error) == 1);
    kubepeers_error_free(error);
    return status == KUBEPEERS_OK;
}

static void goes_on(kubepeers_provider provider, int is_registered)
{
    kubepeers_peers *peers = NULL;
    if (!is_registered)
        CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_discover_peers(provider, A_MINUTE, &peers, NULL), KUBEPEERS_OK);
    CHECK(kubepeers_peers_len(peers) == 2);
    kubepeers_peers_free(peers);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK(eventually(is_alone));
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */


static void register_with_few_descriptors(void)
{
    kubepeers_provider provider = new_provider_of(kubeconfig);
    rlim_t before = limit(RLIMIT_NOFILE, (rlim_t)(count_descriptors() + spare));
    int is_registered = registers(provider, 300);
    limit(RLIMIT_NOFILE, before);
    goes_on(provider, is_registered);
    exit(failed != 0 ? 1 : is_registered ? 0 : 3);
}

/* With none to spare, then with one, and so on: it runs out of them at every step. */
static void test_no_descriptors(void)
{
    for (spare = 0; spare <= ENOUGH; spare++) {
        int ended = -1;
        pid_t child = start(register_with_few_descriptors);
        CHECK(waitpid(child, &ended, 0) == child && WIFEXITED(ended));
        CHECK(WEXITSTATUS(ended) == 0 || WEXITSTATUS(ended) == 3);
        refusals += WEXITSTATUS(ended) == 3;
    }
    CHECK(refusals > 0 && refusals < ENOUGH);
}

static kubepeers_provider watching;

static int lacks_resources(void)
{
    kubepeers_health *health = NULL;
    CHECK_STATUS(kubepeers_refresh(watching, NULL, 0, NULL), KUBEPEERS_STALE);
    CHECK_STATUS(kubepeers_get_health(watching, &health, NULL), KUBEPEERS_OK);
    int lacks = strcmp(kubepeers_health_error_class(health), "resources") == 0;
    CHECK(!lacks || kubepeers_error_status(kubepeers_health_error(health)) == KUBEPEERS_NO_RESOURCES);
    kubepeers_health_free(health);
    return lacks;
}

/* What is known stays known, and health tells what is missing. */
static void test_no_descriptors_later(void)
{
    watching = new_provider_of(kubeconfig);
    CHECK(registers(watching, A_MINUTE));
    rlim_t before = limit(RLIMIT_NOFILE, 3);
    CHECK(eventually(lacks_resources));
    CHECK_STATUS(call_discover(watching, NULL), KUBEPEERS_OK);
    limit(RLIMIT_NOFILE, before);
    CHECK_STATUS(kubepeers_refresh(watching, NULL, A_MINUTE, NULL), KUBEPEERS_OK);
    goes_on(watching, 1);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

/* The limit is that of a user, and root has none. */
static void be_a_user(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() != 0)
        return;
    CHECK(chown(kubeconfig, NOBODY, NOBODY) == 0);
    CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

static void test_no_threads(void)
{
    be_a_user();
    kubepeers_provider provider = new_provider_of(kubeconfig);
    rlim_t before = limit(RLIMIT_NPROC, 0);
    for (int i = 0; i < 10; i++)
        CHECK(!registers(provider, A_MINUTE));
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_NOT_REGISTERED);
    limit(RLIMIT_NPROC, before);
    goes_on(provider, 0);
}

/* The one that looks names up stays for a while, should there be more to do. */
static int has_one_thread(void)
{
    return other_threads().count == 1;
}

/* The watcher's thread is there, the one that looks names up cannot be had. */
static void test_no_threads_later(void)
{
    be_a_user();
    watching = new_provider_of(kubeconfig);
    CHECK(registers(watching, A_MINUTE));
    CHECK(eventually(has_one_thread));
    rlim_t before = limit(RLIMIT_NPROC, 0);
    CHECK(eventually(lacks_resources));
    CHECK_STATUS(call_discover(watching, NULL), KUBEPEERS_OK);
    limit(RLIMIT_NPROC, before);
    CHECK_STATUS(kubepeers_refresh(watching, NULL, A_MINUTE, NULL), KUBEPEERS_OK);
    goes_on(watching, 1);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* The kernel makes the stack longer as it is used: that takes memory too. */
static void have_a_long_stack(void)
{
    volatile char used[1 << 20];
    for (size_t i = 0; i < sizeof used; i += 1024)
        used[i] = 1;
}

/* Nothing more can be mapped from now on; malloc has some megabytes left. */
static rlim_t map_nothing_more(void)
{
    unsigned long pages = 0;
    CHECK(mallopt(M_TOP_PAD, 32 << 20) == 1 && mallopt(M_MMAP_THRESHOLD, 16 << 20) == 1);
    have_a_long_stack();
    void *some = malloc(1 << 20);
    CHECK(some != NULL);
    free(some);
    FILE *memory = fopen("/proc/self/statm", "r");
    CHECK(memory != NULL && fscanf(memory, "%lu", &pages) == 1);
    fclose(memory);
    return limit(RLIMIT_AS, (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE));
}

static void test_no_memory_for_a_thread(void)
{
    kubepeers_provider provider = new_provider_of(kubeconfig);
    rlim_t before = map_nothing_more();
    for (int i = 0; i < 10; i++)
        CHECK(!registers(provider, A_MINUTE));
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_NOT_REGISTERED);
    limit(RLIMIT_AS, before);
    goes_on(provider, 0);
}

/* As long as malloc finds some, the watcher goes on. */
static void test_no_memory_to_map_later(void)
{
    watching = new_provider_of(kubeconfig);
    CHECK(registers(watching, A_MINUTE));
    rlim_t before = map_nothing_more();
    for (int i = 0; i < 100; i++) {
        kubepeers_refresh(watching, NULL, 10, NULL);
        CHECK_STATUS(call_discover(watching, NULL), KUBEPEERS_OK);
        CHECK_STATUS(call_explain(watching, NULL), KUBEPEERS_OK);
        CHECK_STATUS(call_metrics(watching, NULL), KUBEPEERS_OK);
    }
    limit(RLIMIT_AS, before);
    CHECK_STATUS(kubepeers_refresh(watching, NULL, A_MINUTE, NULL), KUBEPEERS_OK);
    goes_on(watching, 1);
}

int main(void)
{
    int port;
    const pid_t server = serve(loopback_socket(&port), answer_request);
    write_kubeconfig(kubeconfig, "http://localhost", port);
    RUN(test_no_descriptors);
    RUN(test_no_descriptors_later);
    RUN(test_no_threads);
    RUN(test_no_threads_later);
    RUN(test_no_memory_for_a_thread);
    RUN(test_no_memory_to_map_later);
    kill(server, SIGKILL);
    unlink(kubeconfig);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
