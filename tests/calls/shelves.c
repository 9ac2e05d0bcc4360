#include "shelves.h"

#include <pthread.h>

enum { PLACES = 16 };

struct place {
    pthread_rwlock_t lock;
    void *item;
    int64_t fact;
};

static struct place shelves[SHELVES][PLACES];

static struct place *somewhere(struct caller *caller, enum shelf shelf)
{
    return &shelves[shelf][below(&caller->random, PLACES)];
}

static void end(enum shelf shelf, void *item)
{
    switch (shelf) {
    case CONFIGS: kubepeers_config_free(item); break;
    case LISTS: kubepeers_peers_free(item); break;
    case HEALTHS: kubepeers_health_free(item); break;
    case TEXTS: kubepeers_text_free(item); break;
    case ERRORS: kubepeers_error_free(item); break;
    case SHELVES: break;
    }
}

struct taken take_to_read(struct caller *caller, enum shelf shelf)
{
    struct place *place = somewhere(caller, shelf);
    pthread_rwlock_rdlock(&place->lock);
    return (struct taken){place->item, place->fact, place};
}

struct taken take_alone(struct caller *caller, enum shelf shelf)
{
    struct place *place = somewhere(caller, shelf);
    pthread_rwlock_wrlock(&place->lock);
    return (struct taken){place->item, place->fact, place};
}

void give_back(struct taken taken)
{
    pthread_rwlock_unlock(&taken.place->lock);
}

void give_back_freed(struct taken taken)
{
    taken.place->item = NULL;
    give_back(taken);
}

void put_away(struct caller *caller, enum shelf shelf, void *item, int64_t fact)
{
    struct taken before = take_alone(caller, shelf);
    before.place->item = item;
    before.place->fact = fact;
    give_back(before);
    end(shelf, before.item);
}

void open_shelves(void)
{
    for (int shelf = 0; shelf < SHELVES; shelf++)
        for (int place = 0; place < PLACES; place++)
            pthread_rwlock_init(&shelves[shelf][place].lock, NULL);
}

void clear_shelves(void)
{
    for (int shelf = 0; shelf < SHELVES; shelf++) {
        for (int place = 0; place < PLACES; place++) {
            end((enum shelf)shelf, shelves[shelf][place].item);
            shelves[shelf][place].item = NULL;
            pthread_rwlock_destroy(&shelves[shelf][place].lock);
        }
    }
}
