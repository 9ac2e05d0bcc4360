package kubepeers

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestChangeThatComesBeforeTheWaitEndsIt(t *testing.T) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	c := changes{waiters: 1, descriptor: ours, told: make(chan struct{}), left: make(chan struct{})}
	defer c.leave()
	go c.read(ours, c.left)
	told := c.next()
	theirs.Write([]byte{1})
	for c.next() == told { // It is told now, and nobody waits yet.
		time.Sleep(time.Millisecond)
	}
	wait(t.Context(), told, 0)
}

// A descriptor that the netpoller does not take is asked for now and then: its waiters do not hang, and do not spin.
func TestDescriptorThatCannotBeWaitedFor(t *testing.T) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], 0); err != nil {
		t.Fatal(err)
	}
	syscall.Close(ends[0])
	c := changes{waiters: 1, descriptor: os.NewFile(uintptr(ends[1]), "one that cannot be read"), told: make(chan struct{}), left: make(chan struct{})}
	go c.read(c.descriptor, c.left)
	begun := time.Now()
	for range 3 {
		wait(t.Context(), c.next(), 0)
	}
	if passed := time.Since(begun); passed < often {
		t.Errorf("three reads in %v", passed)
	}
	c.leave()
}
