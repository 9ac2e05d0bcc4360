package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A clustering is a way in which nodes form one cluster.
type clustering struct {
	// fault returns why the nodes are not one cluster, or "". The error is that of a
	// node that does not answer.
	fault func(nodes []corev1.Pod) (string, error)
	// pause is the time between two checks that they remain one.
	pause time.Duration
}

var goakt = clustering{fault: notOne}

// oneClusterOf waits until there are n nodes, and each of them has exactly these
// nodes as members.
func (w *world) oneClusterOf(n int) []corev1.Pod {
	w.Helper()
	var nodes []corev1.Pod
	w.eventually(fmt.Sprintf("one cluster of %d", n), func() string {
		if nodes = w.nodes(); len(nodes) != n {
			return fmt.Sprintf("there are %d nodes", len(nodes))
		}
		return w.notYetOne(nodes)
	})
	return nodes
}

func (w *world) notYetOne(nodes []corev1.Pod) string {
	fault, err := w.clustering.fault(nodes)
	if err != nil {
		return err.Error()
	}
	return fault
}

// notOne returns why nodes of GoAkt are not one cluster, or "".
func notOne(nodes []corev1.Pod) (fault string, err error) {
	all := map[string]member{}
	for _, pod := range nodes {
		all[self(pod).String()] = self(pod)
	}
	for _, pod := range nodes {
		known, err := members(pod)
		if err != nil {
			return "", err
		}
		if !maps.Equal(known, all) {
			return fmt.Sprintf("%s knows %v, not %v", pod.Name, sorted(known), sorted(all)), nil
		}
	}
	return "", nil
}

// stays checks ten times that the nodes remain one cluster. A busy node may answer
// late.
func (w *world) stays(nodes []corev1.Pod) {
	w.Helper()
	for range 10 {
		w.eventually("all nodes answer", func() string {
			fault, err := w.clustering.fault(nodes)
			if fault != "" {
				w.Fatalf("it was one cluster, but then %s", fault)
			}
			if err != nil {
				return err.Error()
			}
			return ""
		})
		time.Sleep(w.clustering.pause)
	}
}

// clusters groups the nodes that have started by whom they know: two that know
// the same node, or each other, are in one cluster. More than one group is more
// than one cluster.
func clusters(views map[string]map[string]member) (groups [][]string) {
	remaining := maps.Clone(views)
	for _, first := range sorted(views) {
		if _, ok := remaining[first]; !ok {
			continue
		}
		group := []string{first}
		delete(remaining, first)
		for i := 0; i < len(group); i++ {
			for other, known := range remaining {
				if overlap(views[group[i]], known) {
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

// views are what each of the nodes that have started and stay knows.
func (w *world) views() (map[string]map[string]member, error) {
	before, err := w.list()
	if err != nil {
		return nil, err
	}
	views := map[string]map[string]member{}
	for _, pod := range nodesOf(before) {
		if known, err := members(pod); err == nil {
			views[self(pod).String()] = known
		}
	}
	// One that was told to leave meanwhile knows less than it did.
	after, err := w.list()
	if err != nil {
		return nil, err
	}
	stay := map[string]bool{}
	for _, pod := range nodesOf(after) {
		stay[self(pod).String()] = true
	}
	maps.DeleteFunc(views, func(node string, _ map[string]member) bool { return !stay[node] })
	return views, nil
}

// split says which clusters there are if there is more than one.
func split(views map[string]map[string]member) string {
	groups := clusters(views)
	if len(groups) <= 1 {
		return ""
	}
	var texts []string
	for _, group := range groups {
		texts = append(texts, strings.Join(group, ", "))
	}
	return fmt.Sprintf("%d clusters: %s", len(groups), strings.Join(texts, " and "))
}
