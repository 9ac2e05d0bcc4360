package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func snapshot(s kubepeers.Snapshot) string {
	generation := strconv.FormatUint(s.Generation(), 10)
	return strings.Join(append([]string{generation}, s.Addresses()...), " ")
}

// explained returns an explanation in the JSON of the library, where the address of a
// pod that is not a peer is null.
func explained(explanation kubepeers.Explanation) string {
	type pod struct {
		kubepeers.ExplainedPod
		Address *string `json:"address"`
		Started string  `json:"started"`
	}
	pods := make([]pod, len(explanation.Pods))
	for i, p := range explanation.Pods {
		pods[i].ExplainedPod = p
		if p.Address.IsValid() {
			address := p.Address.String()
			pods[i].Address = &address
		}
		if !p.Started.IsZero() {
			pods[i].Started = p.Started.Format(time.RFC3339)
		}
	}
	text, err := json.Marshal(struct {
		kubepeers.Explanation
		Pods []pod `json:"pods"`
	}{explanation, pods})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// examined returns a report in the JSON of the library, where no manifest is null.
func examined(report *kubepeers.Report) string {
	type step struct {
		kubepeers.Step
		Manifest *string `json:"manifest"`
	}
	steps := make([]step, len(report.Steps))
	for i, s := range report.Steps {
		steps[i] = step{s, nilIfEmpty(s.Manifest)}
	}
	text, err := json.Marshal(struct {
		*kubepeers.Report
		Steps    []step  `json:"steps"`
		Manifest *string `json:"manifest"`
		Text     string  `json:"text"`
	}{report, steps, nilIfEmpty(report.Manifest), report.String()})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func nilIfEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func records(nodes []kubepeers.Node) string {
	var records []string
	for _, n := range nodes {
		records = append(records, fmt.Sprintf("%s,%s,%s,%d,%d,%d,%d,%s,%s",
			n.Name, n.UID, n.Addr, n.DiscoveryPort, n.RemotingPort, n.PeersPort,
			digit(n.Ready), n.NodeName, n.Revision))
	}
	return strings.Join(records, " ")
}

func state(health kubepeers.Health) string {
	status, class := "-", "-"
	var failure *kubepeers.Error
	if errors.As(health.Err, &failure) {
		status = failure.Status.String()
	}
	if health.ErrClass != "" {
		class = string(health.ErrClass)
	}
	flags := fmt.Sprint(digit(health.Synced), digit(health.Stale),
		digit(health.Watching), digit(health.Polling))
	return strings.Join([]string{flags, status, class}, " ")
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
