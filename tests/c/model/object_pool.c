#include "object_pool.h"

#include <pthread.h>

enum { SLOTS = 16 };

struct slot {
    pthread_rwlock_t lock;
    int alone;
    void *object;
    int64_t fact;
    const struct config_kind *kind;
};

static struct slot slots[OBJECT_KINDS][SLOTS];

static struct slot *some_slot(struct caller *caller, enum object_kind kind)
{
    return &slots[kind][below(&caller->random, SLOTS)];
}

static void free_any(enum object_kind kind, void *object)
{
    switch (kind) {
    case CONFIGS: kubepeers_config_free(object); break;
    case LISTS: kubepeers_peers_free(object); break;
    case HEALTHS: kubepeers_health_free(object); break;
    case TEXTS: kubepeers_text_free(object); break;
    case ERRORS: kubepeers_error_free(object); break;
    case OBJECT_KINDS: break;
    }
}

struct borrowed borrow(struct caller *caller, enum object_kind kind)
{
    struct slot *slot = some_slot(caller, kind);
    pthread_rwlock_rdlock(&slot->lock);
    return (struct borrowed){slot->object, slot->fact, slot->kind, slot};
}

struct borrowed borrow_alone(struct caller *caller, enum object_kind kind)
{
    struct slot *slot = some_slot(caller, kind);
    pthread_rwlock_wrlock(&slot->lock);
    slot->alone = 1;
    return (struct borrowed){slot->object, slot->fact, slot->kind, slot};
}

void give_back(struct borrowed borrowed)
{
    if (borrowed.slot->alone) {
        borrowed.slot->alone = 0;
        borrowed.slot->object = borrowed.object;
        borrowed.slot->fact = borrowed.fact;
        borrowed.slot->kind = borrowed.kind;
    }
    pthread_rwlock_unlock(&borrowed.slot->lock);
}

void keep_object(struct caller *caller, enum object_kind kind, void *object, int64_t fact)
{
    struct borrowed place = borrow_alone(caller, kind);
    void *before = place.object;
    place.object = object;
    place.fact = fact;
    place.kind = caller->kind;
    give_back(place);
    free_any(kind, before);
}

void free_object(struct caller *caller, enum object_kind kind)
{
    struct borrowed place = borrow_alone(caller, kind);
    free_any(kind, place.object);
    place.object = NULL;
    place.fact = 0;
    give_back(place);
}

void create_pool(void)
{
    for (int kind = 0; kind < OBJECT_KINDS; kind++)
        for (int slot = 0; slot < SLOTS; slot++)
            pthread_rwlock_init(&slots[kind][slot].lock, NULL);
}

void free_pool(void)
{
    for (int kind = 0; kind < OBJECT_KINDS; kind++) {
        for (int slot = 0; slot < SLOTS; slot++) {
            free_any((enum object_kind)kind, slots[kind][slot].object);
            /* Otherwise a checker finds a leaked object here, and takes it for one in use. */
            slots[kind][slot].object = NULL;
            pthread_rwlock_destroy(&slots[kind][slot].lock);
        }
    }
}
