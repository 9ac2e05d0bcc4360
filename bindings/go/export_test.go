package kubepeers

import "github.com/kubepeers/kubepeers/bindings/go/internal/capi"

// Waiters returns the number of goroutines that wait for a change, including that of
// the logger.
func (p *Provider) Waiters() int {
	changes := &p.session().changes
	changes.mutex.Lock()
	defer changes.mutex.Unlock()
	return changes.waiters
}

// Handle returns the handle of the library.
func (p *Provider) Handle() capi.Provider { return p.session().handle }

// SharesMemory reports whether two snapshots share their memory.
func (s Snapshot) SharesMemory(other Snapshot) bool { return s.s == other.s }

// CheckVersion compares the versions of the library and the header.
var CheckVersion = checkVersion

// ClampedMilliseconds converts stableFor of WaitForPeers.
var ClampedMilliseconds = clampedMilliseconds

// Forget drops the last snapshot, so that the next call copies it again.
func (p *Provider) Forget() { p.session().snapshot.Store(nil) }
