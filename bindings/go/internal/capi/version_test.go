package capi

import "testing"

func TestServesSameMajorAndNotNewerMinor(t *testing.T) {
	for _, c := range []struct {
		library, header Version
		serves          bool
	}{
		{1_000, 1_000, true},
		{1_999, 1_000, true},
		{2_000, 1_000, true},
		{1_999, 2_000, false},
		{1_000_000, 1_000, false},
		{1_000, 1_000_000, false},
		{1_000_000, 1_000_000, true},
		{1_002_000, 1_001_009, true},
		{1_001_009, 1_002_000, false},
		{2_000_000, 1_000_000, false},
		{1_000_000, 2_000_000, false},
	} {
		if got := c.library.Serves(c.header); got != c.serves {
			t.Errorf("library %v, header %v: got %v; want %v", c.library, c.header, got, c.serves)
		}
	}
}
