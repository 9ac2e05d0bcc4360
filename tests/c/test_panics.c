/*
 * A panic inside the library is a status, whatever code it comes from, and the host lives.
 * Runs with a library that was built to panic on demand, which is never shipped.
 */
#define _DEFAULT_SOURCE

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "host.h"
#include "kubepeers.h"
#include "process.h"
#include "provider.h"
#include "server.h"
#include "verbs.h"

/* As in src/panics.rs. Gives the place that was wanted before and that no code has come to. */
extern int32_t kubepeers_want_panic(int32_t place);
enum { NOWHERE, CALL, WATCHER, CONNECTION, REQUEST, LOOKUP, LOGIN, PLACES };

static char kubeconfig[] = "/tmp/kubepeers-test-XXXXXX";

static kubepeers_provider registered(void)
{
    kubepeers_provider provider = new_provider_of(kubeconfig);
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    return provider;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

/* Objects of every kind, for the calls that want one. */
static struct {
    kubepeers_config *config;
    kubepeers_provider provider, closed;
    kubepeers_peers *peers;
    kubepeers_health *health;
    kubepeers_error *error;
} have;

static kubepeers_status panic_in_config_set(kubepeers_provider provider, kubepeers_error **error)
{
    (void)provider;
    return kubepeers_config_set(have.config, "namespace", "other", error);
}

static kubepeers_status panic_in_init(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_provider fresh = 0;
    (void)provider;
    kubepeers_status status = kubepeers_init(have.config, &fresh, error);
    CHECK(fresh == 0);
    return status;
}

static kubepeers_status panic_in_copy_addresses(kubepeers_provider provider, kubepeers_error **error)
{
    size_t length = 0;
    uint64_t generation = 0;
    return kubepeers_copy_addresses(provider, 0, 0, NULL, 0, &length, &generation, error);
}

static kubepeers_status panic_in_change_fd(kubepeers_provider provider, kubepeers_error **error)
{
    int fd = -1;
    kubepeers_status status = kubepeers_change_fd(provider, &fd, error);
    CHECK(fd == -1);
    return status;
}

static kubepeers_status panic_in_log_next(kubepeers_provider provider, kubepeers_error **error)
{
    char *message = NULL;
    return kubepeers_log_next(provider, NULL, NULL, &message, error);
}

/* One whose call panics, and that is well afterwards. */
static void is_internal(const char *name, verb *call)
{
    kubepeers_error *error = NULL;
    kubepeers_want_panic(CALL);
    CHECK_STATUS(call(have.provider, &error), KUBEPEERS_INTERNAL);
    CHECK(kubepeers_want_panic(NOWHERE) == NOWHERE);
    CHECK_STATUS(kubepeers_error_status(error), KUBEPEERS_INTERNAL);
    CHECK(strstr(kubepeers_error_message(error), "internally") != NULL);
    CHECK(kubepeers_error_is_retryable(error) == 0);
    kubepeers_error_free(error);
    kubepeers_want_panic(CALL);
    CHECK_STATUS(call(have.provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_STATUS(call_discover(have.provider, NULL), KUBEPEERS_OK);
    printf("%s\n", name);
}

#define IS_INTERNAL(name, call) is_internal("kubepeers_" name, call)

static void verbs_that_panic(void)
{
    IS_INTERNAL("config_set", panic_in_config_set);
    IS_INTERNAL("init", panic_in_init);
    IS_INTERNAL("register", call_register);
    IS_INTERNAL("discover_peers", call_discover);
    IS_INTERNAL("get_self", call_get_self);
    IS_INTERNAL("copy_addresses", panic_in_copy_addresses);
    IS_INTERNAL("change_fd", panic_in_change_fd);
    IS_INTERNAL("log_next", panic_in_log_next);
    IS_INTERNAL("wait", call_wait);
    IS_INTERNAL("wait_for_peers", call_wait_for_peers);
    IS_INTERNAL("refresh", call_refresh);
    IS_INTERNAL("get_health", call_health);
    IS_INTERNAL("explain", call_explain);
    IS_INTERNAL("metrics", call_metrics);
    IS_INTERNAL("deregister", kubepeers_deregister);
    IS_INTERNAL("close", kubepeers_close);
}

/* A call without a status, which gives what it gives for nothing. What is lost is memory. */
#define GIVES_NOTHING(name, expression)                                                                                \
    do {                                                                                                               \
        kubepeers_want_panic(CALL);                                                                                    \
        CHECK(expression);                                                                                             \
        CHECK(kubepeers_want_panic(NOWHERE) == NOWHERE);                                                               \
        printf("kubepeers_%s\n", name);                                                                                \
    } while (0)

static void others_that_panic(void)
{
    char *text = NULL;
    CHECK_STATUS(kubepeers_metrics(have.provider, &text, NULL), KUBEPEERS_OK);
    GIVES_NOTHING("config_new", kubepeers_config_new() == NULL);
    GIVES_NOTHING("peers_address", kubepeers_peers_address(have.peers, 0) == NULL);
    GIVES_NOTHING("peers_host", kubepeers_peers_host(have.peers, 0) == NULL);
    GIVES_NOTHING("peers_name", kubepeers_peers_name(have.peers, 0) == NULL);
    GIVES_NOTHING("peers_uid", kubepeers_peers_uid(have.peers, 0) == NULL);
    GIVES_NOTHING("peers_node_name", kubepeers_peers_node_name(have.peers, 0) == NULL);
    GIVES_NOTHING("peers_revision", kubepeers_peers_revision(have.peers, 0) == NULL);
    GIVES_NOTHING("config_free", (kubepeers_config_free(have.config), 1));
    GIVES_NOTHING("peers_free", (kubepeers_peers_free(have.peers), 1));
    GIVES_NOTHING("health_free", (kubepeers_health_free(have.health), 1));
    GIVES_NOTHING("error_free", (kubepeers_error_free(have.error), 1));
    GIVES_NOTHING("text_free", (kubepeers_text_free(text), 1));
}

/* These read a field of what they are given, or a constant: there is nothing in them that could panic. */
#define CANNOT(name, expression)                                                                                       \
    do {                                                                                                               \
        kubepeers_want_panic(CALL);                                                                                    \
        CHECK(expression);                                                                                             \
        CHECK(kubepeers_want_panic(NOWHERE) == CALL);                                                                  \
        printf("kubepeers_%s\n", name);                                                                                \
    } while (0)

static void others_that_cannot(void)
{
    CANNOT("id", kubepeers_id() != NULL);
    CANNOT("version", kubepeers_version() != NULL);
    CANNOT("version_number", kubepeers_version_number() != 0);
    CANNOT("status_name", kubepeers_status_name(KUBEPEERS_OK) != NULL);
    CANNOT("generation", kubepeers_generation(have.provider) == 1);
    CANNOT("peers_len", kubepeers_peers_len(have.peers) == 2);
    CANNOT("peers_generation", kubepeers_peers_generation(have.peers) == 1);
    CANNOT("peers_discovery_port", kubepeers_peers_discovery_port(have.peers, 0) == 1);
    CANNOT("peers_remoting_port", kubepeers_peers_remoting_port(have.peers, 0) == 2);
    CANNOT("peers_peers_port", kubepeers_peers_peers_port(have.peers, 0) == 65535);
    CANNOT("peers_is_ready", kubepeers_peers_is_ready(have.peers, 0) == 1);
    CANNOT("health_age_ms", kubepeers_health_age_ms(have.health) >= 0);
    CANNOT("health_is_stale", kubepeers_health_is_stale(have.health) == 0);
    CANNOT("health_is_watching", kubepeers_health_is_watching(have.health) >= 0);
    CANNOT("health_is_polling", kubepeers_health_is_polling(have.health) == 0);
    CANNOT("health_error", kubepeers_health_error(have.health) == NULL);
    CANNOT("health_error_class", kubepeers_health_error_class(have.health) != NULL);
    CANNOT("error_status", kubepeers_error_status(have.error) == KUBEPEERS_ALREADY_REGISTERED);
    CANNOT("error_message", kubepeers_error_message(have.error) != NULL);
    CANNOT("error_manifest", kubepeers_error_manifest(have.error) == NULL);
    CANNOT("error_is_retryable", kubepeers_error_is_retryable(have.error) == 0);
    CANNOT("error_http_status", kubepeers_error_http_status(have.error) == 0);
}

/* Prints each export that it has tried: tests/panics compares that with what the library exports. */
static void try_every_export(void)
{
    have.config = new_config_of(kubeconfig);
    have.provider = registered();
    CHECK_STATUS(kubepeers_discover_peers(have.provider, A_MINUTE, &have.peers, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_get_health(have.provider, &have.health, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(have.provider, 0, &have.error), KUBEPEERS_ALREADY_REGISTERED);
    verbs_that_panic();
    others_that_cannot();
    others_that_panic();
    CHECK_STATUS(kubepeers_close(have.provider, NULL), KUBEPEERS_OK);
}

/* --- tasks -------------------------------------------------------------------------------------------------------- */

static int place;

static void has_failed(kubepeers_provider provider)
{
    kubepeers_error *error = NULL;
    CHECK_STATUS(call_wait(provider, &error), KUBEPEERS_INTERNAL);
    CHECK(strstr(kubepeers_error_message(error), "internally") != NULL);
    CHECK(kubepeers_error_is_retryable(error) == 0);
    kubepeers_error_free(error);
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_STATUS(call_wait_for_peers(provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_STATUS(call_refresh(provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_STATUS(call_health(provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_STATUS(call_explain(provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_STATUS(call_metrics(provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_STATUS(call_register(provider, NULL), KUBEPEERS_ALREADY_REGISTERED);
    CHECK(kubepeers_generation(provider) == 0);
}

static void is_well(kubepeers_provider provider)
{
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* Register tells it, leaves nothing behind, and may be called again. */
static void panic_at_the_first_list(void)
{
    kubepeers_provider provider = new_provider_of(kubeconfig);
    kubepeers_want_panic(place);
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_INTERNAL);
    CHECK(kubepeers_want_panic(NOWHERE) == NOWHERE);
    CHECK(eventually(is_alone));
    CHECK_STATUS(call_discover(provider, NULL), KUBEPEERS_NOT_REGISTERED);
    is_well(provider);
    /* What still looks a name up for nobody would be what panics next. */
    CHECK(eventually(is_alone));
}

static void *wait_for_an_hour(void *provider)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    CHECK_STATUS(kubepeers_wait(*(kubepeers_provider *)provider, 1, AN_HOUR, &peers, NULL), KUBEPEERS_INTERNAL);
    CHECK(peers == UNTOUCHED_PEERS);
    return NULL;
}

static kubepeers_provider watcher;

static int is_watching(void)
{
    return metrics_have(watcher, "\nkubepeers_watching{namespace=\"default\",selector=\"app=test\"} 1\n");
}

/* Whoever waits is told, and everybody from then on, until deregister or close. */
static void panic_later(void)
{
    kubepeers_provider provider = watcher = registered();
    pthread_t waiter;
    /* Before that it may be the watch's, which gives way to the list: nobody hears of its panic. */
    if (place == LOOKUP)
        CHECK(eventually(is_watching));
    CHECK(pthread_create(&waiter, NULL, wait_for_an_hour, &provider) == 0);
    kubepeers_want_panic(place);
    CHECK_STATUS(kubepeers_refresh(provider, NULL, A_MINUTE, NULL), KUBEPEERS_INTERNAL);
    CHECK(kubepeers_want_panic(NOWHERE) == NOWHERE);
    CHECK(pthread_join(waiter, NULL) == 0);
    has_failed(provider);
    is_well(new_provider_of(kubeconfig));
    CHECK_STATUS(kubepeers_deregister(provider, NULL), KUBEPEERS_OK);
    is_well(provider);
    CHECK(eventually(is_alone));
}

static void in_every_place(void (*test)(void), int from, int to)
{
    enum { TIMES = 20 };
    for (place = from; place <= to; place++)
        for (int i = 0; i < TIMES; i++)
            test();
}

static void test_a_panic_at_the_first_list(void)
{
    in_every_place(panic_at_the_first_list, WATCHER, LOGIN);
}

static void test_a_panic_later(void)
{
    in_every_place(panic_later, WATCHER, LOOKUP);
}

/* In a library that was built so. It is what shows that the other tests that run with it run without a panic. */
static void test_a_panic_aborts(void)
{
    int ended = -1;
    pid_t child = fork();
    if (child == 0) {
        kubepeers_want_panic(CALL);
        kubepeers_config_free(kubepeers_config_new());
        _exit(0);
    }
    CHECK(waitpid(child, &ended, 0) == child && WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT);
}

int main(int argc, char **argv)
{
    int port;
    const pid_t server = serve(loopback_socket(&port), answer_request);
    write_kubeconfig(kubeconfig, "http://localhost", port);
    if (argc == 2 && strcmp(argv[1], "--exports") == 0) {
        try_every_export();
    } else if (argc == 2 && strcmp(argv[1], "--abort") == 0) {
        RUN(test_a_panic_aborts);
    } else {
        RUN(test_a_panic_at_the_first_list);
        RUN(test_a_panic_later);
        printf("%d passed, %d failed\n", passed, failed);
    }
    kill(server, SIGKILL);
    unlink(kubeconfig);
    return failed == 0 ? 0 : 1;
}
