package kubepeers

import (
	"encoding/json"
	"fmt"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Explanation is of every pod with the labels whether it is a peer, or why not.
type Explanation struct {
	Namespace string `json:"namespace"`
	Selector  string `json:"selector"`
	// Self describes how this pod was identified, for humans.
	Self string `json:"self"`
	// Gate is "open", or what an answer waits for, "self-absent" or "self-not-yet",
	// or why there can be none: "self-excluded", "self-unselected", "self-unclear".
	Gate string `json:"gate"`
	// Pods are sorted by name.
	Pods []ExplainedPod `json:"pods"`
}

// ExplainedPod is a pod with its verdict.
type ExplainedPod struct {
	Name string `json:"name"`
	// Verdict is "peer", or why it is left out: "self", "not-running", "terminating",
	// "no-ip", "no-ip-of-family", "no-discovery-port", "not-ready" or "address-taken".
	// kubepeers_explain in kubepeers.h says more.
	Verdict string `json:"verdict"`
	// Address is what DiscoverPeers tells of a peer, and "" of what is none.
	Address     string   `json:"address"`
	IPs         []string `json:"ips"`
	Phase       string   `json:"phase"`
	Ready       bool     `json:"ready"`
	Terminating bool     `json:"terminating"`
	NodeName    string   `json:"node_name"`
	UID         string   `json:"uid"`
	Revision    string   `json:"revision"`
	// Started is when it did, as Kubernetes writes times.
	Started string `json:"started"`
	// Ports are those that have a name.
	Ports []NamedPort `json:"ports"`
}

// NamedPort is a port of a container.
type NamedPort struct {
	Name   string
	Number uint16
}

// UnmarshalJSON takes the form of the library: [name, number].
func (p *NamedPort) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.Name, &p.Number})
}

// MarshalJSON gives the same form.
func (p NamedPort) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{p.Name, p.Number})
}

// Explain tells of every pod with the labels whether it is a peer, and if not,
// why. It does not wait; before the pods have been read it gives ErrNotSynced.
func (p *Provider) Explain() (Explanation, error) {
	text, err := p.explain(capi.ExplainJSON)
	if err != nil {
		return Explanation{}, err
	}
	var explanation Explanation
	if err := json.Unmarshal([]byte(text), &explanation); err != nil {
		return Explanation{}, &Error{Status: ErrInternal, Message: fmt.Sprintf("the explanation cannot be read: %v", err)}
	}
	return explanation, nil
}

// ExplainTable is Explain as a table for people, whose form may change.
func (p *Provider) ExplainTable() (string, error) {
	return p.explain(capi.ExplainTable)
}

func (p *Provider) explain(form capi.Form) (string, error) {
	return ask(p, func(handle capi.Provider) (string, *capi.Failure) { return handle.Explain(form) })
}
