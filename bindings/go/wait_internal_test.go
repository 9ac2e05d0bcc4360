package kubepeers

import (
	"os"
	"testing"
	"time"
)

func TestChangeBeforeTheWaitEndsIt(t *testing.T) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	c := changeNotifier{waiters: 1, descriptor: ours, changed: make(chan struct{})}
	defer c.unsubscribe()
	go c.read(ours)
	changed := c.next()
	theirs.Write([]byte{1})
	for c.next() == changed { // until it is notified, while nothing waits
		time.Sleep(time.Millisecond)
	}
	waitForChange(t.Context(), changed)
}
