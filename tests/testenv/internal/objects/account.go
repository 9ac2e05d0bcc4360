package objects

import (
	"context"
	"fmt"
	"slices"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SetAccount creates the service account unless it exists. It creates or changes a role
// and a binding of the same name, which allow the account the verbs on pods of its
// namespace. Without verbs it removes the role. It returns when the API server's
// authorizer applies the change.
func (c *Client) SetAccount(ctx context.Context, namespace, name string, verbs []string) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err := c.core.ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{})
	if ignoreExisting(err) != nil {
		return err
	}
	before, err := c.allowedVerbs(ctx, namespace, name)
	if err != nil {
		return err
	}
	if len(verbs) == 0 {
		err = c.removeRole(ctx, namespace, name)
	} else {
		err = c.setRole(ctx, namespace, name, verbs)
	}
	if err != nil {
		return err
	}
	for _, verb := range verbs {
		if err := c.awaitAccess(ctx, namespace, name, verb, true); err != nil {
			return err
		}
	}
	for _, verb := range before {
		if slices.Contains(verbs, verb) {
			continue
		}
		if err := c.awaitAccess(ctx, namespace, name, verb, false); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAccount deletes the service account, but not its role. Its tokens become
// invalid, even if a new account of that name is created. The API server may cache them
// for some seconds.
func (c *Client) DeleteAccount(ctx context.Context, namespace, name string) error {
	return ignoreMissing(c.core.ServiceAccounts(namespace).Delete(ctx, name, metav1.DeleteOptions{}))
}

// allowedVerbs returns the verbs that the role of SetAccount allows.
func (c *Client) allowedVerbs(ctx context.Context, namespace, name string) ([]string, error) {
	role, err := c.rbac.Roles(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, ignoreMissing(err)
	}
	var verbs []string
	for _, rule := range role.Rules {
		verbs = append(verbs, rule.Verbs...)
	}
	return verbs, nil
}

func (c *Client) removeRole(ctx context.Context, namespace, name string) error {
	err := c.rbac.RoleBindings(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if ignoreMissing(err) != nil {
		return err
	}
	return ignoreMissing(c.rbac.Roles(namespace).Delete(ctx, name, metav1.DeleteOptions{}))
}

func (c *Client) setRole(ctx context.Context, namespace, name string, verbs []string) error {
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: verbs}},
	}
	_, err := c.rbac.Roles(namespace).Update(ctx, role, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = c.rbac.Roles(namespace).Create(ctx, role, metav1.CreateOptions{})
	}
	if err != nil {
		return err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
	}
	_, err = c.rbac.RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{})
	return ignoreExisting(err)
}

// awaitAccess waits until the authorizer allows or denies the verb. The authorizer sees
// changes of roles with a delay.
func (c *Client) awaitAccess(ctx context.Context, namespace, name, verb string, want bool) error {
	for {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: fmt.Sprintf("system:serviceaccount:%s:%s", namespace, name),
			Groups: []string{
				"system:serviceaccounts",
				"system:serviceaccounts:" + namespace,
				"system:authenticated",
			},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace,
				Verb:      verb,
				Resource:  "pods",
			},
		}}
		result, err := c.authorization.SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if result.Status.Allowed == want {
			return nil
		}
		if sleep(ctx, 5*time.Millisecond) == nil {
			continue
		}
		if want {
			return fmt.Errorf("service account %s cannot %s pods in namespace %s despite its role",
				name, verb, namespace)
		}
		return fmt.Errorf("service account %s can still %s pods in namespace %s without the role: %s",
			name, verb, namespace, result.Status.Reason)
	}
}
