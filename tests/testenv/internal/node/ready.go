package node

import (
	"context"
	"errors"
	"fmt"
	"net"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// awaitReady returns when the node can run a pod and the pod can reach the API
// server through its service.
func (n *Node) awaitReady() error {
	config, err := clientcmd.BuildConfigFromFlags("", n.Kubeconfig())
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	throughService := rest.CopyConfig(config)
	throughService.Host = "https://" + net.JoinHostPort(apiServer, "443")
	viaService, err := kubernetes.NewForConfig(throughService)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, c := range []struct {
		failure string
		check   func() error
	}{
		{
			"the node was not ready (see kubelet.log)",
			func() error { return checkNode(ctx, client) },
		},
		{
			"the namespace default was not ready (see kube-controller-manager.log)",
			func() error { return checkNamespace(ctx, client) },
		},
		{
			"the service of the API server was not ready (see kube-proxy.log)",
			func() error { return checkService(ctx, viaService) },
		},
	} {
		if err := n.await(c.failure, c.check); err != nil {
			return err
		}
	}
	return nil
}

func checkNode(ctx context.Context, client kubernetes.Interface) error {
	node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return errors.New(c.Message)
		}
	}
	if taints := node.Spec.Taints; len(taints) > 0 {
		return fmt.Errorf("the node has the taint %s", taints[0].Key)
	}
	if len(node.Status.Conditions) == 0 {
		return errors.New("the node has reported no conditions")
	}
	return nil
}

// checkNamespace checks for what pods in the namespace require.
func checkNamespace(ctx context.Context, client kubernetes.Interface) error {
	if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	_, err := client.CoreV1().ConfigMaps("default").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
	return err
}

func checkService(ctx context.Context, client kubernetes.Interface) error {
	return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}
