package e2e

import (
	"reflect"
	"testing"
)

// knows makes the view of a node.
func knows(nodes ...string) map[string]member {
	view := map[string]member{}
	for _, node := range nodes {
		view[node] = member{}
	}
	return view
}

func TestClusters(t *testing.T) {
	for name, c := range map[string]struct {
		views map[string]map[string]member
		want  [][]string
	}{
		"nobody":                           {nil, nil},
		"each alone":                       {map[string]map[string]member{"a": knows("a"), "b": knows("b")}, [][]string{{"a"}, {"b"}}},
		"one knows the other":              {map[string]map[string]member{"a": knows("a"), "b": knows("a", "b")}, [][]string{{"a", "b"}}},
		"by way of another":                {map[string]map[string]member{"c": knows("c"), "a": knows("a", "b"), "b": knows("b", "c")}, [][]string{{"a", "b", "c"}}},
		"two pairs":                        {map[string]map[string]member{"a": knows("a", "b"), "b": knows("b"), "c": knows("c", "d"), "d": knows("d")}, [][]string{{"a", "b"}, {"c", "d"}}},
		"by way of one that was not asked": {map[string]map[string]member{"a": knows("a", "x"), "b": knows("b", "x")}, [][]string{{"a", "b"}}},
	} {
		if got := clusters(c.views); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}
