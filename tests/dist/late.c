/* Loads the library into a process that already runs, as Python and the JVM do, and asks for its version. */
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
