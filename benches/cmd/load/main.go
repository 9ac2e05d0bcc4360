// Command load fills a namespace with Running pods of a few Deployments. They have the
// size of real pods, 6 to 10 KB of JSON. Most of it is the same within a Deployment;
// addresses, times, ids and field managers differ, like those that controllers, the
// network and kubelets write.
//
//	KUBECONFIG=… load NAMESPACE COUNT
//
// It prints the name of one pod.
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
				name, err := createPod(ctx, pods, namespace, deployments[i%len(deployments)], i)
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

// createPod creates a pod with the updates of its ReplicaSet, its network and its
// kubelet, and returns its name.
func createPod(
	ctx context.Context, pods core.PodInterface, namespace string, d deployment, i int,
) (string, error) {
	number := i % 200
	ip := fmt.Sprintf("10.%d.%d.%d", 128+i/62500, i/250%250, 2+i%250)
	node := fmt.Sprintf("ip-10-0-%d-%d.eu-central-1.compute.internal", number/16, 10+number)
	controller := metav1.CreateOptions{FieldManager: "kube-controller-manager"}
	pod, err := pods.Create(ctx, d.pod(namespace, node), controller)
	for apierrors.IsAlreadyExists(err) { // Two of a thousand random names may be the same.
		pod, err = pods.Create(ctx, d.pod(namespace, node), controller)
	}
	if err != nil {
		return "", err
	}
	annotations := map[string]string{
		"cni.projectcalico.org/containerID": randomHex(32),
		"cni.projectcalico.org/podIP":       ip + "/32",
		"cni.projectcalico.org/podIPs":      ip + "/32",
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return "", err
	}
	network := metav1.PatchOptions{FieldManager: "calico"}
	pod, err = pods.Patch(ctx, pod.Name, types.MergePatchType, patch, network, "status")
	if err != nil {
		return "", err
	}
	d.setRunning(pod, ip, fmt.Sprintf("10.0.%d.%d", number/16, 10+number))
	_, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{FieldManager: "kubelet"})
	return pod.Name, err
}
