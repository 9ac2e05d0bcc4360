package objects

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CreateNamespace succeeds if the namespace is there already.
func (c *Client) CreateNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err := c.core.Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	return ignoreExisting(err)
}

// DeleteNamespace succeeds if the namespace is gone already. A
// controller-manager empties and removes it some time later; with finalize,
// that is done here, for clusters that have none.
func (c *Client) DeleteNamespace(ctx context.Context, name string, finalize bool) error {
	err := c.core.Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil || !finalize {
		return ignoreMissing(err)
	}
	if err := c.emptyNamespace(ctx, name); err != nil {
		return err
	}
	namespace, err := c.core.Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return ignoreMissing(err)
	}
	namespace.Spec.Finalizers = nil
	if _, err = c.core.Namespaces().Finalize(ctx, namespace, metav1.UpdateOptions{}); err != nil {
		return ignoreMissing(err)
	}
	return c.awaitGone(ctx, name)
}

// awaitGone waits for the admission of new objects, which sees a little later
// that the namespace is gone, and until then refuses all in the next one of that
// name.
func (c *Client) awaitGone(ctx context.Context, namespace string) error {
	probe := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "probe"}}
	for {
		_, err := c.core.ServiceAccounts(namespace).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// emptyNamespace removes what this package makes. It would come to light again
// in the next namespace of that name.
func (c *Client) emptyNamespace(ctx context.Context, namespace string) error {
	pods, err := c.core.Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		if err := c.DeletePod(ctx, namespace, pod.Name); err != nil {
			return err
		}
	}
	for _, collection := range []interface {
		DeleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error
	}{
		c.rbac.RoleBindings(namespace),
		c.rbac.Roles(namespace),
		c.core.ServiceAccounts(namespace),
	} {
		if err := collection.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func ignoreExisting(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// sleep returns early, with an error, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
