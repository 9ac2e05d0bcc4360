// Package admin is the client of the programs that prepare a benchmark. It has the
// credentials of $KUBECONFIG.
package admin

import (
	"log"
	"os"

	"k8s.io/client-go/kubernetes"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// Core returns a client without a rate limit.
func Core() core.CoreV1Interface {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		log.Fatal(err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	return client.CoreV1()
}
