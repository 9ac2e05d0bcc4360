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
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A client finds its peers: start returns the first answer.
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

// startAll returns when the last client has its answer.
func startAll(clients []client) []string {
	answers := make([]string, len(clients))
	var group sync.WaitGroup
	started := time.Now()
	for i, c := range clients {
		group.Go(func() {
			peers, err := c.start()
			if err != nil {
				log.Fatal(err)
			}
			answers[i] = fmt.Sprintf("%d:%d", time.Since(started).Nanoseconds(), len(peers))
			go c.run()
		})
	}
	group.Wait()
	return answers
}
