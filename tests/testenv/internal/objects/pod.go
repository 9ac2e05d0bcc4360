package objects

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// holdFinalizer keeps a deleted pod in sight. The API server removes a pod
// without a node at once, however long its grace period is.
const holdFinalizer = "testenv.example/hold"

// A Pod is what SetPod wants. Nil stands for "not said".
type Pod struct {
	Namespace, Name string

	// For a pod that is not there yet. They cannot be changed later.
	Labels         map[string]string
	Ports          []Port
	ServiceAccount string
	// Node need not exist. Without one, the pod stays out of the hands of
	// schedulers and kubelets, for clusters that have them.
	Node *string

	IPs     []string // "" stands for none
	Phase   *string
	Ready   *bool
	Started *time.Time // zero stands for none
}

// A Port is a named port of the container.
type Port struct {
	Name   string
	Number int32
}

// SetPod makes the pod unless it exists, and then sets of its status what is
// said. A new pod that is Running is ready unless the opposite is said.
func (c *Client) SetPod(ctx context.Context, want Pod) error {
	pod, err := c.core.Pods(want.Namespace).Get(ctx, want.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		pod, err = c.core.Pods(want.Namespace).Create(ctx, want.object(), metav1.CreateOptions{})
		if want.Ready == nil && want.Phase != nil && *want.Phase == string(corev1.PodRunning) {
			ready := true
			want.Ready = &ready
		}
	} else if err == nil {
		err = want.checkSame(pod)
	}
	if err != nil {
		return err
	}
	if want.IPs == nil && want.Phase == nil && want.Ready == nil && want.Started == nil {
		return nil
	}
	return c.updatePod(ctx, pod, func(pod *corev1.Pod) error {
		want.applyStatus(&pod.Status)
		_, err := c.core.Pods(want.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		return err
	})
}

func (want Pod) object() *corev1.Pod {
	no := false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: want.Name, Labels: want.Labels},
		Spec: corev1.PodSpec{
			ServiceAccountName:           want.ServiceAccount,
			AutomountServiceAccountToken: &no,
			NodeName:                     "node-1",
			Containers:                   []corev1.Container{{Name: "main", Image: "example.invalid/none"}},
		},
	}
	for _, port := range want.Ports {
		pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports,
			corev1.ContainerPort{Name: port.Name, ContainerPort: port.Number})
	}
	if want.Node != nil {
		pod.Spec.NodeName = *want.Node
	}
	if pod.Spec.NodeName == "" {
		pod.Spec.SchedulerName = "testenv-none"
		pod.Finalizers = []string{holdFinalizer}
	}
	return pod
}

// checkSame refuses what would otherwise be silently left undone.
func (want Pod) checkSame(pod *corev1.Pod) error {
	var ports []Port
	for _, port := range pod.Spec.Containers[0].Ports {
		ports = append(ports, Port{port.Name, port.ContainerPort})
	}
	var what string
	switch {
	case want.Labels != nil && !maps.Equal(want.Labels, pod.Labels):
		what = "labels"
	case want.Ports != nil && !slices.Equal(want.Ports, ports):
		what = "ports"
	case want.ServiceAccount != "" && want.ServiceAccount != pod.Spec.ServiceAccountName:
		what = "service account"
	case want.Node != nil && *want.Node != pod.Spec.NodeName:
		what = "node"
	default:
		return nil
	}
	return fmt.Errorf("pod %s/%s exists already, and its %s cannot be changed (only its status can)", want.Namespace, want.Name, what)
}

func (want Pod) applyStatus(status *corev1.PodStatus) {
	now := metav1.NewTime(time.Now())
	if status.StartTime == nil {
		status.StartTime = &now
	}
	if want.Started != nil {
		status.StartTime = nil
		if !want.Started.IsZero() {
			status.StartTime = &metav1.Time{Time: *want.Started}
		}
	}
	if want.Phase != nil {
		status.Phase = corev1.PodPhase(*want.Phase)
	}
	if want.IPs != nil {
		status.PodIP = ""
		status.PodIPs = nil
		for _, ip := range want.IPs {
			if ip != "" {
				status.PodIPs = append(status.PodIPs, corev1.PodIP{IP: ip})
			}
		}
		if len(status.PodIPs) > 0 {
			status.PodIP = status.PodIPs[0].IP
		}
	}
	if want.Ready != nil {
		value := corev1.ConditionFalse
		if *want.Ready {
			value = corev1.ConditionTrue
		}
		setCondition(status, corev1.ContainersReady, value, now)
		setCondition(status, corev1.PodReady, value, now)
	}
}

func setCondition(status *corev1.PodStatus, kind corev1.PodConditionType, value corev1.ConditionStatus, now metav1.Time) {
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == kind {
			if c.Status != value {
				c.Status, c.LastTransitionTime = value, now
			}
			return
		}
	}
	status.Conditions = append(status.Conditions,
		corev1.PodCondition{Type: kind, Status: value, LastTransitionTime: now})
}

// RelabelPod gives the pod these labels and no others: a selector may find it
// then, or lose it.
func (c *Client) RelabelPod(ctx context.Context, namespace, name string, labels map[string]string) error {
	pod, err := c.core.Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	return c.updatePod(ctx, pod, func(pod *corev1.Pod) error {
		pod.Labels = labels
		_, err := c.core.Pods(namespace).Update(ctx, pod, metav1.UpdateOptions{})
		return err
	})
}

// TerminatePod deletes the pod the way that people do: it stays, marked as
// deleted, until its kubelet is done with it (never, where there is none).
func (c *Client) TerminatePod(ctx context.Context, namespace, name string) error {
	return c.core.Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{})
}

// DeletePod makes the pod go at once. It succeeds if the pod is gone already.
func (c *Client) DeletePod(ctx context.Context, namespace, name string) error {
	pod, err := c.core.Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return ignoreMissing(err)
	}
	if slices.Contains(pod.Finalizers, holdFinalizer) {
		err := c.updatePod(ctx, pod, func(pod *corev1.Pod) error {
			pod.Finalizers = slices.DeleteFunc(pod.Finalizers, func(f string) bool { return f == holdFinalizer })
			_, err := c.core.Pods(namespace).Update(ctx, pod, metav1.UpdateOptions{})
			return err
		})
		if ignoreMissing(err) != nil {
			return err
		}
	}
	return ignoreMissing(c.core.Pods(namespace).Delete(ctx, name, *metav1.NewDeleteOptions(0)))
}

// updatePod repeats the update with a fresh copy when somebody else was faster.
func (c *Client) updatePod(ctx context.Context, pod *corev1.Pod, update func(*corev1.Pod) error) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		err := update(pod)
		if apierrors.IsConflict(err) {
			fresh, getErr := c.core.Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
			if getErr != nil {
				return errors.Join(getErr, err)
			}
			pod = fresh
		}
		return err
	})
}

// AwaitPods returns when the API server tells of the pods as they are now also
// those who take what it has at hand, which is a little later than its store.
func (c *Client) AwaitPods(ctx context.Context, namespace string) error {
	now, err := c.core.Pods(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return err
	}
	for {
		_, err := c.core.Pods(namespace).List(ctx, metav1.ListOptions{
			Limit:                1,
			ResourceVersion:      now.ResourceVersion,
			ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		})
		// It waits some seconds itself before it says that.
		if !apierrors.IsTimeout(err) {
			return err
		}
	}
}

// Pods is the list as the API server writes it.
func (c *Client) Pods(ctx context.Context, namespace, selector string) ([]byte, error) {
	return c.core.RESTClient().Get().
		Namespace(namespace).
		Resource("pods").
		Param("labelSelector", selector).
		SetHeader("Accept", "application/json").
		DoRaw(ctx)
}
