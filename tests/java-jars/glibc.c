/* The functions of glibc that Temurin's JVM needs, and that musl lacks. No registry that the tests
 * use has a JVM for musl. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

char *__strdup(const char *text) { return strdup(text); }
char *__strtok_r(char *text, const char *separators, char **rest) { return strtok_r(text, separators, rest); }
void *__rawmemchr(const void *memory, int byte) { return memchr(memory, byte, (size_t)-1 / 2); }
int __isinf(double number) { return isinf(number); }
int __isnan(double number) { return isnan(number); }
int __isnanf(float number) { return isnan(number); }
cpu_set_t *__sched_cpualloc(size_t count) { return calloc(CPU_ALLOC_SIZE(count), 1); }
void __sched_cpufree(cpu_set_t *set) { free(set); }
unsigned long __getauxval(unsigned long type) { return getauxval(type); }
int malloc_trim(size_t size) { (void)size; return 0; }
void *dlvsym(void *library, const char *symbol, const char *version) { (void)version; return dlsym(library, symbol); }
