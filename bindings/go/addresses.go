package kubepeers

import (
	"slices"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// addresses are those of the last list that anybody asked for.
type addresses struct {
	generation uint64
	list       []string // never changed
}

// discover does not wait.
//
// The last list may be given out again while it is, at the moment of the call,
// the library's answer. The library says so itself: its generation is that of
// the list that kubepeers_discover_peers would give at once, and 0 where that
// would wait or fail, in whatever way, or a limit of age is set. Generations grow
// over all of a session's registrations, so that one stands for one list.
func (s *session) discover() ([]string, *capi.Failure) {
	last := s.last.Load()
	if last == nil {
		last = new(addresses)
	}
	if last.generation == 0 || s.handle.Generation() != last.generation {
		found, failure := inTurn(func() (*addresses, *capi.Failure) {
			list, generation, failure := s.handle.Addresses(last.generation)
			return &addresses{generation, list}, failure
		})
		if failure != nil {
			return nil, failure
		}
		if found.list != nil {
			last = found
			// An older one that another goroutine writes here later costs it a comparison, no more.
			s.last.Store(last)
		}
	}
	return slices.Clone(last.list), nil
}
