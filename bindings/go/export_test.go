package kubepeers

// Waiters is how many goroutines wait for a change, the one of the log included.
func (p *Provider) Waiters() int {
	changes := &p.current().changes
	changes.mutex.Lock()
	defer changes.mutex.Unlock()
	return changes.waiters
}
