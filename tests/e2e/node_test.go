package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A member is a node as GoAkt names it.
type member struct {
	Host         string `json:"host"`
	PeersPort    int    `json:"peersPort"`
	RemotingPort int    `json:"remotingPort"`
}

func (m member) String() string { return net.JoinHostPort(m.Host, itoa(m.PeersPort)) }

// members are those that GoAkt's own membership on this node knows, itself
// included. A node has none before it has started.
func members(pod corev1.Pod) (map[string]member, error) {
	var answer struct {
		Self  *member  `json:"self"`
		Peers []member `json:"peers"`
	}
	if err := getJSON(pod, "/members", &answer); err != nil {
		return nil, err
	}
	all := map[string]member{answer.Self.String(): *answer.Self}
	for _, peer := range answer.Peers {
		all[peer.String()] = peer
	}
	return all, nil
}

// peers are the addresses that our provider on this node answers with.
func peers(pod corev1.Pod) ([]string, error) {
	var answer struct {
		Addresses []string `json:"addresses"`
		Error     string   `json:"error"`
	}
	if err := getJSON(pod, "/peers", &answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", pod.Name, answer.Error)
	}
	return answer.Addresses, nil
}

// self is how GoAkt is to name the node in this pod.
func self(pod corev1.Pod) member {
	return member{Host: pod.Status.PodIP, PeersPort: portOf(pod, "peers"), RemotingPort: portOf(pod, "remoting")}
}

// gossip is the address that others discover the node by.
func gossip(pod corev1.Pod) string {
	return net.JoinHostPort(pod.Status.PodIP, itoa(portOf(pod, "gossip")))
}

// Without connections that are kept: addresses may be another pod's the next time. Who is gone refuses, or is not found, soon.
var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func get(pod corev1.Pod, path string) (string, error) {
	if pod.Status.PodIP == "" {
		return "", fmt.Errorf("%s has no address", pod.Name)
	}
	address := net.JoinHostPort(pod.Status.PodIP, itoa(portOf(pod, "http")))
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

func getJSON(pod corev1.Pod, path string, answer any) error {
	text, err := get(pod, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), answer); err != nil {
		return fmt.Errorf("%s: %s: %w", pod.Name, text, err)
	}
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }
