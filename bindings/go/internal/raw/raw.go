// Package raw creates providers from the library's own keys and values, valid or not,
// for the conformance probe. Errors of such a provider have the messages of the
// library, which the conformance cases compare between languages.
package raw

import (
	"context"
	"log/slog"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Config is a kubepeers.Config in the form that the library takes.
type Config struct {
	Pairs           []capi.Pair
	RegisterTimeout time.Duration // 0: Register does not wait
	Logger          *slog.Logger  // nil: no log
}

// Doctor returns a *kubepeers.Report. Package kubepeers sets it.
var Doctor func(
	ctx context.Context, pairs []capi.Pair, timeout time.Duration,
) (report any, err error)

// New returns a *kubepeers.Provider and its handle. Package kubepeers sets it.
var New func(Config) (provider any, handle capi.Provider, err error)
