// Command load fills a namespace with Running pods as a few Deployments, a
// network and kubelets make them: 6 to 10 KB of JSON each, most of it alike
// within a Deployment, with the addresses, times, ids and field managers that
// differ in real ones.
//
//	KUBECONFIG=… load NAMESPACE COUNT
//
// It prints the name of one of them.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	core "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/kubepeers/kubepeers/benches/internal/admin"
)

const workers = 16

func main() {
	ctx := context.Background()
	namespace := os.Args[1]
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	pods := admin.Core().Pods(namespace)
	var deployments []deployment
	for i := range 5 {
		deployments = append(deployments, newDeployment(i))
	}
	numbers := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range numbers {
				name, err := fill(ctx, pods, namespace, deployments[i%len(deployments)], i)
				if err != nil {
					log.Fatal(err)
				}
				if i == 0 {
					fmt.Println(name)
				}
			}
		})
	}
	for i := range count {
		numbers <- i
	}
	close(numbers)
	group.Wait()
}

// fill makes one pod, as its ReplicaSet, its network and its kubelet would.
func fill(ctx context.Context, pods core.PodInterface, namespace string, d deployment, i int) (string, error) {
	number := i % 200
	ip := fmt.Sprintf("10.%d.%d.%d", 128+i/62500, i/250%250, 2+i%250)
	node := fmt.Sprintf("ip-10-0-%d-%d.eu-central-1.compute.internal", number/16, 10+number)
	pod, err := pods.Create(ctx, d.pod(namespace, node), metav1.CreateOptions{FieldManager: "kube-controller-manager"})
	for apierrors.IsAlreadyExists(err) { // Names end at random, and of a thousand two may be the same.
		pod, err = pods.Create(ctx, d.pod(namespace, node), metav1.CreateOptions{FieldManager: "kube-controller-manager"})
	}
	if err != nil {
		return "", err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{
		"cni.projectcalico.org/containerID": hexes(32), "cni.projectcalico.org/podIP": ip + "/32", "cni.projectcalico.org/podIPs": ip + "/32"}}})
	if err != nil {
		return "", err
	}
	pod, err = pods.Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "calico"}, "status")
	if err != nil {
		return "", err
	}
	d.run(pod, ip, fmt.Sprintf("10.0.%d.%d", number/16, 10+number))
	_, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{FieldManager: "kubelet"})
	return pod.Name, err
}
