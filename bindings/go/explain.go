package kubepeers

import "github.com/kubepeers/kubepeers/bindings/go/internal/capi"

// ExplainTable tells of every pod with the labels whether it is a peer, and if
// not, why: a table for people, whose form may change. It does not wait; before
// the pods have been read it gives ErrNotSynced.
func (p *Provider) ExplainTable() (string, error) {
	return p.explain(capi.ExplainTable)
}

// ExplainJSON is ExplainTable for programs: one JSON object, whose fields and
// words are written at kubepeers_explain in kubepeers.h. Fields may be added.
func (p *Provider) ExplainJSON() ([]byte, error) {
	text, err := p.explain(capi.ExplainJSON)
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}

func (p *Provider) explain(form capi.Form) (string, error) {
	return ask(p, func(handle capi.Provider) (string, *capi.Failure) { return handle.Explain(form) })
}
