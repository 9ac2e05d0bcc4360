// Command herd starts many clients at the same time in one process, like a Deployment
// starts pods. Its output is that of hosts/herd.c, which documents it.
//
//	herd informer|goakt NAMESPACE MOUNTS CLIENTS
//
// MOUNTS/0, MOUNTS/1, … are the service account directories of the clients. Their files
// ca.crt differ in a comment. Otherwise client-go would share connections between
// clients, because they would have the same certificate authority.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

// client finds its peers.
type client interface {
	// start returns the first result. It may be called again after an error.
	start() ([]string, error)
	// run runs the client after its first result.
	run()
}

func main() {
	log.SetPrefix("herd: ")
	kind, namespace, mounts := os.Args[1], os.Args[2], os.Args[3]
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	newClient, ok := map[string]func(namespace, mounts string, i int) (client, error){
		"informer": newInformer,
		"goakt":    newGoAkt,
	}[kind]
	if !ok {
		log.Fatalf("unknown kind of client %q: expected informer or goakt", kind)
	}
	clients := make([]client, count)
	for i := range clients {
		if clients[i], err = newClient(namespace, mounts, i); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	if !lines.Scan() {
		return
	}
	fmt.Println("answers", strings.Join(startAll(clients), " "))
	for lines.Scan() {
	}
}

// timeout limits the wait for clients to which an overloaded API server does not respond.
const timeout = 4 * time.Minute

// startAll starts all clients. It returns "NANOSECONDS:PEERS" for each when the last one
// has its first result, or after the timeout. A client without a result has
// "TIMEOUT:0".
func startAll(clients []client) []string {
	started := time.Now()
	results := make([]chan string, len(clients))
	for i, c := range clients {
		results[i] = make(chan string, 1)
		go func() {
			peers := firstResult(c)
			results[i] <- fmt.Sprintf("%d:%d", time.Since(started).Nanoseconds(), peers)
			c.run()
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	lines := make([]string, len(clients))
	for i := range clients {
		lines[i] = await(ctx, results[i])
	}
	return lines
}

// await prefers a result to the end of ctx.
func await(ctx context.Context, results <-chan string) string {
	select {
	case result := <-results:
		return result
	case <-ctx.Done():
	}
	select {
	case result := <-results:
		return result
	default:
		return fmt.Sprintf("%d:0", timeout.Nanoseconds())
	}
}

// firstResult calls start once a second until it succeeds, because an overloaded API
// server rejects requests. It returns the number of peers.
func firstResult(c client) int {
	for {
		peers, err := c.start()
		if err == nil {
			return len(peers)
		}
		time.Sleep(time.Second)
	}
}
