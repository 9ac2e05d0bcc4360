/* The C probe of the conformance cases: README.md says what it reads and prints. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kubepeers.h"

struct probe {
    char **settings; /* KEY=VALUE */
    int count;
    kubepeers_provider provider;
    int changes;     /* the descriptor of the subscription; -1 without one */
    uint64_t told;   /* the generation that it told last */
    char *manifest;  /* of the last call's error, or NULL */
};

static kubepeers_status set_all(kubepeers_config *config, const struct probe *probe, kubepeers_error **error)
{
    for (int i = 0; i < probe->count; i++) {
        char *separator = strchr(probe->settings[i], '=');
        kubepeers_status status;
        * separator = '\0';
        status = kubepeers_config_set(config, probe->settings[i], separator + 1, error);
        * separator = '=';
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

/* Needs no provider. */
static kubepeers_status doctor(const struct probe *probe, int32_t timeout_ms, int32_t form, char **text,
                               kubepeers_error **error)
{
    kubepeers_config *config = kubepeers_config_new();
    kubepeers_status status = set_all(config, probe, error);
    if (status == KUBEPEERS_OK)
        status = kubepeers_doctor(config, timeout_ms, form, text, NULL, error);
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

/* What a call gave. */
struct answer {
    kubepeers_status status;
    kubepeers_error *error;
    kubepeers_peers *peers;
    kubepeers_health *health;
    char *text;
    int32_t level; /* of a log record, which the text is then */
    uint64_t generation;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* To be called before one looks: what changes after the look is then told. */
static void clear(int fd)
{
    char bytes[512];
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

/* Waits for a change. False when the time is over. */
static int changed(int fd, int64_t until)
{
    struct pollfd wanted = {fd, POLLIN, 0};
    int64_t left = until - now_ms();
    if (left <= 0)
        return 0;
    return poll(&wanted, 1, (int)left) >= 0;
}

/* Reports a timeout, or the end of a subscription: neither has a message. */
static void say_only(kubepeers_status status, struct answer *to)
{
    kubepeers_error_free(to->error);
    to->error = NULL;
    to->status = status;
}

static void unwatch(struct probe *probe)
{
    if (probe->changes >= 0)
        close(probe->changes);
    probe->changes = -1;
    probe->told = 0;
}

/* Waits while the error is transient. */
static int passes(const struct answer *answer)
{
    return answer->status != KUBEPEERS_OK && kubepeers_error_is_retryable(answer->error);
}

/* The next peers that the subscription tells, or the error that ends it. */
static void next(struct probe *probe, int32_t timeout_ms, struct answer *to)
{
    int64_t until = now_ms() + timeout_ms;
    if (probe->changes < 0)
        to->status = kubepeers_change_fd(probe->provider, &probe->changes, &to->error);
    if (to->status != KUBEPEERS_OK)
        return;
    do {
        clear(probe->changes);
        say_only(KUBEPEERS_OK, to);
        to->status = kubepeers_wait(probe->provider, probe->told, 0, &to->peers, &to->error);
    } while (passes(to) && changed(probe->changes, until));
    if (to->status == KUBEPEERS_OK)
        probe->told = kubepeers_peers_generation(to->peers);
    else if (passes(to))
        say_only(KUBEPEERS_TIMEOUT, to);
    else
        unwatch(probe);
    if (to->status == KUBEPEERS_CLOSED)
        say_only(KUBEPEERS_CLOSED, to);
}

/* What a call that waits is asked for. */
struct wish {
    uint64_t request;
    size_t min;
    int32_t stable_for_ms;
};

/* Calls once without waiting. True if the outcome may still change. */
typedef int attempt(struct probe *probe, struct wish *wish, struct answer *to);

static int log_once(struct probe *probe, struct wish *wish, struct answer *to)
{
    (void)wish;
    to->status = kubepeers_log_next(probe->provider, &to->level, NULL, &to->text, &to->error);
    return to->status == KUBEPEERS_OK && to->text == NULL;
}

static int refresh_once(struct probe *probe, struct wish *wish, struct answer *to)
{
    to->status = kubepeers_refresh(probe->provider, &wish->request, 0, &to->error);
    return to->status == KUBEPEERS_STALE || to->status == KUBEPEERS_NOT_SYNCED;
}

static int settle_once(struct probe *probe, struct wish *wish, struct answer *to)
{
    to->status = kubepeers_wait_for_peers(probe->provider, wish->min, wish->stable_for_ms, 0, &to->peers, &to->error);
    return to->status == KUBEPEERS_TIMEOUT || passes(to);
}

/* Waits by the descriptor, as an event loop does. */
static void wait_by_descriptor(struct probe *probe, attempt *attempt, struct wish wish, int32_t timeout_ms,
                               struct answer *to)
{
    int64_t until = now_ms() + timeout_ms;
    int fd = -1;
    to->status = kubepeers_change_fd(probe->provider, &fd, &to->error);
    if (to->status != KUBEPEERS_OK)
        return;
    do {
        clear(fd);
        say_only(KUBEPEERS_OK, to);
    } while (attempt(probe, &wish, to) && changed(fd, until));
    close(fd);
}

/* The oldest log record that waits. */
static void next_record(struct probe *probe, int32_t timeout_ms, struct answer *to)
{
    wait_by_descriptor(probe, log_once, (struct wish){0, 0, 0}, timeout_ms, to);
    if (to->status == KUBEPEERS_OK && to->text == NULL)
        say_only(KUBEPEERS_TIMEOUT, to);
}

/* Keeps the manifest of the last call's error. */
static void keep_manifest(struct probe *probe, const kubepeers_error *error)
{
    const char *manifest = kubepeers_error_manifest(error);
    free(probe->manifest);
    probe->manifest = manifest == NULL ? NULL : strdup(manifest);
}

/* Calls what a line without arguments asks for. False for what is no such command. */
static int call_plain(struct probe *probe, const char *line, struct answer *to)
{
    kubepeers_provider provider = probe->provider;
    if (strcmp(line, "init") == 0)
        to->status = init(probe, &to->error);
    else if (strcmp(line, "register") == 0)
        to->status = kubepeers_register(provider, KUBEPEERS_TIMEOUT_DEFAULT, &to->error);
    else if (strcmp(line, "discover") == 0 || strcmp(line, "nodes") == 0)
        to->status = kubepeers_discover_peers(provider, KUBEPEERS_TIMEOUT_DEFAULT, &to->peers, &to->error);
    else if (strcmp(line, "self") == 0)
        to->status = kubepeers_get_self(provider, KUBEPEERS_TIMEOUT_DEFAULT, &to->peers, &to->error);
    else if (strcmp(line, "health") == 0)
        to->status = kubepeers_get_health(provider, &to->health, &to->error);
    else if (strcmp(line, "metrics") == 0)
        to->status = kubepeers_metrics(provider, &to->text, &to->error);
    else if (strcmp(line, "explain json") == 0)
        to->status = kubepeers_explain(provider, KUBEPEERS_EXPLAIN_JSON, &to->text, &to->error);
    else if (strcmp(line, "explain table") == 0)
        to->status = kubepeers_explain(provider, KUBEPEERS_EXPLAIN_TABLE, &to->text, &to->error);
    else if (strcmp(line, "deregister") == 0)
        to->status = kubepeers_deregister(provider, &to->error);
    else if (strcmp(line, "close") == 0)
        to->status = kubepeers_close(provider, &to->error);
    else if (strcmp(line, "generation") == 0)
        to->generation = kubepeers_generation(provider);
    else if (strcmp(line, "watch") == 0 || strcmp(line, "unwatch") == 0)
        unwatch(probe); /* next makes the descriptor */
    else
        return 0;
    return 1;
}

/* The same for those with numbers. */
static int call_with_numbers(struct probe *probe, const char *line, struct answer *to)
{
    kubepeers_provider provider = probe->provider;
    uint64_t after;
    size_t min;
    int32_t stable_for_ms, timeout_ms;
    int end = 0;

    if (sscanf(line, "wait %" SCNu64 " %" SCNd32 "%n", &after, &timeout_ms, &end) == 2 && line[end] == '\0')
        to->status = kubepeers_wait(provider, after, timeout_ms, &to->peers, &to->error);
    else if (sscanf(line, "settle %zu %" SCNd32 " %" SCNd32 "%n", &min, &stable_for_ms, &timeout_ms, &end) == 3
             && line[end] == '\0')
        if (timeout_ms < 0 || stable_for_ms < 0)
            to->status = kubepeers_wait_for_peers(provider, min, stable_for_ms, timeout_ms, &to->peers, &to->error);
        else
            wait_by_descriptor(probe, settle_once, (struct wish){0, min, stable_for_ms}, timeout_ms, to);
    else if (sscanf(line, "refresh %" SCNd32 "%n", &timeout_ms, &end) == 1 && line[end] == '\0')
        wait_by_descriptor(probe, refresh_once, (struct wish){0, 0, 0}, timeout_ms < 0 ? 5000 : timeout_ms, to);
    else if (sscanf(line, "doctor json %" SCNd32 "%n", &timeout_ms, &end) == 1 && line[end] == '\0')
        to->status = doctor(probe, timeout_ms, KUBEPEERS_DOCTOR_JSON, &to->text, &to->error);
    else if (sscanf(line, "doctor text %" SCNd32 "%n", &timeout_ms, &end) == 1 && line[end] == '\0')
        to->status = doctor(probe, timeout_ms, KUBEPEERS_DOCTOR_TEXT, &to->text, &to->error);
    else if (sscanf(line, "next %" SCNd32 "%n", &timeout_ms, &end) == 1 && line[end] == '\0')
        next(probe, timeout_ms, to);
    else if (sscanf(line, "log %" SCNd32 "%n", &timeout_ms, &end) == 1 && line[end] == '\0')
        next_record(probe, timeout_ms, to);
    else
        return 0;
    return 1;
}

static void print_addresses(const kubepeers_peers *peers, const char *before)
{
    for (size_t i = 0; i < kubepeers_peers_len(peers); i++, before = " ")
        printf("%s%s", before, kubepeers_peers_address(peers, i));
}

static void print_nodes(const kubepeers_peers *peers)
{
    for (size_t i = 0; i < kubepeers_peers_len(peers); i++)
        printf("%s%s,%s,%s,%d,%d,%d,%d,%s,%s", i > 0 ? " " : "", kubepeers_peers_name(peers, i),
               kubepeers_peers_uid(peers, i), kubepeers_peers_host(peers, i),
               (int)kubepeers_peers_discovery_port(peers, i), (int)kubepeers_peers_remoting_port(peers, i),
               (int)kubepeers_peers_peers_port(peers, i), (int)kubepeers_peers_is_ready(peers, i),
               kubepeers_peers_node_name(peers, i), kubepeers_peers_revision(peers, i));
}

static void print_health(const kubepeers_health *health)
{
    const kubepeers_error *error = kubepeers_health_error(health);
    const char *kind = kubepeers_health_error_class(health);
    printf("%d %d %d %d %s %s", kubepeers_health_age_ms(health) >= 0, (int)kubepeers_health_is_stale(health),
           (int)kubepeers_health_is_watching(health), (int)kubepeers_health_is_polling(health),
           error == NULL ? "-" : kubepeers_status_name(kubepeers_error_status(error)), *kind == '\0' ? "-" : kind);
}

static void print_record(const struct answer *from)
{
    static const char *const levels[] = {"", "error", "warn", "info", "debug"};
    printf("%s ", levels[from->level]);
    print_escaped(from->text);
}

static void print_payload(const char *command, const struct answer *from)
{
    if (from->status != KUBEPEERS_OK)
        print_escaped(kubepeers_error_message(from->error));
    else if (strcmp(command, "nodes") == 0 || strcmp(command, "self") == 0)
        print_nodes(from->peers);
    else if (strcmp(command, "discover") == 0)
        print_addresses(from->peers, "");
    else if (strcmp(command, "generation") == 0)
        printf("%" PRIu64, from->generation);
    else if (strcmp(command, "log") == 0)
        print_record(from);
    else if (from->peers != NULL) {
        printf("%" PRIu64, kubepeers_peers_generation(from->peers));
        print_addresses(from->peers, " ");
    } else if (from->health != NULL)
        print_health(from->health);
    else if (from->text != NULL)
        print_escaped(from->text);
}

/* Does one command and prints its line. False for what is no command. */
static int answer(struct probe *probe, const char *line)
{
    struct answer answer = {KUBEPEERS_OK, NULL, NULL, NULL, NULL, 0, 0};
    char command[16];

    if (strcmp(line, "manifest") == 0) {
        printf("manifest\tOK\t0\t0\t");
        print_escaped(probe->manifest == NULL ? "" : probe->manifest);
        putchar('\n');
        fflush(stdout);
        return 1;
    }
    if (!call_plain(probe, line, &answer) && !call_with_numbers(probe, line, &answer))
        return 0;
    keep_manifest(probe, answer.error);
    sscanf(line, "%15s", command);
    printf("%s\t%s\t%d\t%d\t", command, kubepeers_status_name(answer.status),
           (int)kubepeers_error_is_retryable(answer.error), (int)kubepeers_error_http_status(answer.error));
    print_payload(command, &answer);
    putchar('\n');
    fflush(stdout);
    kubepeers_peers_free(answer.peers);
    kubepeers_health_free(answer.health);
    kubepeers_text_free(answer.text);
    kubepeers_error_free(answer.error);
    return 1;
}

int main(int argc, char **argv)
{
    struct probe probe = {argv + 1, argc - 1, 0, -1, 0, NULL};
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
    unwatch(&probe);
    kubepeers_close(probe.provider, NULL);
    free(probe.manifest);
    return 0;
}
