package kubepeers

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Explanation contains every pod that the labels select, with its verdict.
type Explanation struct {
	Namespace string `json:"namespace"`
	// Selector is Config.PodLabels as a label selector.
	Selector string `json:"selector"`
	// Self is a human-readable description of this pod.
	Self string `json:"self"`
	// Gate reports whether the state of this pod lets DiscoverPeers return results.
	Gate Gate `json:"gate"`
	// Pods holds the pods, sorted by name.
	Pods []ExplainedPod `json:"pods"`
}

// ExplainedPod is a pod with its verdict.
type ExplainedPod struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Address is the pod's address in [Snapshot.Addresses]. It is the zero AddrPort
	// unless the verdict is VerdictPeer.
	Address     netip.AddrPort `json:"address,omitzero"`
	IPs         []netip.Addr   `json:"ips"`
	Phase       string         `json:"phase"`
	Ready       bool           `json:"ready"`
	Terminating bool           `json:"terminating"`
	NodeName    string         `json:"node_name"`
	UID         string         `json:"uid"`
	Revision    string         `json:"revision"`
	// Started is the start time of the pod, or its creation time if the pod has not
	// started. It is zero if the API server sent neither.
	Started time.Time `json:"started,omitzero"`
	// Ports holds the named ports of the pod.
	Ports []NamedPort `json:"ports"`
}

// NamedPort is a named container port.
type NamedPort struct {
	Name   string
	Number uint16
}

// Verdict is "peer" or says why a pod is not a peer. The documentation of
// kubepeers_explain in kubepeers.h says which verdict a pod has if several apply. A newer
// library may return a verdict that is not listed here.
type Verdict string

const (
	// VerdictPeer is the verdict of a peer.
	VerdictPeer Verdict = "peer"
	// VerdictSelf is the verdict of this pod.
	VerdictSelf Verdict = "self"
	// VerdictNotRunning means that the pod is not Running; see [Pending].
	VerdictNotRunning Verdict = "not-running"
	// VerdictTerminating means that the pod is being deleted.
	VerdictTerminating Verdict = "terminating"
	// VerdictNoIP means that the pod has no address yet.
	VerdictNoIP Verdict = "no-ip"
	// VerdictNoIPOfFamily means that the pod has no address of Config.IPFamily.
	VerdictNoIPOfFamily Verdict = "no-ip-of-family"
	// VerdictNoDiscoveryPort means that the pod has no port with the name
	// Config.DiscoveryPortName, and that Config.DefaultDiscoveryPort is not set.
	VerdictNoDiscoveryPort Verdict = "no-discovery-port"
	// VerdictNotReady means that the pod is not Ready. It occurs only with RequireReady.
	VerdictNotReady Verdict = "not-ready"
	// VerdictAddressTaken means that this pod, or a pod that started later, has the same
	// address and port.
	VerdictAddressTaken Verdict = "address-taken"
	// VerdictMalformed means that the API server sent a field with a value that Kubernetes
	// does not allow.
	VerdictMalformed Verdict = "malformed"
)

// Gate is "open" or says which state of this pod prevents DiscoverPeers from returning
// results. For an observer it is always "open". A newer library may return a gate that
// is not listed here.
type Gate string

const (
	// GateOpen means that DiscoverPeers returns results, unless they are older than
	// Config.MaxStale.
	GateOpen Gate = "open"
	// GateSelfAbsent means that this pod is not listed (ErrSelfNotVisible).
	GateSelfAbsent Gate = "self-absent"
	// GateSelfNotYet means that this pod is not Running yet (see [Pending]) or has no
	// address yet (ErrSelfNotVisible).
	GateSelfNotYet Gate = "self-not-yet"
	// GateSelfExcluded means that this pod has no discovery port or no address of
	// Config.IPFamily, has ended, or is malformed (ErrSelfExcluded).
	GateSelfExcluded Gate = "self-excluded"
	// GateSelfUnselected means that this pod exists but lacks the labels
	// (ErrSelfExcluded).
	GateSelfUnselected Gate = "self-unselected"
	// GateSelfUnclear means that several pods match this process (ErrNoIdentity).
	GateSelfUnclear Gate = "self-unclear"
)

// Explain returns every pod that the labels select, with its verdict. It does not
// wait.
//
// Errors:
//   - [ErrNotSynced]: the pods have not been listed yet
func (p *Provider) Explain() (Explanation, error) {
	text, err := p.explain(capi.ExplainJSON)
	if err != nil {
		return Explanation{}, err
	}
	explanation, err := parseExplanation(text)
	if err != nil {
		return Explanation{}, &Error{
			Status:  ErrInternal,
			Message: fmt.Sprintf("cannot parse the library's explanation: %v", err),
		}
	}
	return explanation, nil
}

func (p *Provider) explain(form capi.Form) (string, error) {
	return text(p, func(handle capi.Provider) (string, *capi.Failure) {
		return handle.Explain(form)
	})
}

// parseExplanation parses the library's JSON. In it, the address of a pod that is not a
// peer is null, which netip.AddrPort does not accept.
func parseExplanation(text string) (Explanation, error) {
	var explanation struct {
		Explanation
		Pods []struct {
			ExplainedPod
			Address *netip.AddrPort `json:"address"`
			Started string          `json:"started"`
		} `json:"pods"`
	}
	if err := json.Unmarshal([]byte(text), &explanation); err != nil {
		return Explanation{}, err
	}
	result := explanation.Explanation
	result.Pods = make([]ExplainedPod, len(explanation.Pods))
	for i, pod := range explanation.Pods {
		if pod.Address != nil {
			pod.ExplainedPod.Address = *pod.Address
		}
		// Only a pod with VerdictMalformed can have a start time that is not a time.
		pod.ExplainedPod.Started, _ = time.Parse(time.RFC3339, pod.Started)
		result.Pods[i] = pod.ExplainedPod
	}
	return result, nil
}

// ExplainTable returns the explanation as a human-readable table, whose layout may
// change. It does not wait. It has the errors of [Provider.Explain].
func (p *Provider) ExplainTable() (string, error) { return p.explain(capi.ExplainTable) }

// MarshalJSON returns the library's form, which is the array [name, number].
func (p NamedPort) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{p.Name, p.Number})
}

// UnmarshalJSON reads the array [name, number].
func (p *NamedPort) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.Name, &p.Number})
}
