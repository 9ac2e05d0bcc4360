package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// member identifies a node to GoAkt or Pekko.
type member struct {
	Host         string `json:"host"`
	PeersPort    int    `json:"peersPort"`
	RemotingPort int    `json:"remotingPort"`
}

func (m member) String() string { return net.JoinHostPort(m.Host, itoa(m.PeersPort)) }

// members returns the members that GoAkt on this node knows, including the node itself.
// It fails before the node has started.
func members(pod corev1.Pod) (map[string]member, error) {
	var body struct {
		Self  *member  `json:"self"`
		Peers []member `json:"peers"`
	}
	if err := getJSON(pod, "/members", &body); err != nil {
		return nil, err
	}
	all := map[string]member{body.Self.String(): *body.Self}
	for _, peer := range body.Peers {
		all[peer.String()] = peer
	}
	return all, nil
}

// peers returns the result of DiscoverPeers on this node.
func peers(pod corev1.Pod) ([]string, error) {
	var body struct {
		Addresses []string `json:"addresses"`
		Error     string   `json:"error"`
	}
	if err := getJSON(pod, "/peers", &body); err != nil {
		return nil, err
	}
	if body.Error != "" {
		return nil, fmt.Errorf("%s: %s", pod.Name, body.Error)
	}
	return body.Addresses, nil
}

// self returns the node in this pod as GoAkt or Pekko must identify it.
func self(pod corev1.Pod) member {
	return member{
		Host:         pod.Status.PodIP,
		PeersPort:    cmp.Or(portOf(pod, "peers"), portOf(pod, "remoting")), // Pekko has only one.
		RemotingPort: portOf(pod, "remoting"),
	}
}

// gossip returns the address of the node's discovery port.
func gossip(pod corev1.Pod) string {
	return net.JoinHostPort(pod.Status.PodIP, itoa(portOf(pod, "gossip")))
}

// client keeps no connections, because another pod may get the same address.
var client = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

func get(pod corev1.Pod, path string) (string, error) {
	if pod.Status.PodIP == "" {
		return "", fmt.Errorf("%s has no address", pod.Name)
	}
	port := cmp.Or(portOf(pod, "http"), portOf(pod, managementPort))
	address := net.JoinHostPort(pod.Status.PodIP, itoa(port))
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", pod.Name, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", pod.Name, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s", pod.Name, response.Status, text)
	}
	return string(text), nil
}

func getJSON(pod corev1.Pod, path string, body any) error {
	text, err := get(pod, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), body); err != nil {
		return fmt.Errorf("%s: %s: %w", pod.Name, text, err)
	}
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }
