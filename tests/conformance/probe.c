/* The C probe of the conformance cases: README.md beside it says what it reads and prints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kubepeers.h"

struct probe {
    char **settings; /* KEY=VALUE */
    int count;
    kubepeers_provider provider;
};

static kubepeers_status set_all(kubepeers_config *config, const struct probe *probe, kubepeers_error **error)
{
    for (int i = 0; i < probe->count; i++) {
        char *separator = strchr(probe->settings[i], '=');
        kubepeers_status status;
        *separator = '\0';
        status = kubepeers_config_set(config, probe->settings[i], separator + 1, error);
        *separator = '=';
        if (status != KUBEPEERS_OK)
            return status;
    }
    return KUBEPEERS_OK;
}

static kubepeers_status init(struct probe *probe, kubepeers_error **error)
{
    kubepeers_config *config = kubepeers_config_new();
    kubepeers_status status = set_all(config, probe, error);
    if (status == KUBEPEERS_OK)
        status = kubepeers_init(config, &probe->provider, error);
    kubepeers_config_free(config);
    return status;
}

static void print_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '\\': fputs("\\\\", stdout); break;
        case '\n': fputs("\\n", stdout); break;
        case '\t': fputs("\\t", stdout); break;
        default: putchar(*text);
        }
    }
}

static void print_addresses(const kubepeers_peers *peers, const char *before)
{
    for (size_t i = 0; i < kubepeers_peers_len(peers); i++, before = " ")
        printf("%s%s", before, kubepeers_peers_address(peers, i));
}

/* Does one command and prints its line. False for what is no command. */
static int answer(struct probe *probe, const char *line)
{
    kubepeers_error *error = NULL;
    kubepeers_peers *peers = NULL;
    kubepeers_status status;
    char command[16];
    uint64_t after;
    int32_t timeout_ms;
    int end = 0;

    if (sscanf(line, "wait %" SCNu64 " %" SCNd32 "%n", &after, &timeout_ms, &end) == 2 && line[end] == '\0')
        status = kubepeers_wait(probe->provider, after, timeout_ms, &peers, &error);
    else if (strcmp(line, "init") == 0)
        status = init(probe, &error);
    else if (strcmp(line, "register") == 0)
        status = kubepeers_register(probe->provider, -1, &error);
    else if (strcmp(line, "discover") == 0)
        status = kubepeers_discover_peers(probe->provider, -1, &peers, &error);
    else if (strcmp(line, "deregister") == 0)
        status = kubepeers_deregister(probe->provider, &error);
    else if (strcmp(line, "close") == 0)
        status = kubepeers_close(probe->provider, &error);
    else
        return 0;

    sscanf(line, "%15s", command);
    printf("%s\t%s\t%d\t%d\t", command, kubepeers_status_name(status), (int)kubepeers_error_is_retryable(error),
           (int)kubepeers_error_http_status(error));
    if (strcmp(command, "wait") == 0 && status == KUBEPEERS_OK)
        printf("%" PRIu64, kubepeers_peers_generation(peers));
    print_addresses(peers, strcmp(command, "wait") == 0 ? " " : "");
    print_escaped(kubepeers_error_message(error));
    putchar('\n');
    fflush(stdout);
    kubepeers_peers_free(peers);
    kubepeers_error_free(error);
    return 1;
}

int main(int argc, char **argv)
{
    struct probe probe = {argv + 1, argc - 1, 0};
    char line[128];
    for (int i = 1; i < argc; i++) {
        if (strchr(argv[i], '=') == NULL) {
            fprintf(stderr, "probe: argument '%s' is not KEY=VALUE\n", argv[i]);
            return 2;
        }
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (!answer(&probe, line)) {
            fprintf(stderr, "probe: no such command: '%s'\n", line);
            return 2;
        }
    }
    kubepeers_close(probe.provider, NULL);
    return 0;
}
