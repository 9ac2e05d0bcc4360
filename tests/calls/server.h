/* An API server that tells of pods, or is in trouble, as the namespace that is asked for says. */
#ifndef SERVER_H
#define SERVER_H

#include <stdint.h>
#include <sys/types.h>

/* A socket on loopback with a port that nobody else gets. */
int loopback_socket(int *port);

/* Serves from a process of its own until it is killed, or whoever started it has ended. */
pid_t serve(int listener, uint64_t seed);

#endif
