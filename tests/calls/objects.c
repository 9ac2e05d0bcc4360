/* What is asked of lists, healths and errors, and the calls that need no object. */
#include <limits.h>
#include <string.h>

#include "calls.h"
#include "model.h"
#include "shelves.h"

static size_t some_index(struct caller *caller, size_t length)
{
    const size_t far[] = {length, length + 1, SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 5 + 1};
    return length > 0 && in_percent(&caller->random, 80) ? below(&caller->random, length) : far[below(&caller->random, 5)];
}

/* A list and an index; whether there is a peer. */
static int choose_peer(struct caller *caller, struct taken *list, size_t *index)
{
    *list = take_to_read(caller, LISTS);
    size_t length = kubepeers_peers_len(list->item);
    *index = some_index(caller, length);
    return *index < length;
}

/* A text of a peer is there exactly if the peer is. */
static void read_text(struct caller *caller, const char *(*text)(const kubepeers_peers *, size_t))
{
    struct taken list;
    size_t index;
    int exists = choose_peer(caller, &list, &index);
    const char *read = text(list.item, index);
    RULE(caller, exists ? is_text(read) : read == NULL);
    give_back(list);
}

/* Those of server.c: "uid-" and the name. */
static void read_uid(struct caller *caller)
{
    struct taken list;
    size_t index;
    if (choose_peer(caller, &list, &index)) {
        const char *uid = kubepeers_peers_uid(list.item, index), *name = kubepeers_peers_name(list.item, index);
        RULE(caller, strncmp(uid, "uid-", 4) == 0 && strcmp(uid + 4, name) == 0);
    }
    give_back(list);
}

static void read_port(struct caller *caller, uint16_t (*port)(const kubepeers_peers *, size_t))
{
    struct taken list;
    size_t index;
    int exists = choose_peer(caller, &list, &index);
    uint16_t read = port(list.item, index);
    RULE(caller, exists || read == 0);
    give_back(list);
}

void call_peers_len(struct caller *caller)
{
    struct taken list = take_to_read(caller, LISTS);
    size_t length = kubepeers_peers_len(list.item);
    RULE(caller, list.item != NULL || length == 0);
    give_back(list);
}

void call_peers_generation(struct caller *caller)
{
    struct taken list = take_to_read(caller, LISTS);
    uint64_t generation = kubepeers_peers_generation(list.item);
    RULE(caller, generation == (list.item == NULL ? 0 : (uint64_t)list.fact));
    give_back(list);
}

void call_peers_address(struct caller *caller)
{
    read_text(caller, kubepeers_peers_address);
}

void call_peers_host(struct caller *caller)
{
    struct taken list;
    size_t index;
    int exists = choose_peer(caller, &list, &index);
    const char *host = kubepeers_peers_host(list.item, index), *address = kubepeers_peers_address(list.item, index);
    RULE(caller, exists ? strstr(address, host) != NULL : host == NULL);
    give_back(list);
}

void call_peers_discovery_port(struct caller *caller)
{
    read_port(caller, kubepeers_peers_discovery_port);
}

void call_peers_remoting_port(struct caller *caller)
{
    read_port(caller, kubepeers_peers_remoting_port);
}

void call_peers_peers_port(struct caller *caller)
{
    read_port(caller, kubepeers_peers_peers_port);
}

void call_peers_name(struct caller *caller)
{
    read_text(caller, kubepeers_peers_name);
}

void call_peers_uid(struct caller *caller)
{
    read_uid(caller);
    read_text(caller, kubepeers_peers_uid);
}

void call_peers_node_name(struct caller *caller)
{
    read_text(caller, kubepeers_peers_node_name);
}

void call_peers_revision(struct caller *caller)
{
    read_text(caller, kubepeers_peers_revision);
}

void call_peers_is_ready(struct caller *caller)
{
    struct taken list;
    size_t index;
    int exists = choose_peer(caller, &list, &index);
    int32_t ready = kubepeers_peers_is_ready(list.item, index);
    RULE(caller, ready == 0 || (ready == 1 && exists));
    give_back(list);
}

void call_peers_free(struct caller *caller)
{
    struct taken list = take_alone(caller, LISTS);
    kubepeers_peers_free(list.item);
    give_back_freed(list);
}

void call_health_age_ms(struct caller *caller)
{
    struct taken health = take_to_read(caller, HEALTHS);
    int64_t age = kubepeers_health_age_ms(health.item);
    RULE(caller, health.item != NULL ? age >= -1 : age == -1);
    give_back(health);
}

void call_health_is_stale(struct caller *caller)
{
    struct taken health = take_to_read(caller, HEALTHS);
    int32_t stale = kubepeers_health_is_stale(health.item);
    RULE(caller, stale == 1 || (stale == 0 && health.item != NULL));
    give_back(health);
}

void call_health_is_watching(struct caller *caller)
{
    struct taken health = take_to_read(caller, HEALTHS);
    int32_t watching = kubepeers_health_is_watching(health.item);
    RULE(caller, watching == 0 || (watching == 1 && health.item != NULL));
    give_back(health);
}

void call_health_is_polling(struct caller *caller)
{
    struct taken health = take_to_read(caller, HEALTHS);
    int32_t polling = kubepeers_health_is_polling(health.item);
    RULE(caller, polling == 0 || (polling == 1 && health.item != NULL));
    give_back(health);
}

void call_health_error(struct caller *caller)
{
    struct taken health = take_to_read(caller, HEALTHS);
    const kubepeers_error *error = kubepeers_health_error(health.item);
    if (error != NULL) {
        RULE(caller, kubepeers_error_status(error) < 0);
        RULE(caller, is_text(kubepeers_error_message(error)));
        RULE(caller, *kubepeers_health_error_class(health.item) != '\0');
    }
    give_back(health);
}

void call_health_error_class(struct caller *caller)
{
    struct taken health = take_to_read(caller, HEALTHS);
    const char *class = kubepeers_health_error_class(health.item);
    RULE(caller, is_text(class) && (*class == '\0') == (kubepeers_health_error(health.item) == NULL));
    give_back(health);
}

void call_health_free(struct caller *caller)
{
    struct taken health = take_alone(caller, HEALTHS);
    kubepeers_health_free(health.item);
    give_back_freed(health);
}

void call_text_free(struct caller *caller)
{
    struct taken text = take_alone(caller, TEXTS);
    kubepeers_text_free(text.item);
    give_back_freed(text);
}

void call_error_status(struct caller *caller)
{
    struct taken error = take_to_read(caller, ERRORS);
    kubepeers_status status = kubepeers_error_status(error.item);
    RULE(caller, status == (error.item == NULL ? KUBEPEERS_OK : error.fact));
    give_back(error);
}

void call_error_message(struct caller *caller)
{
    struct taken error = take_to_read(caller, ERRORS);
    const char *message = kubepeers_error_message(error.item);
    RULE(caller, is_text(message) && (*message == '\0') == (error.item == NULL));
    give_back(error);
}

void call_error_manifest(struct caller *caller)
{
    struct taken error = take_to_read(caller, ERRORS);
    const char *manifest = kubepeers_error_manifest(error.item);
    RULE(caller, manifest == NULL || (error.item != NULL && is_text(manifest) && strstr(manifest, "kind: Role") != NULL));
    give_back(error);
}

void call_error_is_retryable(struct caller *caller)
{
    struct taken error = take_to_read(caller, ERRORS);
    int32_t retryable = kubepeers_error_is_retryable(error.item);
    RULE(caller, retryable == 0 || (retryable == 1 && error.item != NULL));
    give_back(error);
}

void call_error_http_status(struct caller *caller)
{
    struct taken error = take_to_read(caller, ERRORS);
    int32_t status = kubepeers_error_http_status(error.item);
    RULE(caller, status == 0 || (status >= 100 && status < 600 && error.item != NULL));
    give_back(error);
}

void call_error_free(struct caller *caller)
{
    struct taken error = take_alone(caller, ERRORS);
    kubepeers_error_free(error.item);
    give_back_freed(error);
}

static int is_known(kubepeers_status status)
{
    for (size_t i = 0; i < known_statuses_count; i++)
        if (known_statuses[i] == status)
            return 1;
    return status == KUBEPEERS_INTERNAL;
}

void call_status_name(struct caller *caller)
{
    int wild = in_percent(&caller->random, 30);
    kubepeers_status status = wild ? (kubepeers_status)any(&caller->random) : 1 - (int32_t)below(&caller->random, 110);
    const char *name = kubepeers_status_name(status);
    RULE(caller, is_text(name) && (strcmp(name, "UNKNOWN") != 0) == is_known(status));
}

void call_version_number(struct caller *caller)
{
    RULE(caller, kubepeers_version_number() == KUBEPEERS_VERSION_NUMBER);
}

void call_version(struct caller *caller)
{
    RULE(caller, is_text(kubepeers_version()));
}

void call_id(struct caller *caller)
{
    RULE(caller, strcmp(kubepeers_id(), "kubernetes") == 0);
}
