package kubepeers

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Explanation lists every pod that the labels select, with its verdict.
type Explanation struct {
	Namespace string `json:"namespace"`
	// Selector is Config.PodLabels as a label selector.
	Selector string `json:"selector"`
	// Self is a human-readable description of this pod.
	Self string `json:"self"`
	// Gate says whether DiscoverPeers returns results.
	Gate Gate `json:"gate"`
	// Pods are sorted by name.
	Pods []ExplainedPod `json:"pods"`
}

// ExplainedPod is a pod with its verdict.
type ExplainedPod struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Address is the address in [Snapshot.Addresses]. It is the zero AddrPort unless
	// the verdict is VerdictPeer.
	Address     netip.AddrPort `json:"address,omitzero"`
	IPs         []netip.Addr   `json:"ips"`
	Phase       string         `json:"phase"`
	Ready       bool           `json:"ready"`
	Terminating bool           `json:"terminating"`
	NodeName    string         `json:"node_name"`
	UID         string         `json:"uid"`
	Revision    string         `json:"revision"`
	// Started is the start time of the pod, or its creation time if it has not
	// started. It is zero if the API server sent neither.
	Started time.Time `json:"started,omitzero"`
	// Ports are the named ports of the pod.
	Ports []NamedPort `json:"ports"`
}

// NamedPort is a named container port.
type NamedPort struct {
	Name   string
	Number uint16
}

// Verdict says whether a pod is a peer, or why it is not one. A newer library may
// return a verdict that is not listed here.
type Verdict string

const (
	VerdictPeer            Verdict = "peer"
	VerdictSelf            Verdict = "self"              // this pod
	VerdictNotRunning      Verdict = "not-running"       // it is not Running
	VerdictTerminating     Verdict = "terminating"       // it is being deleted
	VerdictNoIP            Verdict = "no-ip"             // it has no address yet
	VerdictNoIPOfFamily    Verdict = "no-ip-of-family"   // it has no address of Config.IPFamily
	VerdictNoDiscoveryPort Verdict = "no-discovery-port" // it has no port named Config.DiscoveryPortName
	VerdictNotReady        Verdict = "not-ready"         // it is not Ready (only with RequireReady)
	VerdictAddressTaken    Verdict = "address-taken"     // a pod that started later, or this pod, has its address and port
	VerdictMalformed       Verdict = "malformed"         // the API server sent a field that Kubernetes does not allow
)

// Gate says whether DiscoverPeers returns results, or which state of this pod
// prevents it. A newer library may return a gate that is not listed here.
type Gate string

const (
	GateOpen           Gate = "open"            // DiscoverPeers returns results
	GateSelfAbsent     Gate = "self-absent"     // this pod is not listed
	GateSelfNotYet     Gate = "self-not-yet"    // this pod is not Running or has no address yet
	GateSelfExcluded   Gate = "self-excluded"   // this pod has no discovery port, or has ended
	GateSelfUnselected Gate = "self-unselected" // this pod does not have the labels
	GateSelfUnclear    Gate = "self-unclear"    // several pods match this process
)

// Explain returns every pod that the labels select, with its verdict. It does not
// wait.
//
// Errors:
//   - [ErrNotSynced]: the pods have not been listed yet
func (p *Provider) Explain() (Explanation, error) {
	text, err := text(p, func(handle capi.Provider) (string, *capi.Failure) { return handle.Explain(capi.ExplainJSON) })
	if err != nil {
		return Explanation{}, err
	}
	explanation, err := parseExplanation(text)
	if err != nil {
		return Explanation{}, &Error{Status: ErrInternal, Message: fmt.Sprintf("the library returned an explanation that cannot be read: %v", err)}
	}
	return explanation, nil
}

// parseExplanation reads the JSON of the library, in which a pod that is not a peer
// has the address null.
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
		// Only a pod with VerdictMalformed has a text that is not a time.
		pod.ExplainedPod.Started, _ = time.Parse(time.RFC3339, pod.Started)
		result.Pods[i] = pod.ExplainedPod
	}
	return result, nil
}

// ExplainTable returns the explanation as a human-readable table, whose layout may
// change. It does not wait, and has the errors of [Provider.Explain].
func (p *Provider) ExplainTable() (string, error) {
	return text(p, func(handle capi.Provider) (string, *capi.Failure) { return handle.Explain(capi.ExplainTable) })
}

// MarshalJSON returns [name, number], the form of the library.
func (p NamedPort) MarshalJSON() ([]byte, error) { return json.Marshal([]any{p.Name, p.Number}) }

// UnmarshalJSON reads [name, number].
func (p *NamedPort) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.Name, &p.Number})
}
