// Command node contains kubelet, kube-proxy and the controllers that pods need, in one
// file. The first argument names the program. The other arguments are passed to that
// program.
//
// It is separate from the command kubernetes because it takes minutes to build, and
// only tests with a node need it.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubecontrollermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubescheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// programs are in the order of the usage message.
var programs = []program{
	{"kube-controller-manager", kubecontrollermanager.NewControllerManagerCommand},
	{"kube-scheduler", func() *cobra.Command { return kubescheduler.NewSchedulerCommand() }},
	{"kubelet", func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }},
	{"kube-proxy", kubeproxy.NewProxyCommand},
}

type program struct {
	name    string
	command func() *cobra.Command
}

func main() {
	var names []string
	for _, p := range programs {
		if len(os.Args) > 1 && os.Args[1] == p.name {
			// The programs read os.Args themselves, some even before they parse flags.
			os.Args = append([]string{p.name}, os.Args[2:]...)
			os.Exit(cli.Run(p.command()))
		}
		names = append(names, p.name)
	}
	fmt.Fprintf(os.Stderr, "usage: %s %s [FLAG…]\n", os.Args[0], strings.Join(names, "|"))
	os.Exit(2)
}
