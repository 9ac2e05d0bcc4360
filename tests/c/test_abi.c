/*
 * What only C can do to the library: NULL, bytes that are not UTF-8, forged handles, many threads.
 * Needs no cluster: server.h has what stands for an API server.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "kubepeers.h"
#include "provider.h"
#include "server.h"
#include "verbs.h"

/* Of a server that refuses connections, and of one that knows two pods. */
static char refusing[] = "/tmp/kubepeers-test-XXXXXX";
static char answering[] = "/tmp/kubepeers-test-XXXXXX";

static kubepeers_config *new_config(void)
{
    return new_config_of(refusing);
}

static kubepeers_provider new_provider(void)
{
    return new_provider_of(refusing);
}

static void test_versions(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", KUBEPEERS_VERSION_MAJOR, KUBEPEERS_VERSION_MINOR, KUBEPEERS_VERSION_PATCH);
    CHECK(strcmp(kubepeers_version(), text) == 0);
    CHECK(kubepeers_version_number() == KUBEPEERS_VERSION_NUMBER);
    CHECK(strcmp(kubepeers_id(), "kubernetes") == 0);
}

static void test_status_names(void)
{
#define NAME(name) CHECK(strcmp(kubepeers_status_name(KUBEPEERS_##name), #name) == 0)
    NAME(OK);
    NAME(INVALID_ARGUMENT);
    NAME(INVALID_UTF8);
    NAME(UNKNOWN_KEY);
    NAME(INVALID_CONFIG);
    NAME(INVALID_HANDLE);
    NAME(CLOSED);
    NAME(FORKED);
    NAME(ALREADY_INITIALIZED);
    NAME(NOT_INITIALIZED);
    NAME(ALREADY_REGISTERED);
    NAME(NOT_REGISTERED);
    NAME(NOT_SYNCED);
    NAME(SELF_NOT_VISIBLE);
    NAME(SELF_EXCLUDED);
    NAME(TIMEOUT);
    NAME(NOT_IN_CLUSTER);
    NAME(NO_CREDENTIALS);
    NAME(NO_IDENTITY);
    NAME(TLS);
    NAME(UNAUTHORIZED);
    NAME(FORBIDDEN);
    NAME(NO_RESOURCES);
    NAME(UNAVAILABLE);
    NAME(STALE);
    NAME(INTERNAL);
#undef NAME
    const kubepeers_status unknown[] = {1, -26, -98, -100, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        CHECK(strcmp(kubepeers_status_name(unknown[i]), "UNKNOWN") == 0);
}

static void has_nothing_at(const kubepeers_peers *peers, size_t index)
{
    CHECK(kubepeers_peers_address(peers, index) == NULL);
    CHECK(kubepeers_peers_host(peers, index) == NULL);
    CHECK(kubepeers_peers_name(peers, index) == NULL);
    CHECK(kubepeers_peers_uid(peers, index) == NULL);
    CHECK(kubepeers_peers_node_name(peers, index) == NULL);
    CHECK(kubepeers_peers_revision(peers, index) == NULL);
    CHECK(kubepeers_peers_discovery_port(peers, index) == 0);
    CHECK(kubepeers_peers_remoting_port(peers, index) == 0);
    CHECK(kubepeers_peers_peers_port(peers, index) == 0);
    CHECK(kubepeers_peers_is_ready(peers, index) == 0);
}

static void test_null_objects(void)
{
    CHECK(kubepeers_peers_len(NULL) == 0);
    CHECK(kubepeers_peers_generation(NULL) == 0);
    has_nothing_at(NULL, 0);
    CHECK(kubepeers_health_age_ms(NULL) == -1);
    CHECK(kubepeers_health_is_stale(NULL) == 1);
    CHECK(kubepeers_health_is_polling(NULL) == 0);
    CHECK(kubepeers_health_error(NULL) == NULL);
    CHECK(strcmp(kubepeers_health_error_class(NULL), "") == 0);
    CHECK_STATUS(kubepeers_error_status(NULL), KUBEPEERS_OK);
    CHECK(strcmp(kubepeers_error_message(NULL), "") == 0);
    CHECK(kubepeers_error_is_retryable(NULL) == 0);
    CHECK(kubepeers_error_http_status(NULL) == 0);
    kubepeers_config_free(NULL);
    kubepeers_peers_free(NULL);
    kubepeers_health_free(NULL);
    kubepeers_text_free(NULL);
    kubepeers_error_free(NULL);
}

/* The call gave INVALID_ARGUMENT, and its error, if it was asked for one, names the parameter. */
static void is_invalid(kubepeers_status status, kubepeers_error **error, const char *parameter)
{
    CHECK_STATUS(status, KUBEPEERS_INVALID_ARGUMENT);
    if (error == NULL)
        return;
    CHECK_STATUS(kubepeers_error_status(*error), status);
    CHECK(strstr(kubepeers_error_message(*error), parameter) != NULL);
    kubepeers_error_free(*error);
    *error = NULL;
}

static void test_null_parameters(void)
{
    kubepeers_config *config = new_config();
    kubepeers_provider provider = 0, live = new_provider();
    kubepeers_error *error = NULL;
    /* Once with an error object, once without. */
    for (int i = 0; i < 2; i++) {
        kubepeers_error **out = i == 0 ? &error : NULL;
        is_invalid(kubepeers_config_set(NULL, "namespace", "x", out), out, "`config`");
        is_invalid(kubepeers_config_set(config, NULL, "x", out), out, "`key`");
        is_invalid(kubepeers_config_set(config, "namespace", NULL, out), out, "`value`");
        is_invalid(kubepeers_init(NULL, &provider, out), out, "`config`");
        is_invalid(kubepeers_init(config, NULL, out), out, "`provider`");
        is_invalid(kubepeers_discover_peers(live, 0, NULL, out), out, "`peers`");
        is_invalid(kubepeers_wait(live, 0, 0, NULL, out), out, "`peers`");
        is_invalid(kubepeers_wait_for_peers(live, 0, 0, 0, NULL, out), out, "`peers`");
        is_invalid(kubepeers_get_health(live, NULL, out), out, "`health`");
        is_invalid(kubepeers_explain(live, KUBEPEERS_EXPLAIN_JSON, NULL, out), out, "`text`");
        is_invalid(kubepeers_metrics(live, NULL, out), out, "`text`");
    }
    CHECK(provider == 0);
    CHECK_STATUS(kubepeers_close(live, NULL), KUBEPEERS_OK);
    kubepeers_config_free(config);
}

static void test_numbers_out_of_range(void)
{
    const int32_t no_forms[] = {0, 3, -1, INT32_MAX, INT32_MIN}, no_times[] = {-1, INT32_MIN};
    kubepeers_provider provider = new_provider();
    kubepeers_error *error = NULL;
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_OK);
    for (size_t i = 0; i < sizeof no_forms / sizeof *no_forms; i++) {
        char *text = UNTOUCHED_TEXT;
        is_invalid(kubepeers_explain(provider, no_forms[i], &text, &error), &error, "`form`");
        is_invalid(kubepeers_explain(provider, no_forms[i], &text, NULL), NULL, "");
        CHECK(text == UNTOUCHED_TEXT);
    }
    for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++) {
        kubepeers_peers *peers = UNTOUCHED_PEERS;
        is_invalid(kubepeers_wait_for_peers(provider, 0, no_times[i], 0, &peers, &error), &error, "`stable_for_ms`");
        CHECK(peers == UNTOUCHED_PEERS);
    }
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

static void test_not_utf8(void)
{
    kubepeers_config *config = new_config();
    const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kubepeers_error *error = NULL;
        CHECK_STATUS(kubepeers_config_set(config, bad[i], "x", &error), KUBEPEERS_INVALID_UTF8);
        CHECK(strstr(kubepeers_error_message(error), "`key`") != NULL);
        kubepeers_error_free(error);
        CHECK_STATUS(kubepeers_config_set(config, "namespace", bad[i], &error), KUBEPEERS_INVALID_UTF8);
        CHECK(strstr(kubepeers_error_message(error), "`namespace`") != NULL);
        kubepeers_error_free(error);
    }
    kubepeers_config_free(config);
}

static void test_handles(void)
{
    every_verb_but_close_gives(0, KUBEPEERS_NOT_INITIALIZED);
    CHECK(kubepeers_generation(0) == 0);
    CHECK_STATUS(kubepeers_close(0, NULL), KUBEPEERS_OK);
    kubepeers_provider provider = new_provider();
    const kubepeers_provider forged[] = {1,  42, UINT64_MAX, (kubepeers_provider)1 << 63, provider + 1,
                                         provider + ((kubepeers_provider)1 << 24), provider ^ ((kubepeers_provider)1 << 40)};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        every_verb_gives(forged[i], KUBEPEERS_INVALID_HANDLE);
        CHECK(kubepeers_generation(forged[i]) == 0);
    }

    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    /* Stale for ever, also when another provider has come into its place. */
    for (int i = 0; i < 3; i++) {
        every_verb_but_close_gives(provider, KUBEPEERS_CLOSED);
        CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
        kubepeers_provider next = new_provider();
        CHECK(next != provider);
        CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
        CHECK_STATUS(call_discover(next, NULL), KUBEPEERS_NOT_REGISTERED);
        CHECK_STATUS(kubepeers_close(next, NULL), KUBEPEERS_OK);
    }
}

static void test_out_parameters(void)
{
    kubepeers_config *config = new_config(), *incomplete = kubepeers_config_new();
    kubepeers_error *error = UNTOUCHED_ERROR;

    /* Errors are written on failure only … */
    kubepeers_provider provider = 0;
    CHECK_STATUS(kubepeers_config_set(config, "namespace", "other", &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_init(config, &provider, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(provider, 0, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_deregister(provider, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(provider, &error), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(provider, &error), KUBEPEERS_OK);
    CHECK(error == UNTOUCHED_ERROR);

    /* … and results on success only. `*provider` here is closed, so init may use it. */
    const kubepeers_provider closed = provider;
    CHECK_STATUS(kubepeers_init(incomplete, &provider, &error), KUBEPEERS_INVALID_CONFIG);
    CHECK(provider == closed);
    CHECK(error != UNTOUCHED_ERROR);
    CHECK_STATUS(kubepeers_error_status(error), KUBEPEERS_INVALID_CONFIG);
    CHECK(kubepeers_error_http_status(error) == 0 && kubepeers_error_is_retryable(error) == 0);
    kubepeers_error_free(error);
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_OK);
    CHECK(provider != closed);

    /* A live provider is not lost by a second init. */
    const kubepeers_provider live = provider;
    CHECK_STATUS(kubepeers_init(config, &provider, NULL), KUBEPEERS_ALREADY_INITIALIZED);
    CHECK(provider == live);
    CHECK_STATUS(call_discover(live, NULL), KUBEPEERS_NOT_REGISTERED);

    /* Providers do not need their configuration, nor errors their provider. */
    kubepeers_config_free(config);
    kubepeers_config_free(incomplete);
    CHECK_STATUS(kubepeers_deregister(live, &error), KUBEPEERS_NOT_REGISTERED);
    CHECK_STATUS(kubepeers_close(live, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_error_status(error), KUBEPEERS_NOT_REGISTERED);
    kubepeers_error_free(error);
}

static void test_retryable(void)
{
    kubepeers_provider provider = new_provider();
    kubepeers_error *error = NULL;
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_register(provider, 0, NULL), KUBEPEERS_ALREADY_REGISTERED);
    CHECK_STATUS(call_discover(provider, &error), KUBEPEERS_NOT_SYNCED);
    CHECK(kubepeers_error_is_retryable(error) == 1);
    kubepeers_error_free(error);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
}

/* All that is told of the first of the two pods, and what the second one lacks. */
static void are_the_two_pods(const kubepeers_peers *peers)
{
    CHECK(kubepeers_peers_len(peers) == 2);
    CHECK(kubepeers_peers_generation(peers) == 1);
    CHECK(strcmp(kubepeers_peers_address(peers, 0), "10.0.0.2:1") == 0);
    CHECK(strcmp(kubepeers_peers_host(peers, 0), "10.0.0.2") == 0);
    CHECK(strcmp(kubepeers_peers_name(peers, 0), "a") == 0);
    CHECK(strcmp(kubepeers_peers_uid(peers, 0), "uid-a") == 0);
    CHECK(strcmp(kubepeers_peers_node_name(peers, 0), "n1") == 0);
    CHECK(strcmp(kubepeers_peers_revision(peers, 0), "r1") == 0);
    CHECK(kubepeers_peers_discovery_port(peers, 0) == 1);
    CHECK(kubepeers_peers_remoting_port(peers, 0) == 2);
    CHECK(kubepeers_peers_peers_port(peers, 0) == 65535);
    CHECK(kubepeers_peers_is_ready(peers, 0) == 1);

    CHECK(strcmp(kubepeers_peers_address(peers, 1), "[fd00::2]:1") == 0);
    CHECK(strcmp(kubepeers_peers_host(peers, 1), "fd00::2") == 0);
    CHECK(strcmp(kubepeers_peers_node_name(peers, 1), "") == 0);
    CHECK(strcmp(kubepeers_peers_revision(peers, 1), "") == 0);
    CHECK(kubepeers_peers_remoting_port(peers, 1) == 0);
    CHECK(kubepeers_peers_peers_port(peers, 1) == 0);
    CHECK(kubepeers_peers_is_ready(peers, 1) == 0);

    has_nothing_at(peers, 2);
    has_nothing_at(peers, SIZE_MAX);
    /* Texts of all peers are kept together: these would come back to some of them. */
    has_nothing_at(peers, SIZE_MAX / 5 + 1);
    has_nothing_at(peers, SIZE_MAX / 2 + 1);
}

/* Where this thread stands still in the call, a list may have come before it looks: so not each time. */
static int does_not_wait_for_fresh(kubepeers_provider provider)
{
    for (int i = 0; i < 10; i++)
        if (kubepeers_refresh(provider, NULL, 0, NULL) == KUBEPEERS_STALE)
            return 1;
    return 0;
}

static void test_lists(void)
{
    kubepeers_provider provider = new_provider_of(answering);
    kubepeers_peers *now = NULL, *settled = NULL;
    kubepeers_error *error = NULL;
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_discover_peers(provider, A_MINUTE, &now, NULL), KUBEPEERS_OK);
    are_the_two_pods(now);
    CHECK(kubepeers_generation(provider) == kubepeers_peers_generation(now));
    CHECK_STATUS(kubepeers_wait_for_peers(provider, 2, 1, A_MINUTE, &settled, NULL), KUBEPEERS_OK);
    are_the_two_pods(settled);
    CHECK_STATUS(kubepeers_wait_for_peers(provider, SIZE_MAX, 0, 0, &now, &error), KUBEPEERS_TIMEOUT);
    CHECK(kubepeers_error_is_retryable(error) == 1);
    kubepeers_error_free(error);
    CHECK_STATUS(kubepeers_refresh(provider, NULL, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK(does_not_wait_for_fresh(provider));
    /* A list needs neither its provider nor another list. */
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK(kubepeers_generation(provider) == 0);
    kubepeers_peers_free(settled);
    are_the_two_pods(now);
    kubepeers_peers_free(now);
}

static void test_texts(void)
{
    kubepeers_provider provider = new_provider_of(answering);
    char *json = NULL, *table = NULL, *metrics = NULL;
    CHECK_STATUS(kubepeers_register(provider, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_explain(provider, KUBEPEERS_EXPLAIN_JSON, &json, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_explain(provider, KUBEPEERS_EXPLAIN_TABLE, &table, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_metrics(provider, &metrics, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(provider, NULL), KUBEPEERS_OK);
    CHECK(*json == '{' && strstr(json, "\"uid-b\"") != NULL);
    CHECK(*table != '{' && strstr(table, "fd00::2") != NULL);
    CHECK(strstr(metrics, "\nkubepeers_peers{") != NULL);
    kubepeers_text_free(json);
    kubepeers_text_free(table);
    kubepeers_text_free(metrics);
}

static int has_asked_the_server(kubepeers_provider provider)
{
    struct timespec moment = {0, 10 * 1000 * 1000};
    int refused = 0;
    for (int i = 0; i < 6000 && !refused; i++, nanosleep(&moment, NULL)) {
        kubepeers_error *error = NULL;
        call_discover(provider, &error);
        refused = strstr(kubepeers_error_message(error), "refused") != NULL;
        kubepeers_error_free(error);
    }
    return refused;
}

static void test_health(void)
{
    kubepeers_provider good = new_provider_of(answering), bad = new_provider();
    kubepeers_health *health = NULL;
    CHECK_STATUS(kubepeers_register(good, A_MINUTE, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_get_health(good, &health, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(good, NULL), KUBEPEERS_OK);
    CHECK(kubepeers_health_age_ms(health) >= 0);
    CHECK(kubepeers_health_is_stale(health) == 0 && kubepeers_health_is_polling(health) == 0);
    CHECK(kubepeers_health_error(health) == NULL);
    CHECK(strcmp(kubepeers_health_error_class(health), "") == 0);
    kubepeers_health_free(health);

    CHECK_STATUS(kubepeers_register(bad, 0, NULL), KUBEPEERS_OK);
    CHECK(has_asked_the_server(bad));
    CHECK_STATUS(kubepeers_get_health(bad, &health, NULL), KUBEPEERS_OK);
    CHECK_STATUS(kubepeers_close(bad, NULL), KUBEPEERS_OK);
    CHECK(kubepeers_health_age_ms(health) == -1);
    CHECK(kubepeers_health_is_stale(health) == 1 && kubepeers_health_is_polling(health) == 0);
    CHECK_STATUS(kubepeers_error_status(kubepeers_health_error(health)), KUBEPEERS_UNAVAILABLE);
    CHECK(strstr(kubepeers_error_message(kubepeers_health_error(health)), "refused") != NULL);
    CHECK(strcmp(kubepeers_health_error_class(health), "unreachable") == 0);
    kubepeers_health_free(health);
}

enum { THREADS = 8, ROUNDS = 20, CALLS = 60 };

struct crowd {
    kubepeers_provider provider;
    pthread_barrier_t start;
    pthread_mutex_t lock;
    int undocumented;
};

static int is_one_of(kubepeers_status status, const kubepeers_status *documented)
{
    for (; *documented != KUBEPEERS_INTERNAL; documented++)
        if (status == *documented)
            return 1;
    fprintf(stderr, "    undocumented: %s\n", kubepeers_status_name(status));
    return 0;
}

/* Everything at once on one provider, until one of the threads closes it. */
static void *crowd_member(void *argument)
{
    static const kubepeers_status documented[] = {
        KUBEPEERS_OK,         KUBEPEERS_CLOSED,     KUBEPEERS_NOT_REGISTERED, KUBEPEERS_ALREADY_REGISTERED,
        KUBEPEERS_NOT_SYNCED, KUBEPEERS_INTERNAL,
    };
    struct crowd *crowd = argument;
    int undocumented = 0;
    unsigned seed = (unsigned)pthread_barrier_wait(&crowd->start) + 7u;
    for (int i = 0; i < CALLS; i++) {
        kubepeers_peers *peers = NULL;
        kubepeers_health *health = NULL;
        char *text = NULL;
        kubepeers_error *error = NULL;
        kubepeers_status status;
        seed = seed * 1103515245u + 12345u + (unsigned)i;
        switch ((seed >> 16) % 16) {
        case 0: status = kubepeers_register(crowd->provider, 0, &error); break;
        case 1: status = kubepeers_deregister(crowd->provider, &error); break;
        case 2: status = i > CALLS / 2 ? kubepeers_close(crowd->provider, &error) : KUBEPEERS_OK; break;
        case 3: status = kubepeers_wait(crowd->provider, 0, 1, &peers, &error); break;
        case 4: status = kubepeers_wait_for_peers(crowd->provider, 1, 1, 1, &peers, &error); break;
        case 5: status = kubepeers_refresh(crowd->provider, NULL, 1, &error); break;
        case 6: status = kubepeers_get_health(crowd->provider, &health, &error); break;
        case 7: status = kubepeers_explain(crowd->provider, KUBEPEERS_EXPLAIN_TABLE, &text, &error); break;
        case 8: status = kubepeers_metrics(crowd->provider, &text, &error); break;
        default: status = kubepeers_discover_peers(crowd->provider, 0, &peers, &error); break;
        }
        undocumented += !is_one_of(status, documented);
        undocumented += (error != NULL) != (status != KUBEPEERS_OK);
        kubepeers_peers_free(peers);
        kubepeers_health_free(health);
        kubepeers_text_free(text);
        kubepeers_error_free(error);
    }
    kubepeers_close(crowd->provider, NULL);
    pthread_mutex_lock(&crowd->lock);
    crowd->undocumented += undocumented;
    pthread_mutex_unlock(&crowd->lock);
    return NULL;
}

static void test_threads(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct crowd crowd = {0};
        pthread_t threads[THREADS];
        crowd.provider = new_provider();
        pthread_barrier_init(&crowd.start, NULL, THREADS);
        pthread_mutex_init(&crowd.lock, NULL);
        CHECK_STATUS(kubepeers_register(crowd.provider, 0, NULL), KUBEPEERS_OK);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, crowd_member, &crowd) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(crowd.undocumented == 0);
        CHECK_STATUS(call_discover(crowd.provider, NULL), KUBEPEERS_CLOSED);
        pthread_barrier_destroy(&crowd.start);
        pthread_mutex_destroy(&crowd.lock);
    }
}

static kubepeers_status wait_an_hour(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_wait(provider, 0, AN_HOUR, &peers, error);
    return end_peers(status, peers);
}

static kubepeers_status settle_for_an_hour(kubepeers_provider provider, kubepeers_error **error)
{
    kubepeers_peers *peers = UNTOUCHED_PEERS;
    kubepeers_status status = kubepeers_wait_for_peers(provider, 0, AN_HOUR, AN_HOUR, &peers, error);
    return end_peers(status, peers);
}

static kubepeers_status refresh_for_an_hour(kubepeers_provider provider, kubepeers_error **error)
{
    return kubepeers_refresh(provider, NULL, AN_HOUR, error);
}

struct waiter {
    verb *call;
    kubepeers_provider provider;
    kubepeers_status status;
};

static void *waiting(void *argument)
{
    struct waiter *waiter = argument;
    waiter->status = waiter->call(waiter->provider, NULL);
    return NULL;
}

static void test_close_ends_a_wait(const char *kubeconfig, verb *call)
{
    struct waiter waiter = {call, new_provider_of(kubeconfig), KUBEPEERS_OK};
    struct timespec moment = {0, 50 * 1000 * 1000};
    pthread_t thread;
    CHECK_STATUS(kubepeers_register(waiter.provider, 0, NULL), KUBEPEERS_OK);
    CHECK(pthread_create(&thread, NULL, waiting, &waiter) == 0);
    /* Lets it wait, most likely. If it has not begun the outcome is the same. */
    nanosleep(&moment, NULL);
    CHECK_STATUS(kubepeers_close(waiter.provider, NULL), KUBEPEERS_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(waiter.status, KUBEPEERS_CLOSED);
}

int main(void)
{
    sigset_t none;
    int port;
    /* Whatever the shell blocked would hide what the library does, and keep the alarm from ringing. */
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    /* A hang is a failure, not a matter of patience. */
    alarm(120);
    loopback_socket(&port);
    write_kubeconfig(refusing, "http://127.0.0.1", port);
    const pid_t server = serve(loopback_socket(&port), answer_request);
    write_kubeconfig(answering, "http://127.0.0.1", port);
    test_versions();
    test_status_names();
    test_null_objects();
    test_null_parameters();
    test_numbers_out_of_range();
    test_not_utf8();
    test_handles();
    test_out_parameters();
    test_retryable();
    test_lists();
    test_texts();
    test_health();
    test_threads();
    test_close_ends_a_wait(refusing, wait_an_hour);
    test_close_ends_a_wait(refusing, refresh_for_an_hour);
    test_close_ends_a_wait(answering, settle_for_an_hour);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(refusing);
    unlink(answering);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
