package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// oneClusterOf waits until there are so many nodes, and each of them knows all
// of them as members, and nobody else.
func (w *world) oneClusterOf(n int) []corev1.Pod {
	w.Helper()
	var nodes []corev1.Pod
	w.eventually(fmt.Sprintf("one cluster of %d", n), func() string {
		if nodes = w.nodes(); len(nodes) != n {
			return fmt.Sprintf("there are %d nodes", len(nodes))
		}
		return notYetOne(nodes)
	})
	return nodes
}

func notYetOne(nodes []corev1.Pod) string {
	fault, err := notOne(nodes)
	if err != nil {
		return err.Error()
	}
	return fault
}

// notOne says what keeps the nodes from being one cluster, as far as they answer.
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

// stays is for what must not only be so once. A node that does not answer, since
// it is busy, is asked again.
func (w *world) stays(nodes []corev1.Pod) {
	w.Helper()
	for range 10 {
		w.eventually("all nodes answer", func() string {
			fault, err := notOne(nodes)
			if fault != "" {
				w.Fatalf("it was one cluster, but then %s", fault)
			}
			if err != nil {
				return err.Error()
			}
			return ""
		})
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
