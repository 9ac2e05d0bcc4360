#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "random.h"

enum { CONNECTIONS = 900, REQUEST = 4096, TEXT = 1 << 16, EVENTS_EVERY_MS = 5, TLS_HANDSHAKE = 0x16 };

enum mode { GOOD, CHANGING, ONCE, ERRORS, GARBAGE, FORBIDDEN, UNAUTHORIZED, MIXED, MODES };
static const char *const namespaces[MODES] = {
    "/good/", "/changing/", "/once/", "/errors/", "/garbage/", "/forbidden/", "/unauthorized/", "/mixed/",
};

struct connection {
    int watching;
    enum mode mode;
    size_t length;
    char request[REQUEST];
};

static struct random random_numbers;
static struct connection connections[CONNECTIONS];
static struct pollfd sockets[CONNECTIONS];
static int count;
static unsigned long long resource_version = 10;

/* What is being said. */
static char text[TEXT];
static size_t length;

static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int said = vsnprintf(text + length, sizeof text - length, format, arguments);
    va_end(arguments);
    length += said > 0 ? (size_t)said : 0;
    length = length < sizeof text ? length : sizeof text - 1;
}

/* A pod with ports, at an address; the own one is p1. */
static void say_pod(const char *name, const char *ip, int port, int ready)
{
    say("{\"metadata\": {\"name\": \"%s\", \"uid\": \"uid-%s\", \"resourceVersion\": \"%llu\", \"labels\": {\"app\": \"test\"}},"
        " \"spec\": {\"nodeName\": \"n1\", \"containers\": [{\"ports\": [{\"name\": \"%s\", \"containerPort\": %d},"
        " {\"name\": \"remoting\", \"containerPort\": 2}]}]}, \"status\": {\"phase\": \"Running\", \"podIP\": \"%s\","
        " \"conditions\": [{\"type\": \"Ready\", \"status\": \"%s\"}]}}",
        name, name, resource_version, port > 0 ? "gossip" : "other", port > 0 ? port : 9, ip, ready ? "True" : "False");
}

static void say_some_pod(void)
{
    char name[16], ip[32];
    uint64_t number = below(&random_numbers, 8);
    snprintf(name, sizeof name, "p%d", (int)number);
    snprintf(ip, sizeof ip, number % 3 == 2 ? "fd00::%d" : "10.0.0.%d", (int)number + 1);
    say_pod(name, ip, (int)below(&random_numbers, 3), in_percent(&random_numbers, 50));
}

/* Pods that are still JSON of the right form. */
static void say_odd_pod(void)
{
    static const char *const odd[] = {
        "{\"metadata\": {\"name\": \"\\u0000\", \"uid\": \"uid-\\u0000\", \"resourceVersion\": \"1\"}}",
        "{\"metadata\": {\"name\": \"p1\", \"uid\": \"uid-p1\", \"resourceVersion\": \"1\"}, \"status\": {\"podIP\": \"\\ud83e\\udd80\"}}",
        "{\"metadata\": {\"name\": \"a\", \"uid\": \"uid-a\", \"resourceVersion\": \"1\"}, \"spec\": null, \"status\": {\"podIPs\": [{}, {\"ip\": null}]}}",
        "{\"metadata\": {\"name\": \"a\", \"uid\": \"uid-a\", \"resourceVersion\": \"\", \"deletionTimestamp\": []}, \"spec\":"
        " {\"containers\": [{\"ports\": [{\"name\": \"gossip\", \"containerPort\": 9223372036854775807}]}]}}",
        "{\"metadata\": {\"name\": \"b\\u0000c\", \"uid\": \"uid-b\\u0000c\", \"resourceVersion\": \"1\"}, \"spec\": {\"nodeName\": \"\\u0000\","
        " \"containers\": [{\"ports\": [{\"name\": \"gossip\", \"containerPort\": 5}]}]}, \"status\": {\"phase\": \"Running\", \"podIP\": \"10.9.9.9\"}}",
    };
    say("%s", odd[below(&random_numbers, sizeof odd / sizeof *odd)]);
}

static void say_list(enum mode mode)
{
    say("{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"metadata\": {\"resourceVersion\": \"%llu\"}, \"items\": [", ++resource_version);
    if (mode == CHANGING || mode == MIXED) {
        for (uint64_t left = below(&random_numbers, 6); left > 0; left--, say(","))
            mode == MIXED && in_percent(&random_numbers, 20) ? say_odd_pod() : say_some_pod();
    }
    say_pod("p1", "10.0.0.2", 1, 1);
    say(",");
    say_pod("p2", "fd00::2", 1, 0);
    say(",");
    say_pod("no-port", "10.0.0.9", 0, 1);
    say(",");
    say_pod("twin-a", "10.0.1.1", 1, 1);
    say(",");
    say_pod("twin-b", "10.0.1.1", 2, 1);
    say("]}\n");
}

static void say_event(enum mode mode)
{
    static const char *const types[] = {"ADDED", "MODIFIED", "MODIFIED", "DELETED"};
    ++resource_version;
    if (in_percent(&random_numbers, 10)) {
        say("{\"type\": \"BOOKMARK\", \"object\": {\"kind\": \"Pod\", \"metadata\": {\"resourceVersion\": \"%llu\"}}}\n", resource_version);
        return;
    }
    if (mode == MIXED && in_percent(&random_numbers, 10)) {
        say("{\"type\": \"ERROR\", \"object\": {\"kind\": \"Status\", \"code\": 410, \"reason\": \"Expired\", \"message\": \"too old\"}}\n");
        return;
    }
    say("{\"type\": \"%s\", \"object\": ", types[below(&random_numbers, 4)]);
    mode == MIXED && in_percent(&random_numbers, 20) ? say_odd_pod() : say_some_pod();
    say("}\n");
}

static void say_garbage(void)
{
    for (uint64_t left = below(&random_numbers, 200); left > 0; left--)
        text[length++] = (char)any(&random_numbers);
}

static void say_status(int code, const char *reason)
{
    say("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"kind\": \"Status\", \"apiVersion\": \"v1\", \"status\": \"Failure\", \"reason\": \"%s\", \"message\": \"no: %s\", \"code\": %d}\n",
        code, reason, reason, reason, code);
}

static enum mode mode_of(const char *request)
{
    for (int mode = 0; mode < MODES; mode++)
        if (strstr(request, namespaces[mode]) != NULL)
            return (enum mode)mode;
    return MIXED;
}

/* MIXED is any other. */
static enum mode mood(enum mode mode)
{
    return mode == MIXED && in_percent(&random_numbers, 40) ? (enum mode)(ERRORS + below(&random_numbers, MIXED - ERRORS)) : mode;
}

static void say_answer(enum mode mode, int watch, int single)
{
    static int times;
    switch (mood(mode)) {
    case ERRORS: say_status(500, "InternalError"); return;
    case FORBIDDEN: say_status(403, "Forbidden"); return;
    case UNAUTHORIZED: say_status(401, "Unauthorized"); return;
    case ONCE:
        if (++times % 3 == 0) {
            say_status(503, "ServiceUnavailable");
            return;
        }
        break;
    default: break;
    }
    if (single) {
        say_status(404, "NotFound");
        return;
    }
    say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n", watch ? "" : "Connection: close\r\n");
    if (mood(mode) == GARBAGE)
        say_garbage();
    else if (!watch)
        say_list(mode);
    if (mode == MIXED && !watch && in_percent(&random_numbers, 10))
        length -= below(&random_numbers, length);
}

static void forget(int index)
{
    close(sockets[index].fd);
    count--;
    sockets[index] = sockets[count];
    connections[index] = connections[count];
}

/* Whether all of it went out: what a reader is too slow for ends its connection. */
static int send_text(int index)
{
    int sent = length == 0 || send(sockets[index].fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
    length = 0;
    return sent;
}

/* A request is complete: answers, and keeps the connection open for a watch. */
static void answer(int index)
{
    struct connection *connection = &connections[index];
    connection->mode = mode_of(connection->request);
    connection->watching = strstr(connection->request, "watch=") != NULL;
    say_answer(connection->mode, connection->watching, strstr(connection->request, "/pods?") == NULL);
    if (!send_text(index) || !connection->watching)
        forget(index);
}

/* As a server of plain HTTP does whom somebody speaks TLS to. */
static void refuse(int index)
{
    say_status(400, "BadRequest");
    send_text(index);
    forget(index);
}

static void hear(int index)
{
    struct connection *connection = &connections[index];
    char *into = connection->request + connection->length;
    ssize_t got = recv(sockets[index].fd, into, REQUEST - 1 - connection->length, MSG_DONTWAIT);
    if (got <= 0 || connection->watching) {
        forget(index);
        return;
    }
    connection->length += (size_t)got;
    connection->request[connection->length] = '\0';
    if (strstr(connection->request, "\r\n\r\n") != NULL)
        answer(index);
    else if (connection->length >= REQUEST - 1 || (unsigned char)connection->request[0] == TLS_HANDSHAKE)
        refuse(index);
}

static void welcome(int listener)
{
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (socket < 0)
        return;
    if (count == CONNECTIONS) {
        close(socket);
        return;
    }
    memset(&connections[count], 0, sizeof connections[count]);
    sockets[count] = (struct pollfd){.fd = socket, .events = POLLIN};
    count++;
}

static void tell_watchers(void)
{
    for (int i = count - 1; i > 0; i--) {
        enum mode mode = connections[i].mode;
        if (!connections[i].watching || (mode != CHANGING && mode != MIXED) || in_percent(&random_numbers, 50))
            continue;
        say_event(mode);
        if (mode == MIXED && in_percent(&random_numbers, 5))
            say_garbage();
        if (!send_text(i) || (mode == MIXED && in_percent(&random_numbers, 5)))
            forget(i);
    }
}

static void serve_for_ever(int listener)
{
    /* The first place is the listener's. */
    sockets[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        int ready = poll(sockets, (nfds_t)count, EVENTS_EVERY_MS);
        if (ready == 0)
            tell_watchers();
        for (int i = count - 1; i > 0 && ready > 0; i--)
            if (sockets[i].revents != 0)
                hear(i);
        if (ready > 0 && sockets[0].revents != 0)
            welcome(listener);
        if (in_percent(&random_numbers, 2))
            tell_watchers();
    }
}

int loopback_socket(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bound < 0 || bind(bound, (struct sockaddr *)&address, size) != 0
        || getsockname(bound, (struct sockaddr *)&address, &size) != 0) {
        perror("no loopback port");
        exit(2);
    }
    *port = ntohs(address.sin_port);
    return bound;
}

pid_t serve(int listener, uint64_t seed)
{
    pid_t server = listen(listener, 128) == 0 ? fork() : -1;
    if (server < 0) {
        perror("no server");
        exit(2);
    }
    if (server > 0)
        return server;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    random_numbers = random_of(seed, 1000);
    serve_for_ever(listener);
    return 0;
}
