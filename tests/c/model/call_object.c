/* What lists, health records and errors say, and the calls that need no object. */
#include <stdio.h>
#include <string.h>

#include "exports.h"
#include "config_kinds.h"
#include "object_pool.h"

void read_list(struct caller *caller)
{
    struct borrowed list = borrow(caller, LISTS);
    uint64_t generation = kubepeers_peers_generation(list.object);
    RULE(caller, generation == (list.object == NULL ? 0 : (uint64_t)list.fact));
    RULE(caller, generation < (uint64_t)1 << 53);
    RULE(caller, list.object != NULL || kubepeers_peers_len(list.object) == 0);
    give_back(list);
}

static void has_no_peer(struct caller *caller, const kubepeers_peers *peers, size_t index)
{
    RULE(caller, kubepeers_peers_address(peers, index) == NULL
                     && kubepeers_peers_host(peers, index) == NULL);
    RULE(caller,
         kubepeers_peers_name(peers, index) == NULL && kubepeers_peers_uid(peers, index) == NULL);
    RULE(caller, kubepeers_peers_node_name(peers, index) == NULL);
    RULE(caller, kubepeers_peers_revision(peers, index) == NULL);
    RULE(caller, kubepeers_peers_discovery_port(peers, index) == 0);
    RULE(caller, kubepeers_peers_remoting_port(peers, index) == 0);
    RULE(caller, kubepeers_peers_peers_port(peers, index) == 0);
    RULE(caller, kubepeers_peers_is_ready(peers, index) == 0);
}

static void has_ports(struct caller *caller, const kubepeers_peers *peers, size_t index, int known)
{
    const int remoting = kubepeers_peers_remoting_port(peers, index);
    const int peers_port = kubepeers_peers_peers_port(peers, index);
    const int ready = kubepeers_peers_is_ready(peers, index);
    /* A random configuration may have no names of ports, or these defaults. */
    RULE(caller, remoting == (ready ? 2 : 0) || (!known && (remoting == 0 || remoting == 11)));
    RULE(caller, peers_port == (ready ? 65535 : 0)
                     || (!known && (peers_port == 0 || peers_port == 12)));
}

/* A peer as fake_server.c sends it. */
static void has_peer(struct caller *caller, const kubepeers_peers *peers, size_t index)
{
    const char *address = kubepeers_peers_address(peers, index);
    const char *host = kubepeers_peers_host(peers, index);
    const char *name = kubepeers_peers_name(peers, index), *uid = kubepeers_peers_uid(peers, index);
    const char *node = kubepeers_peers_node_name(peers, index);
    const char *revision = kubepeers_peers_revision(peers, index);
    const int port = kubepeers_peers_discovery_port(peers, index);
    const int ready = kubepeers_peers_is_ready(peers, index);
    char wanted[128];
    RULE(caller, is_text(host) && is_text(name) && is_text(node) && is_text(revision));
    snprintf(wanted, sizeof wanted, strchr(host, ':') == NULL ? "%s:%d" : "[%s]:%d", host, port);
    RULE(caller, port > 0 && strcmp(address, wanted) == 0);
    RULE(caller, strncmp(uid, "uid-", 4) == 0 && strcmp(uid + 4, name) == 0);
    RULE(caller, ready == 0 || (ready == 1 && strcmp(node, "n1") == 0));
    RULE(caller, strcmp(revision, ready ? "r1" : "") == 0);
}

/* The list of an observer of the namespace `good`. */
static void has_good_peers(struct caller *caller, const kubepeers_peers *peers)
{
    static const char *const all[] = {"10.0.0.2:1", "10.0.1.1:1", "10.0.1.1:2", "[fd00::2]:1"};
    const size_t length = kubepeers_peers_len(peers);
    /* Its own record is a list without records. */
    RULE(caller, length == 0 || length == 4);
    for (size_t i = 0; i < length && i < 4; i++)
        RULE(caller, strcmp(kubepeers_peers_address(peers, i), all[i]) == 0);
}

void read_peer(struct caller *caller)
{
    /* The texts of all peers are stored together: large indexes could wrap into them. */
    const size_t past[] = {0, 1, SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 5 + 1};
    struct borrowed list = borrow(caller, LISTS);
    size_t length = kubepeers_peers_len(list.object);
    if (length > 0 && in_percent(&caller->random, 80)) {
        size_t index = below(&caller->random, length);
        has_peer(caller, list.object, index);
        has_ports(caller, list.object, index, list.kind != &any_kind);
        if (list.kind == &config_kinds[0])
            has_good_peers(caller, list.object);
    } else {
        size_t index = past[below(&caller->random, 5)];
        has_no_peer(caller, list.object, index < 2 ? length + index : index);
    }
    give_back(list);
}

/* The namespaces `good` and `refusing` have these records always. */
static void check_health(struct caller *caller, const kubepeers_health *health,
                         const struct config_kind *kind)
{
    const kubepeers_error *error = kubepeers_health_error(health);
    int64_t age = kubepeers_health_age_ms(health);
    RULE(caller, error == NULL || is_text(kubepeers_error_message(error)));
    RULE(caller, error == NULL || kubepeers_error_status(error) < 0);
    if (kind == &config_kinds[0]) {
        RULE(caller, kubepeers_health_is_stale(health) == (age < 0 || age > 120 * 1000));
        RULE(caller, kubepeers_health_is_polling(health) == 0);
    } else if (kind->server == REFUSING) {
        RULE(caller, age == -1 && kubepeers_health_is_polling(health) == 0);
        RULE(caller, error == NULL || kubepeers_error_status(error) == KUBEPEERS_UNAVAILABLE);
        RULE(caller,
             error == NULL || strcmp(kubepeers_health_error_class(health), "unreachable") == 0);
    }
}

void read_health(struct caller *caller)
{
    struct borrowed borrowed = borrow(caller, HEALTHS);
    const kubepeers_health *health = borrowed.object;
    const kubepeers_error *error = kubepeers_health_error(health);
    const char *class = kubepeers_health_error_class(health);
    int64_t age = kubepeers_health_age_ms(health);
    int32_t stale = kubepeers_health_is_stale(health),
            watching = kubepeers_health_is_watching(health);
    int32_t polling = kubepeers_health_is_polling(health);
    RULE(caller, age >= -1 && (age == -1 || health != NULL));
    RULE(caller, stale == 1 || (stale == 0 && age >= 0));
    RULE(caller, watching == 0 || (watching == 1 && health != NULL));
    RULE(caller, polling == 0 || (polling == 1 && health != NULL));
    RULE(caller, is_text(class) && (*class == '\0') == (error == NULL));
    if (error != NULL)
        count_status(kubepeers_error_status(error));
    if (health != NULL)
        check_health(caller, health, borrowed.kind);
    give_back(borrowed);
}

void read_error(struct caller *caller)
{
    struct borrowed borrowed = borrow(caller, ERRORS);
    const kubepeers_error *error = borrowed.object;
    const char *message = kubepeers_error_message(error),
               *manifest = kubepeers_error_manifest(error);
    int32_t retryable = kubepeers_error_is_retryable(error),
            http_status = kubepeers_error_http_status(error);
    RULE(caller, kubepeers_error_status(error) == (error == NULL ? KUBEPEERS_OK : borrowed.fact));
    RULE(caller, is_text(message) && (*message == '\0') == (error == NULL));
    RULE(caller, manifest == NULL
                     || (error != NULL && is_text(manifest) && strstr(manifest, "kind: Role")));
    RULE(caller, retryable == 0 || (retryable == 1 && error != NULL));
    RULE(caller, http_status == 0 || (http_status >= 100 && http_status < 600 && error != NULL));
    give_back(borrowed);
}

void call_peers_free(struct caller *caller)
{
    free_object(caller, LISTS);
}

void call_health_free(struct caller *caller)
{
    free_object(caller, HEALTHS);
}

void call_text_free(struct caller *caller)
{
    free_object(caller, TEXTS);
}

void call_error_free(struct caller *caller)
{
    free_object(caller, ERRORS);
}

static const char *name_of(kubepeers_status status)
{
    for (size_t i = 0; i < known_statuses_count; i++)
        if (known_statuses[i].status == status)
            return known_statuses[i].name;
    return status == KUBEPEERS_INTERNAL ? "INTERNAL" : "UNKNOWN";
}

void call_status_name(struct caller *caller)
{
    int wild = in_percent(&caller->random, 30);
    kubepeers_status status =
        wild ? (kubepeers_status)any(&caller->random) : 1 - (int32_t)below(&caller->random, 110);
    RULE(caller, strcmp(kubepeers_status_name(status), name_of(status)) == 0);
}

void read_version(struct caller *caller)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", KUBEPEERS_VERSION_MAJOR, KUBEPEERS_VERSION_MINOR,
             KUBEPEERS_VERSION_PATCH);
    RULE(caller, kubepeers_version_number() == KUBEPEERS_VERSION_NUMBER);
    RULE(caller, strcmp(kubepeers_version(), version) == 0);
    RULE(caller, strcmp(kubepeers_id(), "kubernetes") == 0);
}
