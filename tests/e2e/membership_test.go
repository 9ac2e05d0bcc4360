package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// clustering is the kind of cluster that nodes form.
type clustering struct {
	// problem returns why the nodes are not one cluster, or "". The error is that of a
	// node that does not answer.
	problem func(nodes []corev1.Pod) (string, error)
	// members returns the members that a node knows, including the node itself. It fails
	// before the node is in a cluster.
	members func(pod corev1.Pod) (map[string]member, error)
	// pause is the time between two checks that they remain one.
	pause time.Duration
}

var goakt = clustering{problem: goaktProblem, members: members}

// waitForCluster waits until there are n nodes and the members of each are exactly
// these nodes.
func (e *env) waitForCluster(n int) []corev1.Pod {
	e.Helper()
	var nodes []corev1.Pod
	e.eventually(fmt.Sprintf("there is one cluster of %d", n), func() string {
		if nodes = e.nodes(); len(nodes) != n {
			return fmt.Sprintf("there are %d nodes", len(nodes))
		}
		return e.clusterProblem(nodes)
	})
	return nodes
}

func (e *env) clusterProblem(nodes []corev1.Pod) string {
	problem, err := e.clustering.problem(nodes)
	if err != nil {
		return err.Error()
	}
	return problem
}

// goaktProblem returns why nodes of GoAkt are not one cluster, or "".
func goaktProblem(nodes []corev1.Pod) (problem string, err error) {
	want := map[string]member{}
	for _, pod := range nodes {
		want[self(pod).String()] = self(pod)
	}
	for _, pod := range nodes {
		got, err := members(pod)
		if err != nil {
			return "", err
		}
		if !maps.Equal(got, want) {
			return fmt.Sprintf("%s has the members %v; want %v",
				pod.Name, sortedKeys(got), sortedKeys(want)), nil
		}
	}
	return "", nil
}

// requireStable checks ten times that the nodes remain one cluster. A busy node may
// answer late.
func (e *env) requireStable(nodes []corev1.Pod) {
	e.Helper()
	for range 10 {
		e.eventually("all nodes answer", func() string {
			problem, err := e.clustering.problem(nodes)
			if problem != "" {
				e.Fatalf("the cluster did not remain one: %s", problem)
			}
			if err != nil {
				return err.Error()
			}
			return ""
		})
		time.Sleep(e.clustering.pause)
	}
}

// clusters groups nodes by their views. Two nodes are in one cluster if their views
// have a node in common.
func clusters(views map[string]map[string]member) (groups [][]string) {
	remaining := maps.Clone(views)
	for _, first := range sortedKeys(views) {
		if _, ok := remaining[first]; !ok {
			continue
		}
		group := []string{first}
		delete(remaining, first)
		for i := 0; i < len(group); i++ {
			for other, view := range remaining {
				if overlap(views[group[i]], view) {
					group = append(group, other)
					delete(remaining, other)
				}
			}
		}
		slices.Sort(group)
		groups = append(groups, group)
	}
	return groups
}

func overlap(a, b map[string]member) bool {
	for node := range a {
		if _, ok := b[node]; ok {
			return true
		}
	}
	return false
}

// views returns the members that each node knows. It excludes nodes that have not
// started, and those that terminate.
func (e *env) views() (map[string]map[string]member, error) {
	before, err := e.list()
	if err != nil {
		return nil, err
	}
	views := map[string]map[string]member{}
	for _, pod := range nodesOf(before) {
		if view, err := e.clustering.members(pod); err == nil {
			views[self(pod).String()] = view
		}
	}
	// A node that has begun to terminate meanwhile may have left the cluster.
	after, err := e.list()
	if err != nil {
		return nil, err
	}
	remain := map[string]bool{}
	for _, pod := range nodesOf(after) {
		remain[self(pod).String()] = true
	}
	maps.DeleteFunc(views, func(node string, _ map[string]member) bool { return !remain[node] })
	return views, nil
}

// started returns the views of the nodes that have started.
func (e *env) started() map[string]map[string]member {
	e.Helper()
	views, err := e.views()
	e.check(err)
	return views
}

func (e *env) waitUntilStarted(n int) {
	e.Helper()
	e.eventually("all nodes have started", func() string {
		return remaining("nodes that have not started", n-len(e.started()))
	})
}

func (e *env) waitUntilGone() {
	e.Helper()
	e.eventually("all nodes are gone", func() string { return remaining("pods", len(e.pods())) })
}

// splitProblem lists the clusters if there is more than one, and otherwise returns "".
func splitProblem(views map[string]map[string]member) string {
	groups := clusters(views)
	if len(groups) <= 1 {
		return ""
	}
	var texts []string
	for _, group := range groups {
		texts = append(texts, strings.Join(group, ", "))
	}
	return fmt.Sprintf("there are %d clusters: %s", len(groups), strings.Join(texts, " and "))
}
