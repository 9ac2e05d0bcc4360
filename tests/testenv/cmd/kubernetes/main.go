// Command kubernetes is etcd and Kubernetes in one file. It runs the
// program whose name it is called by, so a folder of links to it can serve as
// KUBEBUILDER_ASSETS. Otherwise the first argument names the program. The other
// arguments are passed to that program.
//
// One file is built and kept instead of several, because the programs share
// nearly all of their code.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// programs are in the order of the usage message.
var programs = []program{
	{"etcd", etcdmain.Main},
	{"kube-apiserver", kubernetes(kubeapiserver.NewAPIServerCommand)},
}

type program struct {
	name string
	main func(args []string)
}

func main() {
	for i, name := range os.Args[:min(2, len(os.Args))] {
		if p := find(filepath.Base(name)); p != nil {
			// The programs read os.Args themselves, some even before they parse flags.
			os.Args = append([]string{p.name}, os.Args[i+1:]...)
			p.main(os.Args)
			return
		}
	}
	var names []string
	for _, p := range programs {
		names = append(names, p.name)
	}
	fmt.Fprintf(os.Stderr, "usage: %s %s [FLAG…]\n", os.Args[0], strings.Join(names, "|"))
	os.Exit(2)
}

func find(name string) *program {
	for i := range programs {
		if programs[i].name == name {
			return &programs[i]
		}
	}
	return nil
}

func kubernetes(command func() *cobra.Command) func([]string) {
	return func([]string) { os.Exit(cli.Run(command())) }
}
