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

// holdFinalizer keeps a deleted pod in the terminating state. Without it, the API server
// removes a pod without a node at once, regardless of the grace period.
const holdFinalizer = "testenv.example/hold"

// A Pod is the state that SetPod creates. Nil fields stay as they are.
type Pod struct {
	Namespace, Name string

	// These fields are for a new pod. They cannot be changed later.
	Labels         map[string]string
	Ports          []Port
	ServiceAccount string
	// Node need not exist. If it is "", no scheduler and no kubelet handles the pod,
	// even in a cluster that has them.
	Node *string

	IPs     []string // {""} removes all addresses
	Phase   *string
	Ready   *bool
	Started *time.Time // zero: no start time
}

// A Port is a named port of the container.
type Port struct {
	Name   string
	Number int32
}

// SetPod creates the pod unless it exists, and sets the fields of its status that are
// not nil. A new pod in the phase Running is Ready by default.
func (c *Client) SetPod(ctx context.Context, want Pod) error {
	pod, err := c.core.Pods(want.Namespace).Get(ctx, want.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		pod, err = c.core.Pods(want.Namespace).Create(ctx, want.object(), metav1.CreateOptions{})
		if want.Ready == nil && want.Phase != nil && *want.Phase == string(corev1.PodRunning) {
			ready := true
			want.Ready = &ready
		}
	} else if err == nil {
		err = want.checkFixedFields(pod)
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
	automount := false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: want.Name, Labels: want.Labels},
		Spec: corev1.PodSpec{
			ServiceAccountName:           want.ServiceAccount,
			AutomountServiceAccountToken: &automount,
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

// checkFixedFields rejects changes of fields that cannot be changed.
func (want Pod) checkFixedFields(pod *corev1.Pod) error {
	var ports []Port
	for _, port := range pod.Spec.Containers[0].Ports {
		ports = append(ports, Port{port.Name, port.ContainerPort})
	}
	var field string
	switch {
	case want.Labels != nil && !maps.Equal(want.Labels, pod.Labels):
		field = "labels"
	case want.Ports != nil && !slices.Equal(want.Ports, ports):
		field = "ports"
	case want.ServiceAccount != "" && want.ServiceAccount != pod.Spec.ServiceAccountName:
		field = "service account"
	case want.Node != nil && *want.Node != pod.Spec.NodeName:
		field = "node"
	default:
		return nil
	}
	return fmt.Errorf("cannot change the %s of pod %s/%s: the pod exists, and only its status can change",
		field, want.Namespace, want.Name)
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

// RelabelPod replaces all labels of the pod. Selectors may match it then, or match it
// no longer.
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

// TerminatePod deletes the pod with its grace period. The pod stays, marked as deleted,
// until its kubelet removes it. Without a kubelet it stays until DeletePod.
func (c *Client) TerminatePod(ctx context.Context, namespace, name string) error {
	return c.core.Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{})
}

// DeletePod removes the pod at once. It succeeds if there is none.
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

// updatePod calls update. After a conflict it retries with a fresh copy of the pod.
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

// AwaitPods returns when the API server's watch cache has the current pods. The cache
// is a little older than etcd, and lists with resourceVersion=0 are served from it.
func (c *Client) AwaitPods(ctx context.Context, namespace string) error {
	current, err := c.core.Pods(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return err
	}
	for {
		_, err := c.core.Pods(namespace).List(ctx, metav1.ListOptions{
			Limit:                1,
			ResourceVersion:      current.ResourceVersion,
			ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		})
		// The API server waits a few seconds before it reports a timeout.
		if !apierrors.IsTimeout(err) {
			return err
		}
	}
}

// Pods returns the list of pods as JSON.
func (c *Client) Pods(ctx context.Context, namespace, selector string) ([]byte, error) {
	return c.core.RESTClient().Get().
		Namespace(namespace).
		Resource("pods").
		Param("labelSelector", selector).
		SetHeader("Accept", "application/json").
		DoRaw(ctx)
}
