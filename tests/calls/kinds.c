#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char answering[] = "/tmp/kubepeers-calls-XXXXXX";
static char refusing[] = "/tmp/kubepeers-calls-XXXXXX";
static char encrypted[] = "/tmp/kubepeers-calls-XXXXXX";
static char nonsense[] = "/tmp/kubepeers-calls-XXXXXX";

#define SYNCING (ONE(NOT_SYNCED))
#define OPEN (ONE(OK) | ONE(NOT_SYNCED))
#define OWN_POD(name) {"pod_name", name}
#define NO_POD {"membership", "observer"}
/* A negative timeout means these short ones. A 401 or 403 is permanent after two seconds. */
#define KIND(namespace, ...) \
    .pairs = {{"namespace", namespace},      {"discovery_port_name", "gossip"}, {"remoting_port_name", "remoting"}, \
              {"peers_port_name", "peers"},  {"pod_labels", "app=test"},        {"register_timeout_ms", "2"}, \
              {"discover_timeout_ms", "2"},  {"log", "debug"},                  __VA_ARGS__}

/* The namespace says how server.c answers. */
const struct kind kinds[] = {
    {KIND("good", NO_POD), answering, ONE(OK), OPEN},
    {KIND("good", OWN_POD("p1")), answering, ONE(OK), OPEN},
    {KIND("good", OWN_POD("nobody")), answering, ONE(OK), SYNCING | ONE(SELF_NOT_VISIBLE)},
    {KIND("good", OWN_POD("no-port")), answering, ONE(OK), SYNCING | ONE(SELF_EXCLUDED)},
    {KIND("good", {"pod_ip", "10.0.1.1"}), answering, ONE(OK), SYNCING | ONE(NO_IDENTITY)},
    {KIND("changing", NO_POD), answering, ONE(OK), OPEN},
    {KIND("changing", OWN_POD("p1")), answering, ONE(OK), OPEN | ONE(SELF_NOT_VISIBLE) | ONE(SELF_EXCLUDED)},
    {KIND("changing", NO_POD, {"watch", "poll"}, {"poll_interval_ms", "1000"}), answering, ONE(OK), OPEN},
    {KIND("once", NO_POD, {"max_stale_ms", "1000"}), answering, ONE(OK), OPEN | ONE(STALE)},
    {KIND("errors", NO_POD), answering, ONE(OK), SYNCING},
    {KIND("garbage", NO_POD), answering, ONE(OK), SYNCING},
    {KIND("forbidden", NO_POD, {"register_timeout_ms", "3000"}), answering, ONE(OK) | ONE(FORBIDDEN), SYNCING},
    {KIND("unauthorized", NO_POD, {"register_timeout_ms", "3000"}), answering, ONE(OK) | ONE(UNAUTHORIZED), SYNCING},
    {KIND("mixed", OWN_POD("p1")), answering, ONE(OK) | ONE(FORBIDDEN) | ONE(UNAUTHORIZED),
     OPEN | ONE(SELF_NOT_VISIBLE) | ONE(SELF_EXCLUDED)},
    {KIND("good", NO_POD), refusing, ONE(OK), SYNCING},
    {KIND("good", NO_POD), encrypted, ONE(OK), SYNCING},
    {KIND("good", NO_POD), nonsense, ONE(NO_CREDENTIALS), 0},
    {KIND("good", NO_POD), "/nowhere/kubeconfig", ONE(NO_CREDENTIALS), 0},
    {KIND("good", {"context", "other"}), answering, ONE(NO_CREDENTIALS), 0},
    {KIND("good", NO_POD, {"service_account_dir", "/nowhere"}), NULL, ONE(NOT_IN_CLUSTER), 0},
    {KIND("good", {"membership", "member"}), answering, ONE(NO_IDENTITY), 0},
};
const size_t kinds_count = sizeof kinds / sizeof *kinds;

const struct kind any_kind = {
    .registers = ONE(OK) | ONE(NOT_IN_CLUSTER) | ONE(NO_CREDENTIALS) | ONE(NO_IDENTITY) | ONE(TLS) | ONE(UNAUTHORIZED)
                 | ONE(FORBIDDEN),
    .discovers = OPEN | ONE(SELF_NOT_VISIBLE) | ONE(SELF_EXCLUDED) | ONE(NO_IDENTITY) | ONE(STALE),
};

static void set(kubepeers_config *config, const char *key, const char *value)
{
    if (kubepeers_config_set(config, key, value, NULL) != KUBEPEERS_OK) {
        fprintf(stderr, "%s=%s is refused\n", key, value);
        exit(2);
    }
}

kubepeers_config *config_of(const struct kind *kind)
{
    kubepeers_config *config = kubepeers_config_new();
    for (int i = 0; i < MOST_PAIRS && kind->pairs[i][0] != NULL; i++)
        set(config, kind->pairs[i][0], kind->pairs[i][1]);
    if (kind->kubeconfig != NULL)
        set(config, "kubeconfig", kind->kubeconfig);
    return config;
}

static void write_file(char *path, const char *text)
{
    int file = mkstemp(path);
    if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text)) {
        perror("no temporary file");
        exit(2);
    }
    close(file);
}

static void write_kubeconfig(char *path, const char *scheme, int port)
{
    char text[512];
    snprintf(text, sizeof text,
             "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],\n"
             "clusters: [{name: c, cluster: {server: '%s://127.0.0.1:%d'}}], users: [{name: u, user: {token: t}}]}\n",
             scheme, port);
    write_file(path, text);
}

const char *write_kubeconfigs(int answering_port, int refusing_port)
{
    write_kubeconfig(answering, "http", answering_port);
    write_kubeconfig(encrypted, "https", answering_port);
    write_kubeconfig(refusing, "http", refusing_port);
    write_file(nonsense, "{[}\xff");
    return answering;
}

void remove_kubeconfigs(void)
{
    unlink(answering);
    unlink(encrypted);
    unlink(refusing);
    unlink(nonsense);
}
