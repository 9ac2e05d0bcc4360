package settings

import (
	"math"
	"testing"
	"time"
)

func TestLaterValuesCount(t *testing.T) {
	var s Settings
	s.Set("a", "1")
	s.Set("b", "2")
	s.Set("a", "3")
	for key, want := range map[string]string{"a": "3", "b": "2", "c": ""} {
		if got := s.Value(key); got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	var s Settings
	if got := s.Duration("timeout", time.Hour); got != time.Hour {
		t.Errorf("%v", got)
	}
	s.SetMilliseconds("timeout", time.Second)
	s.SetMilliseconds("timeout", 0)
	if got := s.Duration("timeout", time.Hour); got != 0 {
		t.Errorf("%v", got)
	}
	s.SetMilliseconds("timeout", 1500*time.Millisecond)
	if got := s.Duration("timeout", time.Hour); got != 1500*time.Millisecond {
		t.Errorf("%v", got)
	}
}

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int64{
		0: 0, 1: 1, -1: -1, time.Second: 1000, time.Second + 1: 1001, -time.Second - 1: -1001, math.MaxInt64: math.MaxInt64/1_000_000 + 1,
	} {
		if got := Milliseconds(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
}
