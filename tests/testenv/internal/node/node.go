// Package node runs a Kubernetes cluster with one node and real pods on this
// machine. Nothing of it is visible from outside its namespaces, and nothing is left
// when it ends.
//
// Besides the control plane (package controlplane) it runs containerd,
// kube-controller-manager, kube-scheduler, kubelet and kube-proxy, in these
// processes:
//
//   - The owner is `testenv run --node`. It has the directory, the reaper and the
//     cgroup, and starts the init process.
//   - The init process is the first in new pid, mount, network and IPC namespaces.
//     It sets up the mounts and the network, reaps orphans, and starts the inner
//     process.
//   - The inner process starts everything else, and the user's command.
//
// The kernel kills the init process when the owner dies. With the init process end
// all processes in its namespaces, and with them containers, mounts, interfaces and
// iptables rules. The owner or its reaper removes the rest: the directory and the
// cgroups of the pods.
package node

import (
	"fmt"
	"time"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// limit prevents hangs. It is generous because machines that run tests are busy.
const limit = 2 * time.Minute

// Node is a running node with its control plane.
type Node struct {
	*controlplane.ControlPlane
	workDir *controlplane.WorkDir
	exits   chan *process.Process // of all programs but those of the control plane
}

// Start starts a node with these images (OCI archives) and returns when it is ready
// for pods. It works only in the inner process. All programs end with that process.
func Start(workDir *controlplane.WorkDir, port int, images []string) (*Node, error) {
	n := &Node{workDir: workDir, exits: make(chan *process.Process, 8)}
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
	if err := n.workDir.Write(auditPolicyFile, auditPolicy); err != nil {
		return err
	}
	var err error
	n.ControlPlane, err = controlplane.StartIn(n.workDir, setup, port)
	return err
}

// Wait is ControlPlane.Wait, but also returns if another program exits.
func (n *Node) Wait() error {
	ended := make(chan error, 1)
	go func() { ended <- n.ControlPlane.Wait() }()
	select {
	case err := <-ended:
		return err
	case p := <-n.exits:
		return p.ExitError()
	}
}

// start starts a program that must run as long as the node.
func (n *Node) start(name string, command ...string) error {
	p, err := n.workDir.Start(name, command...)
	if err != nil {
		return err
	}
	go func() {
		<-p.Exited()
		n.exits <- p
	}()
	return nil
}

// await calls check until it succeeds, the limit is reached, or a program exits. If
// the limit is reached, the error begins with failure.
func (n *Node) await(failure string, check func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		select {
		case p := <-n.exits:
			return p.ExitError()
		default:
		}
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s after %v: %w", failure, limit, err)
		}
	}
}
