#include "fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"

enum { CONNECTIONS = 900, REQUEST = 4096, TEXT = 1 << 16, EVENT_INTERVAL_MS = 5 };
enum { TLS_HANDSHAKE = 0x16, RANDOM_THREAD = 1000 };

enum mode { GOOD, CHANGING, FLAKY, ERRORS, GARBAGE, FORBIDDEN, UNAUTHORIZED, MIXED, MODES };
static const char *const namespaces[MODES] = {
    "/good/",    "/changing/",  "/flaky/",        "/errors/",
    "/garbage/", "/forbidden/", "/unauthorized/", "/mixed/",
};

struct connection {
    int watching;
    enum mode mode;
    size_t length;
    char request[REQUEST];
};

static struct random numbers;
static struct connection connections[CONNECTIONS];
static struct pollfd sockets[CONNECTIONS];
static int count;
static unsigned long long resource_version = 10;
static volatile sig_atomic_t p2_is_deleted;

/* The response, or event, that is being written. */
static char text[TEXT];
static size_t length;

/* --- responses --- */

static void put(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text + length, sizeof text - length, format, arguments);
    va_end(arguments);
    length += written > 0 ? (size_t)written : 0;
    length = length < sizeof text ? length : sizeof text - 1;
}

/* A ready pod has all that a pod may have. One that is not ready lacks what a pod may lack. */
static void put_pod(const char *name, const char *ip, int port, int ready)
{
    put("{\"metadata\": {\"name\": \"%s\", \"uid\": \"uid-%s\", \"resourceVersion\": \"%llu\", "
        "\"labels\": {\"app\": \"test\"%s}}, \"spec\": {%s\"containers\": [{\"ports\": ["
        "{\"name\": \"%s\", \"containerPort\": %d}%s]}]}, \"status\": {\"phase\": \"Running\", "
        "\"podIP\": \"%s\", \"conditions\": [{\"type\": \"Ready\", \"status\": \"%s\"}]}}",
        name, name, resource_version, ready ? ", \"controller-revision-hash\": \"r1\"" : "",
        ready ? "\"nodeName\": \"n1\", " : "", port > 0 ? "gossip" : "other", port > 0 ? port : 9,
        ready ? ", {\"name\": \"remoting\", \"containerPort\": 2}"
                ", {\"name\": \"peers\", \"containerPort\": 65535}"
              : "",
        ip, ready ? "True" : "False");
}

static void put_random_pod(void)
{
    char name[16], ip[32];
    uint64_t number = below(&numbers, 8);
    snprintf(name, sizeof name, "p%d", (int)number);
    snprintf(ip, sizeof ip, number % 3 == 2 ? "fd00::%d" : "10.0.0.%d", (int)number + 1);
    put_pod(name, ip, (int)below(&numbers, 3), in_percent(&numbers, 50));
}

/* JSON of the right form, with values that no API server sends. */
static void put_odd_pod(void)
{
#define POD(name, rest) \
    "{\"metadata\": {\"name\": \"" name "\", \"uid\": \"uid-" name "\", " rest "}"
#define PORT(number) \
    "\"containers\": [{\"ports\": [{\"name\": \"gossip\", \"containerPort\": " number "}]}]"
    static const char *const odd[] = {
        POD("\\u0000", "\"resourceVersion\": \"1\"}"),
        POD("p1", "\"resourceVersion\": \"1\"}, \"status\": {\"podIP\": \"\\ud83e\\udd80\"}"),
        POD("a", "\"resourceVersion\": \"1\"}, \"spec\": null, "
                 "\"status\": {\"podIPs\": [{}, {\"ip\": null}]}"),
        POD("a", "\"resourceVersion\": \"\", \"deletionTimestamp\": []}, "
                 "\"spec\": {" PORT("9223372036854775807") "}"),
        POD("b\\u0000c", "\"resourceVersion\": \"1\"}, "
                         "\"spec\": {\"nodeName\": \"\\u0000\", " PORT("5") "}, "
                         "\"status\": {\"phase\": \"Running\", \"podIP\": \"10.9.9.9\"}"),
    };
    put("%s", odd[below(&numbers, sizeof odd / sizeof *odd)]);
}

static void put_some_pod(enum mode mode)
{
    if (mode == MIXED && in_percent(&numbers, 20))
        put_odd_pod();
    else
        put_random_pod();
}

static void put_list(enum mode mode)
{
    put("{\"kind\": \"PodList\", \"apiVersion\": \"v1\", "
        "\"metadata\": {\"resourceVersion\": \"%llu\"}, \"items\": [",
        ++resource_version);
    if (mode == CHANGING || mode == MIXED)
        for (uint64_t left = below(&numbers, 6); left > 0; left--, put(","))
            put_some_pod(mode);
    put_pod("p1", "10.0.0.2", 1, 1), put(",");
    put_pod("p2", "fd00::2", 1, 0), put(",");
    put_pod("no-port", "10.0.0.9", 0, 1), put(",");
    put_pod("twin-a", "10.0.1.1", 1, 1), put(",");
    put_pod("twin-b", "10.0.1.1", 2, 1), put("]}\n");
}

static void put_event(enum mode mode)
{
    static const char *const types[] = {"ADDED", "MODIFIED", "MODIFIED", "DELETED"};
    ++resource_version;
    if (in_percent(&numbers, 10)) {
        put("{\"type\": \"BOOKMARK\", \"object\": {\"kind\": \"Pod\", "
            "\"metadata\": {\"resourceVersion\": \"%llu\"}}}\n",
            resource_version);
    } else if (mode == MIXED && in_percent(&numbers, 10)) {
        put("{\"type\": \"ERROR\", \"object\": {\"kind\": \"Status\", \"code\": 410, "
            "\"reason\": \"Expired\", \"message\": \"too old\"}}\n");
    } else {
        put("{\"type\": \"%s\", \"object\": ", types[below(&numbers, 4)]);
        put_some_pod(mode), put("}\n");
    }
}

static void put_garbage(void)
{
    for (uint64_t left = below(&numbers, 200); left > 0; left--)
        text[length++] = (char)any(&numbers);
}

static void put_status(int code, const char *reason)
{
    put("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"kind\": \"Status\", \"apiVersion\": \"v1\", \"status\": \"Failure\", "
        "\"reason\": \"%s\", \"message\": \"no: %s\", \"code\": %d}\n",
        code, reason, reason, reason, code);
}

static enum mode mode_of(const char *request)
{
    for (int mode = 0; mode < MODES; mode++)
        if (strstr(request, namespaces[mode]) != NULL)
            return (enum mode)mode;
    return MIXED;
}

static enum mode error_mode(enum mode mode)
{
    if (mode != MIXED || in_percent(&numbers, 60))
        return mode;
    return (enum mode)(ERRORS + below(&numbers, MIXED - ERRORS));
}

/* Writes an error response if this request gets one. */
static int put_error(enum mode mode, int single)
{
    static int flaky_requests;
    switch (error_mode(mode)) {
    case ERRORS: put_status(500, "InternalError"); break;
    case FORBIDDEN: put_status(403, "Forbidden"); break;
    case UNAUTHORIZED: put_status(401, "Unauthorized"); break;
    case FLAKY:
        if (++flaky_requests % 3 == 0)
            put_status(503, "ServiceUnavailable");
        break;
    default: break;
    }
    if (length == 0 && single)
        put_status(404, "NotFound");
    return length > 0;
}

static void put_response(enum mode mode, int watch, int single)
{
    if (put_error(mode, single))
        return;
    put("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n",
        watch ? "" : "Connection: close\r\n");
    if (error_mode(mode) == GARBAGE)
        put_garbage();
    else if (!watch)
        put_list(mode);
    if (mode == MIXED && !watch && in_percent(&numbers, 10))
        length -= below(&numbers, length);
}

/* --- connections --- */

static void forget(int index)
{
    close(sockets[index].fd);
    count--;
    sockets[index] = sockets[count];
    connections[index] = connections[count];
}

/* Returns 0 if the client is too slow to take all of it. */
static int send_text(int index)
{
    const ssize_t wanted = (ssize_t)length;
    length = 0;
    return wanted == 0
           || send(sockets[index].fd, text, (size_t)wanted, MSG_NOSIGNAL | MSG_DONTWAIT) == wanted;
}

static void answer(int index)
{
    struct connection *connection = &connections[index];
    connection->mode = mode_of(connection->request);
    connection->watching = strstr(connection->request, "watch=") != NULL;
    put_response(connection->mode, connection->watching,
                 strstr(connection->request, "/pods?") == NULL);
    if (!send_text(index) || !connection->watching)
        forget(index);
}

/*
 * Answers a TLS handshake with nonsense. The end of the stream comes together with it and a reset
 * right after it, so that the client's complaint often meets a closed socket (SIGPIPE).
 */
static void break_tls(int index)
{
    const int on = 1;
    const struct linger reset = {1, 0};
    setsockopt(sockets[index].fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    put("neither TLS nor anything else");
    send_text(index);
    shutdown(sockets[index].fd, SHUT_WR);
    setsockopt(sockets[index].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    forget(index);
}

static void read_request(int index)
{
    struct connection *connection = &connections[index];
    char *end = connection->request + connection->length;
    ssize_t got = recv(sockets[index].fd, end, REQUEST - 1 - connection->length, MSG_DONTWAIT);
    if (got <= 0 || connection->watching) {
        forget(index);
        return;
    }
    connection->length += (size_t)got;
    connection->request[connection->length] = '\0';
    if ((unsigned char)connection->request[0] == TLS_HANDSHAKE) {
        break_tls(index);
    } else if (strstr(connection->request, "\r\n\r\n") != NULL) {
        answer(index);
    } else if (connection->length >= REQUEST - 1) {
        put_status(400, "BadRequest");
        send_text(index);
        forget(index);
    }
}

static void accept_one(int listener)
{
    int accepted = accept(listener, NULL, NULL);
    if (accepted >= 0 && count == CONNECTIONS) {
        close(accepted);
    } else if (accepted >= 0) {
        memset(&connections[count], 0, sizeof connections[count]);
        sockets[count++] = (struct pollfd){.fd = accepted, .events = POLLIN};
    }
}

static void send_events(void)
{
    for (int i = count - 1; i > 0; i--) {
        enum mode mode = connections[i].mode;
        int changes = mode == CHANGING || mode == MIXED;
        if (!connections[i].watching || !changes || in_percent(&numbers, 50))
            continue;
        put_event(mode);
        if (mode == MIXED && in_percent(&numbers, 5))
            put_garbage();
        if (!send_text(i) || (mode == MIXED && in_percent(&numbers, 5)))
            forget(i);
    }
}

static void send_deletion(void)
{
    p2_is_deleted = 0;
    ++resource_version;
    for (int i = count - 1; i > 0; i--) {
        if (!connections[i].watching || connections[i].mode != GOOD)
            continue;
        put("{\"type\": \"DELETED\", \"object\": ");
        put_pod("p2", "fd00::2", 1, 0), put("}\n");
        if (!send_text(i))
            forget(i);
    }
}

static void serve(int listener)
{
    /* The first place is the listener's. */
    sockets[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        int ready = poll(sockets, (nfds_t)count, EVENT_INTERVAL_MS);
        for (int i = count - 1; i > 0 && ready > 0; i--)
            if (sockets[i].revents != 0)
                read_request(i);
        if (ready > 0 && sockets[0].revents != 0)
            accept_one(listener);
        if (ready == 0 || in_percent(&numbers, 2))
            send_events();
        if (p2_is_deleted)
            send_deletion();
    }
}

/* --- the process and its kubeconfigs --- */

static pid_t server_process;
static char kubeconfigs[SERVERS][32];

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* A bound socket keeps its port from all others. Unless it listens, connections are refused. */
static int loopback_socket(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bound < 0 || bind(bound, (struct sockaddr *)&address, size) != 0
        || getsockname(bound, (struct sockaddr *)&address, &size) != 0)
        fail("no loopback port");
    *port = ntohs(address.sin_port);
    return bound;
}

static void write_file(enum server server, const char *content)
{
    char *path = strcpy(kubeconfigs[server], "/tmp/kubepeers-test-XXXXXX");
    int file = mkstemp(path);
    if (file < 0 || fchmod(file, 0644) != 0
        || write(file, content, strlen(content)) != (ssize_t)strlen(content))
        fail("no temporary file");
    close(file);
}

static void write_kubeconfig(enum server server, const char *host, int port)
{
    char content[512];
    snprintf(content, sizeof content,
             "{apiVersion: v1, kind: Config, current-context: c,\n"
             "contexts: [{name: c, context: {cluster: c, user: u}}],\n"
             "clusters: [{name: c, cluster: {server: '%s:%d', insecure-skip-tls-verify: true}}],\n"
             "users: [{name: u, user: {token: t}}]}\n",
             host, port);
    write_file(server, content);
}

const char *kubeconfig_of(enum server server)
{
    return kubeconfigs[server];
}

static void on_sigusr1(int signal_number)
{
    (void)signal_number;
    p2_is_deleted = 1;
}

void delete_p2(void)
{
    kill(server_process, SIGUSR1);
}

void start_server(uint64_t seed)
{
    int answering, refusing;
    const int listener = loopback_socket(&answering);
    loopback_socket(&refusing);
    /* Before the fork: a signal may come as soon as the process is there. */
    signal(SIGUSR1, on_sigusr1);
    server_process = listen(listener, 128) == 0 ? fork() : -1;
    if (server_process < 0)
        fail("no server");
    if (server_process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        numbers = random_of(seed, RANDOM_THREAD);
        serve(listener);
    }
    signal(SIGUSR1, SIG_DFL);
    close(listener);
    write_kubeconfig(ANSWERING, "http://127.0.0.1", answering);
    write_kubeconfig(NAMED, "http://localhost", answering);
    write_kubeconfig(BREAKING_TLS, "https://127.0.0.1", answering);
    write_kubeconfig(REFUSING, "http://127.0.0.1", refusing);
    write_file(UNREADABLE, "{[}\xff");
}

void stop_server(void)
{
    kill(server_process, SIGKILL);
    waitpid(server_process, NULL, 0);
    for (int server = 0; server < SERVERS; server++)
        unlink(kubeconfigs[server]);
}
