// Package host implements the protocol of the hosts for those in Go. benches/README.md
// documents it.
package host

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Selector is the label of the pods of the benchmark.
const Selector = "app=bench"

// The names of the pods' ports.
const (
	DiscoveryPort = "gossip"
	RemotingPort  = "remoting"
	PeersPort     = "peers"
)

// Host is a program that finds its peers.
type Host struct {
	// Discover returns the peers. The first call may wait.
	Discover func() ([]string, error)
	// Pause is the time between two measured calls, for clients with a rate limit.
	Pause time.Duration

	mutex sync.Mutex
	times []int64
}

// Namespace returns the namespace of the pods.
func Namespace() string { return os.Args[1] }

// Changed records that a change has become visible now.
func (h *Host) Changed() {
	now := time.Now().UnixNano()
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.times = append(h.times, now)
}

// Run prints the first result, and then executes commands until stdin ends.
func (h *Host) Run() {
	peers, err := h.Discover()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("first", time.Now().UnixNano(), len(peers))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "calls":
			milliseconds, err := strconv.Atoi(words[1])
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("calls", h.calls(time.Duration(milliseconds)*time.Millisecond))
		case "watch": // Hosts that can watch have watched from the start.
			h.take()
			fmt.Println("watching")
		case "times":
			fmt.Println("times", strings.Trim(fmt.Sprint(h.take()), "[]"))
		}
	}
}

// take returns the times of the changes since its last call.
func (h *Host) take() []int64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	times := h.times
	h.times = nil
	return times
}

// calls makes calls for about this duration, and returns the nanoseconds per call,
// without pauses.
func (h *Host) calls(duration time.Duration) float64 {
	var count int
	var elapsed time.Duration
	call := func(batch int) {
		started := time.Now()
		for range batch {
			if _, err := h.Discover(); err != nil {
				log.Fatal(err)
			}
		}
		elapsed += time.Since(started)
		count += batch
		time.Sleep(h.Pause)
	}
	for batch := 1; elapsed+time.Duration(count)*h.Pause < duration; {
		call(batch)
		if h.Pause == 0 {
			batch *= 2
		}
	}
	return float64(elapsed.Nanoseconds()) / float64(count)
}
