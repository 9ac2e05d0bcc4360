/* Opens, uses and closes a thousand providers. Run it under valgrind: nothing may be left. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "server.h"

enum { LIVES = 1000, A_MINUTE = 60 * 1000 };

static void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

#define MUST(condition) must((condition) != 0, #condition)
#define OK(call) must((call) == KUBEPEERS_OK, #call)

static void use_list(kubepeers_provider provider)
{
    kubepeers_peers *peers = NULL, *settled = NULL;
    kubepeers_error *error = NULL;
    OK(kubepeers_discover_peers(provider, A_MINUTE, &peers, NULL));
    OK(kubepeers_wait_for_peers(provider, 1, 0, A_MINUTE, &settled, NULL));
    for (size_t i = 0; i < kubepeers_peers_len(peers); i++) {
        MUST(strlen(kubepeers_peers_address(peers, i)) > strlen(kubepeers_peers_host(peers, i)));
        MUST(strlen(kubepeers_peers_uid(peers, i)) == strlen(kubepeers_peers_name(peers, i)) + 4);
        MUST(kubepeers_peers_node_name(peers, i) != NULL && kubepeers_peers_revision(peers, i) != NULL);
    }
    MUST(kubepeers_wait(provider, UINT64_MAX, 0, &peers, &error) == KUBEPEERS_TIMEOUT);
    MUST(strlen(kubepeers_error_message(error)) > 0);
    kubepeers_error_free(error);
    kubepeers_peers_free(peers);
    kubepeers_peers_free(settled);
}

static void use_texts(kubepeers_provider provider)
{
    kubepeers_health *health = NULL;
    char *json = NULL, *table = NULL, *metrics = NULL;
    OK(kubepeers_get_health(provider, &health, NULL));
    OK(kubepeers_explain(provider, KUBEPEERS_EXPLAIN_JSON, &json, NULL));
    OK(kubepeers_explain(provider, KUBEPEERS_EXPLAIN_TABLE, &table, NULL));
    OK(kubepeers_metrics(provider, &metrics, NULL));
    MUST(kubepeers_health_age_ms(health) >= 0 && strlen(json) + strlen(table) + strlen(metrics) > 0);
    kubepeers_health_free(health);
    kubepeers_text_free(json);
    kubepeers_text_free(table);
    kubepeers_text_free(metrics);
}

static void use_outlets(kubepeers_provider provider)
{
    char addresses[4096], *message = NULL;
    size_t length = 0;
    uint64_t generation = 0;
    int32_t descriptor = -1;
    OK(kubepeers_copy_addresses(provider, 0, A_MINUTE, addresses, sizeof addresses, &length, &generation, NULL));
    MUST(length > 0 && length < sizeof addresses && generation > 0);
    OK(kubepeers_change_fd(provider, &descriptor, NULL));
    OK(kubepeers_log_next(provider, NULL, NULL, &message, NULL));
    MUST(message != NULL && close(descriptor) == 0);
    kubepeers_text_free(message);
}

static void live(void)
{
    kubepeers_config *config = config_of(&kinds[0]);
    kubepeers_provider provider = 0;
    kubepeers_error *error = NULL;
    OK(kubepeers_init(config, &provider, NULL));
    OK(kubepeers_register(provider, A_MINUTE, NULL));
    use_list(provider);
    use_texts(provider);
    use_outlets(provider);
    /* Fresh only if a list comes before the call has looked for it, as when this thread stands still. */
    const kubepeers_status status = kubepeers_refresh(provider, NULL, 0, &error);
    MUST(status == (error == NULL ? KUBEPEERS_OK : KUBEPEERS_STALE));
    kubepeers_error_free(error);
    OK(kubepeers_close(provider, NULL));
    kubepeers_config_free(config);
}

int main(void)
{
    int answering, refusing;
    alarm(900);
    loopback_socket(&refusing);
    const int listener = loopback_socket(&answering);
    const pid_t server = serve(listener, 0);
    write_kubeconfigs(answering, refusing);
    for (int i = 0; i < LIVES; i++)
        live();
    remove_kubeconfigs();
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    printf("%d providers\n", LIVES);
    return 0;
}
