/* kubepeers_config_*, kubepeers_init and kubepeers_doctor. */
#include <stdlib.h>
#include <string.h>

#include "config_texts.h"
#include "exports.h"
#include "object_pool.h"
#include "provider_model.h"

/* The fact of a configuration in the pool: which of the required keys have a value. */
enum { HAS_LABELS = 1, HAS_PORT_NAME = 2, COMPLETE = 3 };

void make_configs(struct caller *caller)
{
    caller->configs = calloc(config_kinds_count, sizeof *caller->configs);
    for (size_t i = 0; i < config_kinds_count; i++)
        caller->configs[i] = config_of(&config_kinds[i]);
}

void free_configs(struct caller *caller)
{
    for (size_t i = 0; i < config_kinds_count; i++)
        kubepeers_config_free(caller->configs[i]);
    free(caller->configs);
}

void call_config_new(struct caller *caller)
{
    kubepeers_config *config = kubepeers_config_new();
    RULE(caller, config != NULL);
    keep_object(caller, CONFIGS, config, 0);
}

void call_config_free(struct caller *caller)
{
    free_object(caller, CONFIGS);
}

static statuses expected_of_set(const void *config, const char *key, const char *value)
{
    if (config == NULL || key == NULL || value == NULL)
        return ONE(INVALID_ARGUMENT) | (key != NULL && !is_text(key) ? ONE(INVALID_UTF8) : 0);
    if (!is_text(key) || !is_text(value))
        return ONE(INVALID_UTF8);
    if (!is_key(key))
        return ONE(UNKNOWN_KEY);
    return is_valid(key, value) ? ONE(OK) : ONE(OK) | ONE(INVALID_CONFIG);
}

void call_config_set(struct caller *caller)
{
    struct borrowed config = borrow_alone(caller, CONFIGS);
    const char *key = some_key(caller), *value = some_value(caller, key);
    begin_call(caller);
    kubepeers_status status = kubepeers_config_set(config.object, key, value, caller->place);
    if (status == KUBEPEERS_OK && key != NULL) {
        config.fact |= strcmp(key, "pod_labels") == 0 ? HAS_LABELS : 0;
        config.fact |= strcmp(key, "discovery_port_name") == 0 ? HAS_PORT_NAME : 0;
    }
    give_back(config);
    answered(caller, status, expected_of_set(config.object, key, value));
}

/* Returns the new provider, or 0. A live one in `*provider` allows only one outcome. */
static kubepeers_provider init(struct caller *caller, const kubepeers_config *config,
                               statuses allowed)
{
    struct target before = target_of(NULL);
    begin_call(caller);
    if (in_percent(&caller->random, 30))
        before = begin_call_on_some(caller);
    kubepeers_provider provider = before.provider;
    kubepeers_provider *place = place_or_null(caller, &provider, "provider");
    int is_live = before.state != NULL && !before.was_closed && !before.is_parents;
    if (config == NULL)
        mark_invalid(caller, "config");
    kubepeers_status status = kubepeers_init(config, place, caller->place);
    /* Another thread may be closing it. */
    if (is_live && !atomic_load(&before.state->close_begun))
        allowed = 0;
    if (is_live)
        allowed |= ONE(ALREADY_INITIALIZED);
    answered(caller, status, allowed);
    RULE(caller, (provider == before.provider) == (status != KUBEPEERS_OK));
    RULE(caller, status != KUBEPEERS_OK || (provider != 0 && provider < (uint64_t)1 << 53));
    return status == KUBEPEERS_OK ? provider : 0;
}

void call_init(struct caller *caller)
{
    const struct config_kind *kind = &any_kind;
    kubepeers_provider provider;
    if (caller->configs != NULL && in_percent(&caller->random, 70)) {
        /* More often one of the two of which most calls succeed. */
        uint64_t count = in_percent(&caller->random, 40) ? 2 : config_kinds_count;
        kind = &config_kinds[below(&caller->random, count)];
        provider = init(caller, caller->configs[kind - config_kinds], ONE(OK));
    } else {
        struct borrowed config = borrow_alone(caller, CONFIGS);
        int complete = config.fact == COMPLETE;
        provider = init(caller, config.object, ONE(INVALID_CONFIG) | (complete ? ONE(OK) : 0));
        give_back(config);
    }
    if (provider != 0)
        add_provider(caller, provider, kind);
}

static void check_report(struct caller *caller, int is_json, char *text, char *manifest)
{
    RULE(caller, is_text(text) && (*text == '{') == is_json);
    RULE(caller, strstr(text, "answer") != NULL && strstr(text, "configuration") != NULL);
    RULE(caller, manifest == NULL || manifest == UNTOUCHED
                     || (is_text(manifest) && strstr(manifest, "kind: Role") != NULL));
    if (manifest != NULL && manifest != UNTOUCHED)
        keep_object(caller, TEXTS, manifest, 0);
    keep_object(caller, TEXTS, text, 0);
}

/* What is wrong, also with the configuration, is in the text. */
void call_doctor(struct caller *caller)
{
    const int32_t forms[] = {
        KUBEPEERS_DOCTOR_JSON, KUBEPEERS_DOCTOR_TEXT, 0, 3, -1, INT32_MAX, INT32_MIN};
    uint64_t form = below(&caller->random, 10) % 7;
    int32_t timeout = (int32_t)below(&caller->random, 20);
    struct borrowed some = borrow_alone(caller, CONFIGS);
    int is_complete = caller->configs != NULL && in_percent(&caller->random, 70);
    const kubepeers_config *config =
        is_complete ? caller->configs[below(&caller->random, config_kinds_count)] : some.object;
    begin_call(caller);
    char *text = UNTOUCHED, **place = place_or_null(caller, &text, "text");
    char *manifest = UNTOUCHED;
    char **manifest_place = in_percent(&caller->random, 30) ? NULL : &manifest;
    if (config == NULL)
        mark_invalid(caller, "config");
    if (form > 1)
        mark_invalid(caller, "form");
    kubepeers_status status =
        kubepeers_doctor(config, timeout, forms[form], place, manifest_place, caller->place);
    give_back(some);
    answered(caller, status, ONE(OK));
    RULE(caller, (text == UNTOUCHED) == (status != KUBEPEERS_OK));
    RULE(caller, (manifest == UNTOUCHED) == (status != KUBEPEERS_OK || manifest_place == NULL));
    if (status == KUBEPEERS_OK)
        check_report(caller, form == 0, text, manifest);
}
