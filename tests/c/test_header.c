/* The header stands alone, may be included twice, and is strict C99. */
#include "kubepeers.h"
#include "kubepeers.h"

/* The numbers work in the preprocessor too. */
#if KUBEPEERS_VERSION_NUMBER != KUBEPEERS_VERSION_MAJOR * 1000000 + KUBEPEERS_VERSION_MINOR * 1000 + KUBEPEERS_VERSION_PATCH
#error "the version constants contradict each other"
#endif

int main(void)
{
    return kubepeers_version_number() == KUBEPEERS_VERSION_NUMBER && KUBEPEERS_OK == 0 ? 0 : 1;
}
