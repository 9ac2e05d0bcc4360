/* kubepeers_config_* and kubepeers_init. */
#include <stdlib.h>

#include "calls.h"
#include "lives.h"
#include "shelves.h"
#include "texts.h"

void make_configs(struct caller *caller)
{
    caller->configs = calloc(kinds_count, sizeof *caller->configs);
    for (size_t i = 0; i < kinds_count; i++)
        caller->configs[i] = config_of(&kinds[i]);
}

void free_configs(struct caller *caller)
{
    for (size_t i = 0; i < kinds_count; i++)
        kubepeers_config_free(caller->configs[i]);
    free(caller->configs);
}

void call_config_new(struct caller *caller)
{
    kubepeers_config *config = kubepeers_config_new();
    RULE(caller, config != NULL);
    put_away(caller, CONFIGS, config, 0);
}

void call_config_free(struct caller *caller)
{
    struct taken config = take_alone(caller, CONFIGS);
    kubepeers_config_free(config.item);
    give_back_freed(config);
}

static statuses may_set(const kubepeers_config *config, const char *key, const char *value, int value_fits)
{
    if (config == NULL || key == NULL || value == NULL)
        return ONE(INVALID_ARGUMENT) | (key != NULL && !is_text(key) ? ONE(INVALID_UTF8) : 0);
    if (!is_text(key) || !is_text(value))
        return ONE(INVALID_UTF8);
    if (!is_key(key))
        return ONE(UNKNOWN_KEY);
    return value_fits ? ONE(OK) : ONE(OK) | ONE(INVALID_CONFIG);
}

void call_config_set(struct caller *caller)
{
    struct taken config = take_alone(caller, CONFIGS);
    const char *key = some_key(caller), *value = some_value(caller, key);
    kubepeers_error **error = error_place(caller);
    kubepeers_status status = kubepeers_config_set(config.item, key, value, error);
    give_back(config);
    answered(caller, status, may_set(config.item, key, value, key != NULL && is_good(key, value)));
}

/* Inits with this configuration; what `*provider` was before says what may come of it. Gives the new one, or 0. */
static kubepeers_provider init(struct caller *caller, const kubepeers_config *config, const struct kind *kind)
{
    struct target before = in_percent(&caller->random, 70) ? target_of(NULL) : choose(caller);
    kubepeers_provider provider = before.provider;
    kubepeers_provider *place = in_percent(&caller->random, 5) ? NULL : &provider;
    int occupied = before.life != NULL && !before.was_closed;
    kubepeers_error **error = error_place(caller);
    kubepeers_status status = kubepeers_init(config, place, error);
    statuses allowed = kind == &any_kind ? ONE(OK) | ONE(INVALID_CONFIG) : ONE(OK);
    if (config == NULL || place == NULL)
        allowed = ONE(INVALID_ARGUMENT);
    else if (occupied)
        allowed = (before.shared && before.life->close_begun ? allowed : 0) | ONE(ALREADY_INITIALIZED);
    answered(caller, status, allowed);
    RULE(caller, (provider == before.provider) == (status != KUBEPEERS_OK));
    RULE(caller, status != KUBEPEERS_OK || provider != 0);
    return status == KUBEPEERS_OK ? provider : 0;
}

void call_init(struct caller *caller)
{
    const struct kind *kind = &any_kind;
    kubepeers_provider provider;
    if (caller->configs != NULL && in_percent(&caller->random, 70)) {
        kind = &kinds[below(&caller->random, kinds_count)];
        provider = init(caller, caller->configs[kind - kinds], kind);
    } else {
        struct taken config = take_alone(caller, CONFIGS);
        provider = init(caller, config.item, kind);
        give_back(config);
    }
    if (provider != 0)
        begin_life(caller, provider, kind);
}
