/* Two API servers on loopback: one that refuses connections, and one that knows two pods. */
#ifndef SERVER_H
#define SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

/* The second pod lacks what a pod may lack. */
static const char two_pods[] =
    "{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"metadata\": {\"resourceVersion\": \"7\"}, \"items\": [\n"
    "{\"metadata\": {\"name\": \"a\", \"uid\": \"uid-a\", \"resourceVersion\": \"5\",\n"
    "  \"labels\": {\"app\": \"test\", \"controller-revision-hash\": \"r1\"}},\n"
    " \"spec\": {\"nodeName\": \"n1\", \"containers\": [{\"ports\": [{\"name\": \"gossip\", \"containerPort\": 1},\n"
    "  {\"name\": \"remoting\", \"containerPort\": 2}, {\"name\": \"peers\", \"containerPort\": 65535}]}]},\n"
    " \"status\": {\"phase\": \"Running\", \"podIP\": \"10.0.0.2\", \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\"}]}},\n"
    "{\"metadata\": {\"name\": \"b\", \"uid\": \"uid-b\", \"resourceVersion\": \"6\"},\n"
    " \"spec\": {\"containers\": [{\"ports\": [{\"name\": \"gossip\", \"containerPort\": 1}]}]},\n"
    " \"status\": {\"phase\": \"Running\", \"podIP\": \"fd00::2\"}}]}\n";

/* A socket with a port that nobody else gets. */
static int loopback_socket(int *port)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bound < 0 || bind(bound, (struct sockaddr *)&address, size) != 0
        || getsockname(bound, (struct sockaddr *)&address, &size) != 0) {
        perror("no loopback port");
        exit(2);
    }
    *port = ntohs(address.sin_port);
    return bound;
}

/* Makes a file of a name that is new: `path` ends with XXXXXX. */
static void write_kubeconfig(char *path, const char *host, int port)
{
    int file = mkstemp(path);
    if (file < 0
        || dprintf(file,
                   "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],\n"
                   "clusters: [{name: c, cluster: {server: '%s:%d', insecure-skip-tls-verify: true}}],\n"
                   "users: [{name: u, user: {token: t}}]}\n",
                   host, port)
               < 0) {
        perror("no temporary file");
        exit(2);
    }
    close(file);
}

/* The watches that are open. The oldest ends when there is no room for another. */
static int watches[64];
static volatile sig_atomic_t last_watch;

/* The watch that was opened last hears that the second pod is gone. Runs in the server, at SIGUSR1. */
static void tell_watch(int signal_number)
{
    static const char event[] =
        "{\"type\": \"DELETED\", \"object\": {\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\":"
        " {\"name\": \"b\", \"uid\": \"uid-b\", \"resourceVersion\": \"8\", \"labels\": {\"app\": \"test\"}}}}\n";
    (void)signal_number;
    if (watches[last_watch] != 0 && write(watches[last_watch], event, sizeof event - 1) < 0) {
        /* The one of an earlier test, whose client is gone. */
        close(watches[last_watch]);
        watches[last_watch] = 0;
    }
}

static void keep_watch(int connection)
{
    int next = (last_watch + 1) % (int)(sizeof watches / sizeof *watches);
    if (watches[next] != 0)
        close(watches[next]);
    watches[next] = connection;
    last_watch = next;
}

/* Answers a list with the two pods, and a watch with silence, but for SIGUSR1. */
static void answer_request(int connection)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    char request[4096];
    size_t length = 0;
    ssize_t got;
    for (request[0] = '\0'; strstr(request, "\r\n\r\n") == NULL; request[length] = '\0') {
        got = read(connection, request + length, sizeof request - 1 - length);
        if (got <= 0) {
            close(connection);
            return;
        }
        length += (size_t)got;
    }
    if (strstr(request, "watch=") != NULL) {
        dprintf(connection, "%s\r\n", head);
        keep_watch(connection);
        return;
    }
    dprintf(connection, "%sConnection: close\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(two_pods), two_pods);
    close(connection);
}

/* The listener, and the connections on which nothing has come yet. One may stay so for long: a child that was forked keeps it open. */
static struct pollfd heard[256];
static nfds_t hearing;

static void hear(int descriptor)
{
    if (hearing < sizeof heard / sizeof *heard)
        heard[hearing++] = (struct pollfd){descriptor, POLLIN, 0};
    else
        close(descriptor);
}

/* So whoever says nothing holds up nobody, however long it takes him to. */
static void answer_who_speaks(void (*answer)(int connection))
{
    for (nfds_t i = hearing; i-- > 1;) {
        const int connection = heard[i].fd;
        if (heard[i].revents == 0)
            continue;
        heard[i] = heard[--hearing];
        answer(connection);
    }
}

/* Serves from a process of its own, which the caller kills. */
static pid_t serve(int listener, void (*answer)(int connection))
{
    pid_t server = listen(listener, 64) == 0 ? fork() : -1;
    if (server < 0) {
        perror("no server");
        exit(2);
    }
    if (server > 0)
        return server;
    /* Whatever becomes of the caller, and however long it takes. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGUSR1, tell_watch);
    signal(SIGPIPE, SIG_IGN);
    sigset_t change;
    sigemptyset(&change);
    sigaddset(&change, SIGUSR1);
    hear(listener);
    for (;;) {
        /* A change waits for the request that is being read, which it would break off. */
        sigprocmask(SIG_UNBLOCK, &change, NULL);
        const int ready = poll(heard, hearing, -1);
        sigprocmask(SIG_BLOCK, &change, NULL);
        if (ready <= 0)
            continue;
        answer_who_speaks(answer);
        const int connection = heard[0].revents != 0 ? accept(listener, NULL, NULL) : -1;
        if (connection >= 0)
            hear(connection);
    }
}

#endif
