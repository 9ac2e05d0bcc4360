// The header stands alone, may be included twice, and is C++17 as it is.
#include "kubepeers.h"
#include "kubepeers.h"

#include <type_traits>

static_assert(std::is_same<decltype(kubepeers_version_number()), uint32_t>::value, "declared as C");
static_assert(std::is_same<kubepeers_provider, uint64_t>::value, "a number");
static_assert(std::is_same<kubepeers_status, int32_t>::value, "a number");

int main()
{
    return kubepeers_version_number() == KUBEPEERS_VERSION_NUMBER ? 0 : 1;
}
