package kubepeers

import (
	"math"
	"testing"
	"time"
)

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int32{
		-time.Hour:            -1,
		math.MinInt64:         -1,
		0:                     0,
		1:                     1,
		time.Second + 1:       1001,
		1000 * 24 * time.Hour: math.MaxInt32,
		math.MaxInt64:         math.MaxInt32,
	} {
		if got := milliseconds(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
}
