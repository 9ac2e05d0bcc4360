package kubepeers

import (
	"os"
	"testing"
	"time"
)

func TestChangeThatComesBeforeTheWaitEndsIt(t *testing.T) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	c := changes{waiters: 1, descriptor: ours, told: make(chan struct{})}
	defer c.leave()
	go c.read(ours)
	told := c.next()
	theirs.Write([]byte{1})
	for c.next() == told { // It is told now, and nobody waits yet.
		time.Sleep(time.Millisecond)
	}
	wait(t.Context(), told)
}
