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

// SetAccount makes the service account, and the role and binding of the same
// name that allow it the verbs on the pods of its namespace. Without verbs there
// is no role. It returns when the API server goes by it.
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

// DeleteAccount deletes the service account alone: tokens of it are worth
// nothing from then on, also when there is another one of that name.
func (c *Client) DeleteAccount(ctx context.Context, namespace, name string) error {
	return ignoreMissing(c.core.ServiceAccounts(namespace).Delete(ctx, name, metav1.DeleteOptions{}))
}

// allowedVerbs is what our role allows.
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

// awaitAccess waits for the authorizer, which sees changes a little later.
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
		answer, err := c.authorization.SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if answer.Status.Allowed == want {
			return nil
		}
		if sleep(ctx, 5*time.Millisecond) == nil {
			continue
		}
		if want {
			return fmt.Errorf("service account %s may not %s pods in namespace %s, in spite of its role", name, verb, namespace)
		}
		return fmt.Errorf("service account %s may still %s pods in namespace %s, for another reason than its role: %s", name, verb, namespace, answer.Status.Reason)
	}
}
