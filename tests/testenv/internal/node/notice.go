package node

import (
	"os"
	"syscall"
)

// A Notice tells of a signal. Only the owner can judge one: seen from inside,
// the terminal belongs to no process.
type Notice struct {
	Signal syscall.Signal
	// Everybody in the terminal's foreground got it, the user's command too.
	Everybody bool
}

func (n Notice) write(to *os.File) {
	everybody := byte(0)
	if n.Everybody {
		everybody = 1
	}
	// It fails if nobody is left to tell.
	to.Write([]byte{byte(n.Signal), everybody})
}

func readNotices(from *os.File) <-chan Notice {
	notices := make(chan Notice)
	go func() {
		message := make([]byte, 2)
		for {
			if _, err := from.Read(message); err != nil {
				return
			}
			notices <- Notice{syscall.Signal(message[0]), message[1] == 1}
		}
	}()
	return notices
}
