// Command herd starts many clients at one moment, as a Deployment does, in one
// process. It is the counterpart of hosts/herd.c, whose first comment describes
// what both print.
//
//	herd informer|goakt NAMESPACE MOUNTS CLIENTS
//
// MOUNTS/0, MOUNTS/1, … are the service account folders of the clients. The
// files ca.crt in them differ in a comment, so that client-go, which shares
// connections between clients of the same certificate authority, opens separate
// connections for each client.
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

// A client finds its peers. start returns the first answer. It may be called again after an error.
type client interface {
	start() ([]string, error)
	// run keeps the client busy after its first answer.
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

// limit ends the wait for clients that an overloaded API server does not answer.
const limit = 4 * time.Minute

// startAll returns when the last client has its answer, or after limit. A client
// without an answer has "LIMIT:0".
func startAll(clients []client) []string {
	started := time.Now()
	results := make([]chan string, len(clients))
	for i, c := range clients {
		results[i] = make(chan string, 1)
		go func() {
			peers := firstAnswer(c)
			results[i] <- fmt.Sprintf("%d:%d", time.Since(started).Nanoseconds(), peers)
			c.run()
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	answers := make([]string, len(clients))
	for i := range clients {
		answers[i] = await(ctx, results[i])
	}
	return answers
}

func await(ctx context.Context, result <-chan string) string {
	select {
	case answer := <-result:
		return answer
	case <-ctx.Done():
	}
	select {
	case answer := <-result:
		return answer
	default:
		return fmt.Sprintf("%d:0", limit.Nanoseconds())
	}
}

// firstAnswer tries again once a second, as a program must whose API server is
// overloaded. It returns the number of peers.
func firstAnswer(c client) int {
	for {
		peers, err := c.start()
		if err == nil {
			return len(peers)
		}
		time.Sleep(time.Second)
	}
}
