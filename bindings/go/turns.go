package kubepeers

import (
	"runtime"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// turns are taken to ask the library, which lets in one at a time. A goroutine
// that waits for its turn here has no thread; one that waits there has.
var turns = make(chan struct{}, runtime.NumCPU())

// inTurn is for asking that does not wait for anything else.
func inTurn[T any](ask func() (T, *capi.Failure)) (T, *capi.Failure) {
	turns <- struct{}{}
	defer func() { <-turns }()
	return ask()
}
