/*
 * A panic inside the library is KUBEPEERS_INTERNAL, wherever it happens, and the process goes on.
 * Runs with a library that panics on demand, which is never shipped.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "scenario.h"
#include "verbs.h"

/* As in src/panics.rs. Returns the place that was set before and that no code has reached. */
extern int32_t kubepeers_want_panic(int32_t place);
enum { NOWHERE, CALL, WATCHER, CONNECTION, REQUEST, LOOKUP, LOGIN };

/* --- exports --- */

/* An object of each kind. */
static kubepeers_config *config;
static kubepeers_provider provider;
static kubepeers_peers *peers;
static kubepeers_health *health;
static kubepeers_error *error;
static char *text;

static kubepeers_status call_config_set(kubepeers_provider ignored, kubepeers_error **out)
{
    (void)ignored;
    return kubepeers_config_set(config, "namespace", "other", out);
}

static kubepeers_status call_init(kubepeers_provider ignored, kubepeers_error **out)
{
    kubepeers_provider fresh = 0;
    (void)ignored;
    kubepeers_status status = kubepeers_init(config, &fresh, out);
    CHECK(fresh == 0);
    return status;
}

static kubepeers_status call_doctor(kubepeers_provider ignored, kubepeers_error **out)
{
    char *report = UNTOUCHED;
    (void)ignored;
    kubepeers_status status = kubepeers_doctor(config, 0, KUBEPEERS_DOCTOR_TEXT, &report, NULL, out);
    CHECK((report == UNTOUCHED) == (status != KUBEPEERS_OK));
    if (status == KUBEPEERS_OK)
        kubepeers_text_free(report);
    return status;
}

/* The call panics, and the next one succeeds. Prints the name of the export. */
static void is_internal(const char *name, verb_call *call)
{
    kubepeers_error *out = NULL;
    kubepeers_want_panic(CALL);
    CHECK_STATUS(call(provider, &out), KUBEPEERS_INTERNAL);
    CHECK(kubepeers_want_panic(NOWHERE) == NOWHERE);
    CHECK_STATUS(kubepeers_error_status(out), KUBEPEERS_INTERNAL);
    CHECK(strstr(kubepeers_error_message(out), "internally") != NULL);
    CHECK(kubepeers_error_is_retryable(out) == 0);
    kubepeers_error_free(out);
    kubepeers_want_panic(CALL);
    CHECK_STATUS(call(provider, NULL), KUBEPEERS_INTERNAL);
    CHECK_OK(call_discover(provider, NULL));
    printf("kubepeers_%s\n", name);
}

/* A call without a status. `reached` is NOWHERE if it panics, and CALL if no code in it can. */
#define WITHOUT_STATUS(name, reached, expression) \
    do { \
        kubepeers_want_panic(CALL); \
        CHECK(expression); \
        CHECK(kubepeers_want_panic(NOWHERE) == (reached)); \
        printf("kubepeers_%s\n", name); \
    } while (0)

/* Returns what it returns for NULL. */
#define PANICS(name, expression) WITHOUT_STATUS(name, NOWHERE, expression)
/* Reads a field or a constant. */
#define CANNOT(name, expression) WITHOUT_STATUS(name, CALL, expression)

static void exports_that_cannot_panic(void)
{
    CANNOT("id", kubepeers_id() != NULL);
    CANNOT("version", kubepeers_version() != NULL);
    CANNOT("version_number", kubepeers_version_number() != 0);
    CANNOT("status_name", kubepeers_status_name(KUBEPEERS_OK) != NULL);
    CANNOT("generation", kubepeers_generation(provider) == 1);
    CANNOT("peers_len", kubepeers_peers_len(peers) == 4);
    CANNOT("peers_generation", kubepeers_peers_generation(peers) == 1);
    CANNOT("peers_discovery_port", kubepeers_peers_discovery_port(peers, 0) == 1);
    CANNOT("peers_remoting_port", kubepeers_peers_remoting_port(peers, 0) == 2);
    CANNOT("peers_peers_port", kubepeers_peers_peers_port(peers, 0) == 65535);
    CANNOT("peers_is_ready", kubepeers_peers_is_ready(peers, 0) == 1);
    CANNOT("health_age_ms", kubepeers_health_age_ms(health) >= 0);
    CANNOT("health_is_stale", kubepeers_health_is_stale(health) == 0);
    CANNOT("health_is_watching", kubepeers_health_is_watching(health) >= 0);
    CANNOT("health_is_polling", kubepeers_health_is_polling(health) == 0);
    CANNOT("health_error", kubepeers_health_error(health) == NULL);
    CANNOT("health_error_class", kubepeers_health_error_class(health) != NULL);
    CANNOT("error_status", kubepeers_error_status(error) == KUBEPEERS_ALREADY_REGISTERED);
    CANNOT("error_message", kubepeers_error_message(error) != NULL);
    CANNOT("error_manifest", kubepeers_error_manifest(error) == NULL);
    CANNOT("error_is_retryable", kubepeers_error_is_retryable(error) == 0);
    CANNOT("error_http_status", kubepeers_error_http_status(error) == 0);
}

/* Those that free lose the memory. */
static void exports_that_panic(void)
{
    is_internal("config_set", call_config_set);
    is_internal("init", call_init);
    is_internal("doctor", call_doctor);
    for (int i = 0; i < VERBS; i++)
        is_internal(verbs[i].name, verbs[i].call);
    PANICS("config_new", kubepeers_config_new() == NULL);
    PANICS("peers_address", kubepeers_peers_address(peers, 0) == NULL);
    PANICS("peers_host", kubepeers_peers_host(peers, 0) == NULL);
    PANICS("peers_name", kubepeers_peers_name(peers, 0) == NULL);
    PANICS("peers_uid", kubepeers_peers_uid(peers, 0) == NULL);
    PANICS("peers_node_name", kubepeers_peers_node_name(peers, 0) == NULL);
    PANICS("peers_revision", kubepeers_peers_revision(peers, 0) == NULL);
    PANICS("config_free", (kubepeers_config_free(config), 1));
    PANICS("peers_free", (kubepeers_peers_free(peers), 1));
    PANICS("health_free", (kubepeers_health_free(health), 1));
    PANICS("error_free", (kubepeers_error_free(error), 1));
    PANICS("text_free", (kubepeers_text_free(text), 1));
}

/* `--exports` tries a panic in each export, and prints its name for tests/abi/exports. */
int run_with_arguments(int count, char **words)
{
    if (count != 2 || strcmp(words[1], "--exports") != 0)
        return 2;
    start_server(0);
    config = new_config(ANSWERING);
    provider = registered_provider(ANSWERING, A_MINUTE);
    CHECK_OK(kubepeers_discover_peers(provider, A_MINUTE, &peers, NULL));
    CHECK_OK(kubepeers_get_health(provider, &health, NULL));
    CHECK_OK(kubepeers_metrics(provider, &text, NULL));
    CHECK_STATUS(kubepeers_register(provider, 0, &error), KUBEPEERS_ALREADY_REGISTERED);
    exports_that_cannot_panic();
    exports_that_panic();
    close_provider(provider);
    stop_server();
    return checks_failed() == 0 ? 0 : 1;
}

/* --- tasks --- */

static int place;

static void has_failed(kubepeers_provider broken)
{
    kubepeers_error *why = NULL;
    CHECK_STATUS(call_wait(broken, &why), KUBEPEERS_INTERNAL);
    CHECK(strstr(kubepeers_error_message(why), "internally") != NULL);
    CHECK(kubepeers_error_is_retryable(why) == 0);
    kubepeers_error_free(why);
    CHECK_STATUS(call_register(broken, NULL), KUBEPEERS_ALREADY_REGISTERED);
    for (int i = DISCOVER_PEERS; i <= METRICS; i++)
        CHECK_STATUS(verbs[i].call(broken, NULL), KUBEPEERS_INTERNAL);
    CHECK(kubepeers_generation(broken) == 0);
}

static void works(kubepeers_provider fresh)
{
    CHECK_OK(kubepeers_register(fresh, A_MINUTE, NULL));
    CHECK_OK(call_discover(fresh, NULL));
    close_provider(fresh);
}

/* register reports it, leaves nothing running, and may be called again. */
static void panic_at_first_list(void)
{
    kubepeers_provider fresh = new_provider(NAMED);
    kubepeers_want_panic(place);
    CHECK_STATUS(kubepeers_register(fresh, A_MINUTE, NULL), KUBEPEERS_INTERNAL);
    CHECK(kubepeers_want_panic(NOWHERE) == NOWHERE);
    CHECK(eventually(is_alone));
    CHECK_STATUS(call_discover(fresh, NULL), KUBEPEERS_NOT_REGISTERED);
    works(fresh);
    /* A thread that still resolves a name could reach the next place. */
    CHECK(eventually(is_alone));
}

static kubepeers_provider watched;

static void *wait_for_an_hour(void *argument)
{
    kubepeers_peers *out = UNTOUCHED;
    CHECK_STATUS(kubepeers_wait(watched, 1, AN_HOUR, &out, NULL), KUBEPEERS_INTERNAL);
    CHECK(out == UNTOUCHED);
    return argument;
}

static int is_watching(void)
{
    return metrics_have(watched,
                        "\nkubepeers_watching{namespace=\"good\",selector=\"app=test\"} 1\n");
}

/* The waiting call reports it, and all later ones do until deregister or close. */
static void panic_later(void)
{
    watched = registered_provider(NAMED, A_MINUTE);
    /* Before that, the lookup may be that of the watch, whose panic is dropped with it. */
    if (place == LOOKUP)
        CHECK(eventually(is_watching));
    pthread_t waiter = start_thread(wait_for_an_hour, NULL);
    kubepeers_want_panic(place);
    CHECK_STATUS(kubepeers_refresh(watched, NULL, A_MINUTE, NULL), KUBEPEERS_INTERNAL);
    CHECK(kubepeers_want_panic(NOWHERE) == NOWHERE);
    CHECK(pthread_join(waiter, NULL) == 0);
    has_failed(watched);
    works(new_provider(NAMED));
    CHECK_OK(kubepeers_deregister(watched, NULL));
    works(watched);
    CHECK(eventually(is_alone));
}

static void in_every_place(void (*test)(void), int last)
{
    for (place = WATCHER; place <= last; place++)
        for (int i = 0; i < 20; i++)
            test();
}

static void panics_at_first_list(void)
{
    in_every_place(panic_at_first_list, LOGIN);
}

static void panics_later(void)
{
    in_every_place(panic_later, LOOKUP);
}

const struct scenario scenarios[] = {
    SCENARIO(panics_at_first_list),
    SCENARIO(panics_later),
    {NULL, NULL},
};
