// Package raw creates providers from the library's own keys and values, right or
// wrong, for the conformance probe. Errors of such a provider have the words of
// the library, which the conformance cases compare between languages.
package raw

import (
	"log/slog"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Config holds what package kubepeers makes of its own Config.
type Config struct {
	Pairs           []capi.Pair
	RegisterTimeout time.Duration // 0 does not wait
	Logger          *slog.Logger  // nil for no log
}

// New returns a *kubepeers.Provider and its handle. Package kubepeers sets it.
var New func(Config) (provider any, handle capi.Provider, err error)
