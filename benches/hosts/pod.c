/*
 * pod DIR PROGRAM [ARG...]: runs a program as in a pod, where the service account's files are in a
 * place that client-go has built in. Its process gets a /run of its own, in which that place is
 * DIR. Prints "start NS" at the last moment before the program is loaded: what was done to get here
 * is not counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pod: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    close(fd);
}

/* Who is not root may mount in a user namespace of their own, in which they are. */
static void become_root(void)
{
    char map[64];
    snprintf(map, sizeof map, "0 %u 1", (unsigned)getuid());
    check(unshare(CLONE_NEWUSER) == 0, "a user namespace");
    write_file("/proc/self/uid_map", map);
}

int main(int argc, char **argv)
{
    struct timespec now;
    if (argc < 3)
        return 2;
    if (getuid() != 0)
        become_root();
    check(unshare(CLONE_NEWNS) == 0, "a mount namespace");
    check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
    check(mount("none", "/run", "tmpfs", 0, NULL) == 0, "a new /run");
    check(mkdir("/run/secrets", 0755) == 0 && mkdir("/run/secrets/kubernetes.io", 0755) == 0, "/run/secrets");
    check(symlink(argv[1], "/run/secrets/kubernetes.io/serviceaccount") == 0, "the service account's folder");
    clock_gettime(CLOCK_REALTIME, &now);
    printf("start %lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
    fflush(stdout);
    execv(argv[2], argv + 2);
    check(0, argv[2]);
}
