/* Loads the library into a running process, as Python and the JVM do, and prints its version. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "kubepeers.h"

int main(void)
{
    const char *(*version)(void);
    void *symbol, *library = dlopen("libkubepeers.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || (symbol = dlsym(library, "kubepeers_version")) == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    memcpy(&version, &symbol, sizeof version);
    printf("loads late: version %s\n", version());
    return strncmp(version(), "0.", 2) != 0;
}
