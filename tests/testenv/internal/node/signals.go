package node

import (
	"os"
	"syscall"
)

// Signal is a signal that the owner received. The owner forwards it, because only
// the owner can read the terminal's foreground process group: inside the node's
// namespaces the terminal belongs to no process.
type Signal struct {
	Number syscall.Signal
	// FromTerminal is set if the terminal sent the signal to its whole foreground
	// process group, which includes the user's command.
	FromTerminal bool
}

func (s Signal) write(to *os.File) {
	fromTerminal := byte(0)
	if s.FromTerminal {
		fromTerminal = 1
	}
	// This fails if the inner process is gone. Then the signal has no recipient.
	to.Write([]byte{byte(s.Number), fromTerminal})
}

func readSignals(from *os.File) <-chan Signal {
	signals := make(chan Signal)
	go func() {
		message := make([]byte, 2)
		for {
			if _, err := from.Read(message); err != nil {
				return
			}
			signals <- Signal{syscall.Signal(message[0]), message[1] == 1}
		}
	}()
	return signals
}
