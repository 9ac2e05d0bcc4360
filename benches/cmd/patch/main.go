// Command patch changes the status of pods repeatedly, like their kubelets. It prints the
// time at which it sent each change, in ns, one per line.
//
// Changes of the kind "ready" are visible to clients of discovery; those of the kind
// "other" are not. At the end, each pod is Ready if it was before.
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
	own       = flag.String("own", "", "name of a pod to exclude")
	kind      = flag.String("kind", "ready", `"ready" or "other"`)
	count     = flag.Int("count", 100, "approximate number of changes")
	every     = flag.Duration("every", 10*time.Millisecond, "mean time between two changes")
	workers   = flag.Int("workers", 1, "maximum number of concurrent requests")
)

func main() {
	flag.Parse()
	ctx := context.Background()
	pods := admin.Core().Pods(*namespace)
	// A list of all 5,000 pods would be large.
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
	// Each pod is changed an even number of times.
	changes := *count / (2 * len(names)) * 2 * len(names)

	sent := make([]int64, changes)
	numbers := make(chan int)
	var group sync.WaitGroup
	for range *workers {
		group.Go(func() {
			for i := range numbers {
				change := patchBody(i, i/len(names)%2 == 0)
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
		// The random pause avoids any rhythm of the API server.
		time.Sleep(time.Duration((0.5 + rand.Float64()) * float64(*every)))
	}
	close(numbers)
	group.Wait()
	for _, ns := range sent {
		fmt.Println(ns)
	}
}

// patchBody returns a patch of a pod's status. It makes the pod Ready or not Ready, or
// changes another condition.
func patchBody(number int, unready bool) []byte {
	condition := map[string]any{"type": corev1.PodReady, "status": corev1.ConditionTrue}
	if unready {
		condition["status"] = corev1.ConditionFalse
	}
	if *kind == "other" {
		// The API server ignores a patch that changes nothing, so the time never repeats. It has
		// whole seconds.
		probed := time.Now().Add(time.Duration(number) * time.Hour).UTC().Format(time.RFC3339)
		condition = map[string]any{"type": corev1.PodScheduled, "lastProbeTime": probed}
	}
	status := map[string]any{"conditions": []any{condition}}
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		log.Fatal(err)
	}
	return body
}
