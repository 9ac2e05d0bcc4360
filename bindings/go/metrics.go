package kubepeers

import "github.com/kubepeers/kubepeers/bindings/go/internal/capi"

// Metrics are those of this provider in the text format of Prometheus, to be
// put behind the ones that the process serves. Names begin with kubepeers_; the
// labels namespace and selector tell the providers of a process apart. It does
// not wait.
func (p *Provider) Metrics() (string, error) {
	return ask(p, capi.Provider.Metrics)
}
