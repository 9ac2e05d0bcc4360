// Command patch changes the status of pods, again and again, as their kubelets
// would, and prints when it sent each change (ns, one a line).
//
// A change of "ready" is one that clients of discovery are told of; one of
// "other" is not. Each pod is as ready at the end as it was before.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubepeers/kubepeers/benches/internal/admin"
)

var (
	namespace = flag.String("namespace", "", "namespace of the pods")
	own       = flag.String("own", "", "a pod to leave alone")
	kind      = flag.String("kind", "ready", `"ready" or "other"`)
	count     = flag.Int("count", 100, "about how many changes")
	every     = flag.Duration("every", 10*time.Millisecond, "mean time between two")
	workers   = flag.Int("workers", 1, "how many may be under way at once")
)

func main() {
	flag.Parse()
	ctx := context.Background()
	pods := admin.Core().Pods(*namespace)
	// Some of them will do: of 5,000 a list is large.
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app=bench", Limit: 500})
	if err != nil {
		log.Fatal(err)
	}
	var names []string
	for _, pod := range list.Items {
		if pod.Name != *own && len(names) < *count/2 {
			names = append(names, pod.Name)
		}
	}
	// Each pod's turn comes an even number of times.
	changes := *count / (2 * len(names)) * 2 * len(names)

	sent := make([]int64, changes)
	numbers := make(chan int)
	var group sync.WaitGroup
	for range *workers {
		group.Go(func() {
			for i := range numbers {
				change := body(i, i/len(names)%2 == 0)
				sent[i] = time.Now().UnixNano()
				_, err := pods.Patch(ctx, names[i%len(names)], types.StrategicMergePatchType, change,
					metav1.PatchOptions{FieldManager: "kubelet"}, "status")
				if err != nil {
					log.Fatal(err)
				}
			}
		})
	}
	for i := range changes {
		numbers <- i
		// Not in step with anything that the API server does at regular times.
		time.Sleep(time.Duration((0.5 + rand.Float64()) * float64(*every)))
	}
	close(numbers)
	group.Wait()
	for _, ns := range sent {
		fmt.Println(ns)
	}
}

func body(number int, there bool) []byte {
	condition := map[string]any{"type": corev1.PodReady, "status": corev1.ConditionTrue}
	if there {
		condition["status"] = corev1.ConditionFalse
	}
	if *kind == "other" {
		// Whole seconds that never repeat, or the API server would see no change.
		probed := time.Now().Add(time.Duration(number) * time.Hour).UTC().Format(time.RFC3339)
		condition = map[string]any{"type": corev1.PodScheduled, "lastProbeTime": probed}
	}
	body, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []any{condition}}})
	if err != nil {
		log.Fatal(err)
	}
	return body
}
