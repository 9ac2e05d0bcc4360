// Command kubernetes is etcd and Kubernetes in one file: the first argument
// picks the program, the rest are that program's own.
//
// One file is built and kept instead of several, because the programs share
// nearly all of their code.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// programs are in the order of the help text. One more is one more line.
var programs = []program{
	{"etcd", etcdmain.Main},
	{"kube-apiserver", kubernetes(kubeapiserver.NewAPIServerCommand)},
}

type program struct {
	name string
	main func(args []string)
}

func main() {
	var names []string
	for _, p := range programs {
		if len(os.Args) > 1 && os.Args[1] == p.name {
			// The programs read os.Args themselves, some even before they parse flags.
			os.Args = append([]string{p.name}, os.Args[2:]...)
			p.main(os.Args)
			return
		}
		names = append(names, p.name)
	}
	fmt.Fprintf(os.Stderr, "usage: %s %s [FLAG…]\n", os.Args[0], strings.Join(names, "|"))
	os.Exit(2)
}

func kubernetes(command func() *cobra.Command) func([]string) {
	return func([]string) { os.Exit(cli.Run(command())) }
}
