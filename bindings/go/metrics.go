package kubepeers

import "github.com/kubepeers/kubepeers/bindings/go/internal/capi"

// Metrics are those of this provider in the text format of Prometheus, to be
// put behind the ones that the process serves. Names begin with kubepeers_; the
// labels namespace and selector say whose they are. Of several providers serve
// each under a path of its own: Prometheus takes each name once, so that the texts
// of two must not be put one behind the other. It does not wait.
func (p *Provider) Metrics() (string, error) {
	return ask(p, capi.Provider.Metrics)
}
