package e2e

import (
	"reflect"
	"testing"
)

// viewOf returns the members that a node knows.
func viewOf(nodes ...string) map[string]member {
	view := map[string]member{}
	for _, node := range nodes {
		view[node] = member{}
	}
	return view
}

func TestClustersOfViews(t *testing.T) {
	type views = map[string]map[string]member
	for name, c := range map[string]struct {
		views views
		want  [][]string
	}{
		"no nodes": {nil, nil},
		"two nodes alone": {
			views{"a": viewOf("a"), "b": viewOf("b")},
			[][]string{{"a"}, {"b"}},
		},
		"one knows the other": {
			views{"a": viewOf("a"), "b": viewOf("a", "b")},
			[][]string{{"a", "b"}},
		},
		"indirectly": {
			views{"c": viewOf("c"), "a": viewOf("a", "b"), "b": viewOf("b", "c")},
			[][]string{{"a", "b", "c"}},
		},
		"two pairs": {
			views{"a": viewOf("a", "b"), "b": viewOf("b"), "c": viewOf("c", "d"), "d": viewOf("d")},
			[][]string{{"a", "b"}, {"c", "d"}},
		},
		"indirectly, by a node without a view": {
			views{"a": viewOf("a", "x"), "b": viewOf("b", "x")},
			[][]string{{"a", "b"}},
		},
	} {
		if got := clusters(c.views); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v; want %v", name, got, c.want)
		}
	}
}
