// Command testenv gives tests a Kubernetes control plane of their own, with a
// real node if they want one, and puts the pods, accounts and credentials into it
// that they need.
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

A control plane (etcd and kube-apiserver on loopback, no root needed). The
programs are those in $KUBEBUILDER_ASSETS, or the file "kubernetes" beside this
one (make control-plane).

  up --dir DIR [--port N] [--servers N]
                                  start one; print its kubeconfig (DIR/kubeconfig)
  down --dir DIR                  stop it and remove DIR
  run [--port N] [--dir DIR] [--servers N] -- CMD [ARG…]
                                  run CMD with one, in KUBECONFIG, TESTENV (this
                                  program), TESTENV_DIR (DIR, or a temporary folder),
                                  KUBERNETES_SERVICE_HOST and _PORT; remove the folder;
                                  exit as CMD does
                                  --servers N: a rig (see below)
  run --node [--image ARCHIVE …] [--port N] [--dir DIR] -- CMD [ARG…]
                                  the same with a real node, on which pods run that
                                  have an image of an OCI archive (imagePullPolicy:
                                  Never). Needs root, the Debian packages in the file
                                  "packages", and "make node". The node and CMD are in
                                  a network of their own: CMD reaches pods, and pods
                                  CMD, but nothing else. DIR is on a disk, for the
                                  layers of containers; in it are the programs' logs,
                                  those of pods (log/pods), and audit.log, what the
                                  service accounts of pods asked for
  image --name NAME PROGRAM ARCHIVE
                                  write an OCI archive of an image with nothing but a
                                  static program

Disturbances of the one in DIR:

  stop-server --dir DIR [--server N]
                                  kill the API server (of a rig: number N, or all)
  start-server --dir DIR [--server N] [--new-authority]
                                  start it again; --new-authority: with a certificate
                                  of a new one, which is in the kubeconfig afterwards
                                  (not with a node, nor in a rig)
  compact --dir DIR               have etcd forget all but the present state
  backup --dir DIR                keep a copy of etcd's files
  restore --dir DIR               put it back, and let etcd go on from there. All API
                                  servers must be stopped

A rig (--servers 3) is several API servers on one etcd, behind a TCP balancer. The
kubeconfig and KUBERNETES_SERVICE_PORT lead to the balancer, which sends connections
to all servers in turn, even to one that is stopped. DIR/server-N.kubeconfig leads to
server N (1, 2, 3) past the balancer and its disturbances.

  disturb --dir DIR status        print a line for each server: its number, running or
                                  stopped, its connections, what disturbs it
  disturb --dir DIR open          have the balancer listen on one more port; print it.
                                  Clients at different ports can be pinned differently
  disturb --dir DIR pin PORT N    send new connections at PORT to server N
  disturb --dir DIR unpin PORT    send them to all servers in turn again
  disturb --dir DIR avoid N       send no new connections to server N, except those
                                  that are pinned, as a balancer that checks servers
  disturb --dir DIR use N         end that
  disturb --dir DIR cut N         reset the connections to server N
  disturb --dir DIR freeze N      forward nothing to and from server N. Connections stay
                                  open, TCP acknowledges, new ones are accepted
  disturb --dir DIR thaw N        end that, and forward what was held back
  disturb --dir DIR delay N TIME  forward everything to and from server N that much
                                  later (200ms; 0s ends that)
  disturb --dir DIR lag N         hold back etcd's watch of pods for server N: its watch
                                  cache lags, its own reads from etcd and writes go on
  disturb --dir DIR catch-up N    end that, and deliver what was held back

Objects in the cluster of $KUBECONFIG, whichever it is:

  namespace NAME                  create it, unless it exists
  delete-namespace [--finalize] NAME
                                  --finalize: there is no controller-manager
  account --namespace NS [--verbs list,watch] NAME
                                  service account that may VERBS pods; "": nothing
  delete-account --namespace NS NAME
                                  its tokens end; its role stays
  pod --namespace NS [--label K=V …] [--port NAME=NUMBER …]
      [--service-account SA] [--node NODE]
      [--ip IP …] [--phase PHASE] [--ready=true|false] [--started TIME] NAME
                                  create it, unless it exists; then set the status
                                  (the last four). A new Running pod is ready.
                                  --node "": one that no scheduler or kubelet takes
                                  --ip "": no address
                                  --started 2026-01-31T12:00:00Z (without it: now, the
                                  first time that a status is set); "": not known
  relabel --namespace NS [--label K=V …] NAME
                                  give a pod these labels and no others
  terminate --namespace NS NAME   delete it, but nobody lets it go
  delete --namespace NS NAME      delete it at once
  pods --namespace NS [--selector K=V,…]
                                  print the list as JSON
  mount --namespace NS --service-account SA [--pod POD] [--duration 1h] DIR
                                  write token (bound to POD), ca.crt, namespace
  get PATH                        print what the API server answers
  endpoint                        print KUBERNETES_SERVICE_HOST=… and _PORT=…

Exit status: 1 for a failure, 2 for a wrong call.
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

	// Not for users.
	controlplane.SuperviseCommand: controlplane.Supervise,
	controlplane.ReapCommand:      controlplane.Reap,
	node.InitCommand:              node.Init,
	node.InsideCommand:            inside,
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
		fmt.Fprintf(os.Stderr, "testenv: no command %q\n\n%s", args[0], usage)
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
		fmt.Fprintf(os.Stderr, "testenv %s: %v (testenv help tells more)\n", args[0], err)
		return 2
	default:
		fmt.Fprintf(os.Stderr, "testenv %s: %v\n", args[0], err)
		return 1
	}
}

// exitStatus ends the program without another word.
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

// parse takes flags before and after the operands, of which there must be as
// many as are named.
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
			return nil, usageErrorf("no %s given", name)
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

// required refuses flags that were not given, or empty.
func required(flags *flag.FlagSet, names ...string) error {
	for _, name := range names {
		if flags.Lookup(name).Value.String() == "" {
			return usageErrorf("no --%s given", name)
		}
	}
	return nil
}

// limited bounds what would otherwise hang. It is no expectation: machines that
// run tests are busy.
func limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
