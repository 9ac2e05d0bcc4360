// Command testenv starts a Kubernetes control plane for tests, optionally with a real
// node, and creates the pods, accounts and credentials that tests need.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/node"
)

const usage = `usage: testenv COMMAND …

Run a control plane: etcd and kube-apiserver on loopback. This needs no root. The
programs are those in $KUBEBUILDER_ASSETS, or the file "kubernetes" in the directory
of this program (make control-plane).

  up --dir DIR [--port N] [--servers N]
                                  start a control plane in the background; print the
                                  path of its kubeconfig (DIR/kubeconfig)
  down --dir DIR                  stop it and remove DIR
  run [--port N] [--dir DIR] [--servers N] -- CMD [ARG…]
                                  start a control plane, run CMD, stop the control
                                  plane, remove DIR, and exit with the status of CMD.
                                  CMD receives the variables KUBECONFIG, TESTENV (path
                                  of this program), TESTENV_DIR (DIR, by default a
                                  temporary directory), KUBERNETES_SERVICE_HOST and
                                  KUBERNETES_SERVICE_PORT
  run --node [--image ARCHIVE …] [--port N] [--dir DIR] -- CMD [ARG…]
                                  the same with a real node, which runs pods. Their
                                  images are OCI archives (imagePullPolicy: Never).
                                  This needs root, the Debian packages that the file
                                  "packages" lists, and "make node". The node and CMD
                                  share a network: CMD reaches pods, and pods reach
                                  CMD, but nothing else. DIR must be on a disk. It
                                  holds the layers of images, the programs' logs, the
                                  logs of pods (log/pods), and audit.log with the
                                  requests of the pods' service accounts
  image --name NAME PROGRAM ARCHIVE
                                  write an OCI archive with an image that contains
                                  only PROGRAM, which must be static

Disturb the control plane in DIR:

  stop-server --dir DIR [--server N]
                                  kill all API servers, or number N
  start-server --dir DIR [--server N] [--new-authority]
                                  start them again. --new-authority replaces the
                                  certificate authority in the server's certificate
                                  and in the kubeconfig (not with --node or --servers)
  compact --dir DIR               remove all revisions but the current one from etcd
  backup --dir DIR                copy etcd's files
  restore --dir DIR               replace etcd's files with the copy. All API servers
                                  must be stopped

With --servers N, a TCP balancer forwards connections to N API servers on one etcd.
The kubeconfig and KUBERNETES_SERVICE_PORT lead to the balancer. It uses all servers
in turn, even one that is stopped. DIR/server-N.kubeconfig connects to server N
(1, 2, 3) directly, without the balancer and its disturbances.

  disturb --dir DIR status        print a line for each server: its number, running or
                                  stopped, its connections, its disturbances
  disturb --dir DIR open          make the balancer listen on a further port; print
                                  it. Each port is pinned separately
  disturb --dir DIR pin PORT N    send new connections at PORT to server N
  disturb --dir DIR unpin PORT    send them to all servers in turn again
  disturb --dir DIR avoid N       send no new connections to server N, except those
                                  that are pinned, like a balancer with health checks
  disturb --dir DIR use N         end avoid
  disturb --dir DIR cut N         reset the connections to server N
  disturb --dir DIR freeze N      forward nothing to and from server N. Connections
                                  stay open, TCP acknowledges data, and the balancer
                                  accepts new connections
  disturb --dir DIR thaw N        end freeze, and forward the held data
  disturb --dir DIR delay N TIME  forward all data to and from server N later by TIME
                                  (200ms; 0s ends the delay)
  disturb --dir DIR lag N         hold etcd's watch of pods for server N. Its watch
                                  cache lags; its reads from etcd and its writes work
  disturb --dir DIR catch-up N    end lag, and deliver the held events

Change objects in the cluster of $KUBECONFIG, which can be any cluster:

  namespace NAME                  create it, unless it exists
  delete-namespace [--finalize] NAME
                                  delete it. Use --finalize if there is no
                                  controller-manager
  account --namespace NS [--verbs list,watch] NAME
                                  create a service account that may VERBS pods ("":
                                  nothing), or change its verbs
  delete-account --namespace NS NAME
                                  delete it. Its tokens become invalid; its role stays
  pod --namespace NS [--label K=V …] [--port NAME=NUMBER …]
      [--service-account SA] [--node NODE]
      [--ip IP …] [--phase PHASE] [--ready=true|false] [--started TIME] NAME
                                  create a pod, unless it exists; then set its status
                                  (the last four). A new Running pod is Ready
                                  --node "": no scheduler or kubelet handles the pod
                                  --ip "": no address
                                  --started 2026-01-31T12:00:00Z ("": not set). The
                                  default is the time of the first status
  relabel --namespace NS [--label K=V …] NAME
                                  replace all labels of a pod
  terminate --namespace NS NAME   delete a pod, which then stays terminating
  delete --namespace NS NAME      remove a pod at once
  pods --namespace NS [--selector K=V,…]
                                  print the list of pods as JSON
  mount --namespace NS --service-account SA [--pod POD] [--duration 1h] DIR
                                  write token (bound to POD), ca.crt and namespace
  get PATH                        print the API server's response
  endpoint                        print KUBERNETES_SERVICE_HOST=… and
                                  KUBERNETES_SERVICE_PORT=…

Exit status: 1 after an error, 2 after a usage error.
`

var commands = map[string]func(args []string) error{
	"up":               up,
	"down":             down,
	"run":              run,
	"image":            writeImage,
	"stop-server":      stopServer,
	"start-server":     startServer,
	"compact":          compact,
	"backup":           backUp,
	"restore":          restore,
	"disturb":          disturb,
	"namespace":        namespace,
	"delete-namespace": deleteNamespace,
	"account":          account,
	"delete-account":   deleteAccount,
	"pod":              pod,
	"relabel":          relabel,
	"terminate":        terminate,
	"delete":           deletePod,
	"pods":             pods,
	"mount":            mount,
	"get":              get,
	"endpoint":         endpoint,

	// Internal commands, which this program runs itself.
	controlplane.SuperviseCommand: controlplane.Supervise,
	controlplane.ReapCommand:      controlplane.Reap,
	node.InitCommand:              node.Init,
	node.InnerCommand:             inner,
}

func main() {
	os.Exit(status(os.Args[1:]))
}

func status(args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if name := args[0]; name == "help" || name == "-h" || name == "--help" {
		fmt.Print(usage)
		return 0
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "testenv: unknown command %q\n\n%s", args[0], usage)
		return 2
	}
	err := command(args[1:])
	var wrong *usageError
	var exit exitStatus
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "testenv %s: %v (see testenv help)\n", args[0], err)
		return 2
	default:
		fmt.Fprintf(os.Stderr, "testenv %s: %v\n", args[0], err)
		return 1
	}
}

// exitStatus is an error that ends the program with a status and no message.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usageErrorf(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

func newFlags() *flag.FlagSet {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse parses flags and operands in any order. The operands must be those that are
// named.
func parse(flags *flag.FlagSet, args []string, names ...string) ([]string, error) {
	var operands []string
	for {
		if err := parseFlags(flags, args); err != nil {
			return nil, err
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		operands = append(operands, args[0])
		args = args[1:]
	}
	if len(operands) > len(names) {
		return nil, usageErrorf("unexpected argument %q", operands[len(names)])
	}
	for i, name := range names {
		if i >= len(operands) || operands[i] == "" {
			return nil, usageErrorf("%s is missing", name)
		}
	}
	return operands, nil
}

func parseFlags(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageErrorf("%v", err)
}

// required rejects flags that are missing or empty.
func required(flags *flag.FlagSet, names ...string) error {
	for _, name := range names {
		if flags.Lookup(name).Value.String() == "" {
			return usageErrorf("--%s is missing", name)
		}
	}
	return nil
}

// timeoutContext prevents hangs. Its limit is generous because machines that run tests
// are busy.
func timeoutContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
