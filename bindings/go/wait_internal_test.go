package kubepeers

import (
	"os"
	"testing"
	"time"
)

func TestChangeBeforeWaitWakesWaiter(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	c := changeNotifier{waiters: 1, descriptor: reader, changed: make(chan struct{})}
	defer c.unsubscribe()
	go c.read(reader)
	changed := c.next()
	writer.Write([]byte{1})
	for c.next() == changed { // until read has reported the change
		time.Sleep(time.Millisecond)
	}
	waitForChange(t.Context(), changed)
}
