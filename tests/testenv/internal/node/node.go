// Package node makes this machine a node of a Kubernetes cluster of its own,
// with real pods, and nothing of it is to be seen from outside, or left after.
//
// Beside the control plane (see package controlplane) it runs containerd,
// kube-controller-manager, kube-scheduler, kubelet and kube-proxy. Its processes:
//
//   - the owner, `testenv run --node`, has the folder, the reaper and the
//     cgroup, and starts:
//   - the init process, the first in namespaces of its own for processes, mounts
//     and the network. It arranges the mounts, buries orphans, and starts:
//   - the insider, which starts everything else, and the user's command.
//
// The kernel kills the init process when the owner dies, and with the init
// process everything in its namespaces: containers, mounts, interfaces, rules.
// What it does not remove, the folder and the cgroups of the pods, the owner or
// its reaper does.
package node

import (
	"fmt"
	"time"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// limit bounds what would otherwise hang. It is no expectation: machines that
// run tests are busy.
const limit = 2 * time.Minute

// Node is a running node, and its control plane.
type Node struct {
	*controlplane.ControlPlane
	claim  *controlplane.Claim
	deaths chan *process.Process // of all but the control plane
}

// Start starts a node with these images (OCI archives), and returns when it is
// ready for pods. Only an insider can, and its end is the end of them all.
func Start(claim *controlplane.Claim, port int, images []string) (*Node, error) {
	n := &Node{claim: claim, deaths: make(chan *process.Process, 8)}
	imported := make(chan error, 1)
	if err := n.startContainerd(); err != nil {
		return nil, err
	}
	go func() { imported <- n.importImages(images) }()
	if err := n.startControlPlane(port); err != nil {
		return nil, err
	}
	if err := <-imported; err != nil {
		return nil, err
	}
	if err := n.startPrograms(); err != nil {
		return nil, err
	}
	return n, n.awaitReady()
}

func (n *Node) startControlPlane(port int) error {
	if err := n.claim.Write(auditPolicyFile, auditPolicy); err != nil {
		return err
	}
	var err error
	n.ControlPlane, err = controlplane.StartAt(place, n.claim, port)
	return err
}

// Wait is that of the control plane, for the other programs too.
func (n *Node) Wait() error {
	ended := make(chan error, 1)
	go func() { ended <- n.ControlPlane.Wait() }()
	select {
	case err := <-ended:
		return err
	case p := <-n.deaths:
		return p.Death()
	}
}

// start starts a program without which the node is none.
func (n *Node) start(name string, command ...string) error {
	p, err := n.claim.Start(name, command...)
	if err != nil {
		return err
	}
	go func() {
		<-p.Ended()
		n.deaths <- p
	}()
	return nil
}

// await calls check until it succeeds, the time is up, or a program dies.
func (n *Node) await(what string, check func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		select {
		case p := <-n.deaths:
			return p.Death()
		default:
		}
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s after %v: %w", what, limit, err)
		}
	}
}
