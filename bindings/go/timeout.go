package kubepeers

import (
	"math"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// DefaultTimeout as a timeout means the one of WithDiscoverTimeout, and so does
// every other negative one. 0 does not wait.
const DefaultTimeout time.Duration = capi.DefaultTimeout

// milliseconds is a time as the library takes it: 24 days stand for all that is
// longer, and one number for all that is negative.
func milliseconds(d time.Duration) int32 {
	return int32(max(-1, min(settings.Milliseconds(d), math.MaxInt32)))
}
