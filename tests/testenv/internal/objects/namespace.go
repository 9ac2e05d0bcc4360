package objects

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CreateNamespace creates the namespace. It succeeds if the namespace exists.
func (c *Client) CreateNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err := c.core.Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	return ignoreExisting(err)
}

// DeleteNamespace deletes the namespace. It succeeds if there is none.
//
// A controller-manager empties and removes a deleted namespace later. If finalize is
// set, DeleteNamespace does so itself, for clusters without a controller-manager.
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

// awaitGone waits until admission knows that the namespace is gone. Until then,
// admission would reject objects in a new namespace of that name.
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

// emptyNamespace deletes the objects that this package creates. Otherwise they would
// exist in the next namespace of that name.
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

// sleep waits for d. It returns early, with an error, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
