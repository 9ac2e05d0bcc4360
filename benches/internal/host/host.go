// Package host is what the Go hosts have in common: how they are told what to
// do. benches/README.md says how.
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

// Selector is what the pods of the benchmark carry.
const Selector = "app=bench"

// Ports that the pods name.
const (
	DiscoveryPort = "gossip"
	RemotingPort  = "remoting"
	PeersPort     = "peers"
)

// A Host is a program that finds its peers.
type Host struct {
	// Discover gives the peers; the first call may take long.
	Discover func() ([]string, error)
	// Pause comes between two calls that are timed, for clients that would
	// otherwise be held up by their own rate limit.
	Pause time.Duration

	mutex sync.Mutex
	times []int64
}

// Namespace is that of the pods.
func Namespace() string { return os.Args[1] }

// Changed notes that a change has become visible now.
func (h *Host) Changed() {
	now := time.Now().UnixNano()
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.times = append(h.times, now)
}

// Run gives the first answer and then does what it is told, until stdin ends.
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
		case "watch": // Hosts that can watch do so from the start.
			h.take()
			fmt.Println("watching")
		case "times":
			fmt.Println("times", strings.Trim(fmt.Sprint(h.take()), "[]"))
		}
	}
}

func (h *Host) take() []int64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	times := h.times
	h.times = nil
	return times
}

// calls for about so long; gives nanoseconds per call, pauses not counted.
func (h *Host) calls(long time.Duration) float64 {
	var count int
	var taken time.Duration
	call := func(batch int) {
		begun := time.Now()
		for range batch {
			if _, err := h.Discover(); err != nil {
				log.Fatal(err)
			}
		}
		taken += time.Since(begun)
		count += batch
		time.Sleep(h.Pause)
	}
	for batch := 1; taken+time.Duration(count)*h.Pause < long; {
		call(batch)
		if h.Pause == 0 {
			batch *= 2
		}
	}
	return float64(taken.Nanoseconds()) / float64(count)
}
