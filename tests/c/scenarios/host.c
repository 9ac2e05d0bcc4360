#include "host.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Calls `see` (may be NULL) with each number in a folder of /proc. Returns how many there are. */
static int each_number(const char *folder, void (*see)(int number, struct others *others),
                       struct others *others)
{
    DIR *entries = opendir(folder);
    int count = 0;
    if (entries == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        int number = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] == '.' || number == dirfd(entries))
            continue;
        count++;
        if (see != NULL)
            see(number, others);
    }
    closedir(entries);
    return count;
}

int count_descriptors(void)
{
    return each_number("/proc/self/fd", NULL, NULL);
}

struct thread read_thread(int id)
{
    char path[64], line[256];
    struct thread thread = {"", 0, 0, 0, 0};
    snprintf(path, sizeof path, "/proc/self/task/%d/status", id);
    FILE *status = fopen(path, "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        sscanf(line, "Name: %31s", thread.name);
        sscanf(line, "SigBlk: %llx", &thread.blocked);
        sscanf(line, "SigIgn: %llx", &thread.ignored);
        sscanf(line, "SigCgt: %llx", &thread.caught);
        sscanf(line, "SigPnd: %llx", &thread.pending);
    }
    if (status != NULL)
        fclose(status);
    return thread;
}

static void see_thread(int id, struct others *others)
{
    if (id == (int)getpid())
        return;
    struct thread thread = read_thread(id);
    others->count++;
    others->last_id = id;
    others->nameless += strncmp(thread.name, "kubepeers", strlen("kubepeers")) != 0;
    others->receiving += (thread.blocked & ALL_SIGNALS) != (ALL_SIGNALS & ~FAULTS);
    others->pending |= thread.pending;
}

struct others other_threads(void)
{
    struct others others = {0, 0, 0, 0, 0};
    each_number("/proc/self/task", see_thread, &others);
    return others;
}

int is_alone(void)
{
    return other_threads().count == 0;
}
