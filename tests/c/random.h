/* Random numbers that a seed repeats. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

/* The numbers of one thread. */
static inline struct random random_of(uint64_t seed, uint64_t thread)
{
    return (struct random){(seed + 1) * 0x9e3779b97f4a7c15u ^ (thread + 1) * 0xd1342543de82ef95u};
}

/* splitmix64 */
static inline uint64_t any(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t below(struct random *random, uint64_t limit)
{
    return any(random) % limit;
}

static inline int in_percent(struct random *random, uint64_t percent)
{
    return below(random, 100) < percent;
}

#endif
