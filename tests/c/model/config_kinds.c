#include "config_kinds.h"

#include "../config.h"

#define SYNCING ONE(NOT_SYNCED)
#define OPEN (ONE(OK) | ONE(NOT_SYNCED))
#define OK_OR_401 (ONE(OK) | ONE(UNAUTHORIZED))
#define SELF (ONE(SELF_NOT_VISIBLE) | ONE(SELF_EXCLUDED))
#define OBSERVER {"membership", "observer"}
#define POD(name) {"pod_name", name}
#define NAMESPACE(name) {"namespace", name}
#define POLL {"watch", "poll"}, {"poll_interval_ms", "1000"}
#define STALE_AFTER_A_SECOND {"max_stale_ms", "1000"}
/* A 401 or 403 is permanent after two seconds. */
#define PATIENT {"register_timeout_ms", "3000"}

const struct config_kind config_kinds[] = {
    {ANSWERING, ONE(OK), OPEN, {OBSERVER}},
    {ANSWERING, ONE(OK), OPEN, {POD("p1")}},
    {ANSWERING, ONE(OK), SYNCING | ONE(SELF_NOT_VISIBLE), {POD("nobody")}},
    {ANSWERING, ONE(OK), SYNCING | ONE(SELF_EXCLUDED), {POD("no-port")}},
    {ANSWERING, ONE(OK), SYNCING | ONE(NO_IDENTITY), {{"pod_ip", "10.0.1.1"}}},
    {ANSWERING, ONE(OK), OPEN, {OBSERVER, NAMESPACE("changing")}},
    {ANSWERING, ONE(OK), OPEN | SELF, {POD("p1"), NAMESPACE("changing")}},
    {ANSWERING, ONE(OK), OPEN, {OBSERVER, NAMESPACE("changing"), POLL}},
    {ANSWERING, ONE(OK), OPEN | ONE(STALE), {OBSERVER, NAMESPACE("flaky"), STALE_AFTER_A_SECOND}},
    {ANSWERING, ONE(OK), SYNCING, {OBSERVER, NAMESPACE("errors")}},
    {ANSWERING, ONE(OK), SYNCING, {OBSERVER, NAMESPACE("garbage")}},
    {ANSWERING, ONE(OK) | ONE(FORBIDDEN), SYNCING, {OBSERVER, NAMESPACE("forbidden"), PATIENT}},
    {ANSWERING, OK_OR_401, SYNCING, {OBSERVER, NAMESPACE("unauthorized"), PATIENT}},
    {ANSWERING, OK_OR_401 | ONE(FORBIDDEN), OPEN | SELF, {POD("p1"), NAMESPACE("mixed")}},
    {REFUSING, ONE(OK), SYNCING, {OBSERVER}},
    {BREAKING_TLS, ONE(OK), SYNCING, {OBSERVER}},
    {UNREADABLE, ONE(NO_CREDENTIALS), 0, {OBSERVER}},
    {ANSWERING, ONE(NO_CREDENTIALS), 0, {OBSERVER, {"kubeconfig", "/nowhere/kubeconfig"}}},
    {ANSWERING, ONE(NO_CREDENTIALS), 0, {{"context", "other"}}},
    {SERVERS, ONE(NOT_IN_CLUSTER), 0, {OBSERVER, {"service_account_dir", "/nowhere"}}},
    {ANSWERING, ONE(NO_IDENTITY), 0, {{"membership", "member"}}},
};
const size_t config_kinds_count = sizeof config_kinds / sizeof *config_kinds;

const struct config_kind any_kind = {
    .registers = ONE(OK) | ONE(NOT_IN_CLUSTER) | ONE(NO_CREDENTIALS) | ONE(NO_IDENTITY) | ONE(TLS)
                 | ONE(UNAUTHORIZED) | ONE(FORBIDDEN),
    .discovers = OPEN | SELF | ONE(NO_IDENTITY) | ONE(STALE),
};

kubepeers_config *config_of(const struct config_kind *kind)
{
    kubepeers_config *config = new_config(kind->server);
    /* A negative timeout means these, which are short. */
    set(config, "register_timeout_ms", "2");
    set(config, "discover_timeout_ms", "2");
    set(config, "log", "debug");
    for (int i = 0; i < MAX_PAIRS && kind->pairs[i][0] != NULL; i++)
        set(config, kind->pairs[i][0], kind->pairs[i][1]);
    return config;
}
