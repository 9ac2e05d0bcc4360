package goakt

import kubepeers "github.com/kubepeers/kubepeers/bindings/go"

// Config says which pods are peers. It has the fields of GoAkt's own.
type Config kubepeers.Config

// Validate says what Initialize would. It touches no network.
func (c Config) Validate() error {
	d := NewDiscovery(&c)
	defer d.Close()
	return d.Initialize()
}
