package e2e

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// manifest returns the objects in a file of deploy/.
func (e *env) manifest(name string) []runtime.Object {
	e.Helper()
	file, err := os.Open(filepath.Join(os.Getenv("DEPLOY"), name))
	e.check(err)
	defer file.Close()
	return e.objects(file)
}

func (e *env) objects(manifest io.Reader) (objects []runtime.Object) {
	e.Helper()
	documents := yaml.NewYAMLReader(bufio.NewReader(manifest))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		e.check(err)
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(document, nil, nil)
		e.check(err)
		objects = append(objects, object)
	}
}

// apply creates the objects in a file of deploy/ in this namespace, with changes of
// the Deployment.
func (e *env) apply(name string, changes ...func(*appsv1.Deployment)) {
	e.Helper()
	for _, object := range e.manifest(name) {
		object.(metav1.Object).SetNamespace(e.namespace)
		switch object := object.(type) {
		case *rbacv1.RoleBinding:
			object.Subjects[0].Namespace = e.namespace
		case *appsv1.Deployment:
			for _, change := range changes {
				change(object)
			}
		}
		e.create(object)
	}
}

// create creates an object in its namespace.
func (e *env) create(object runtime.Object) {
	e.Helper()
	namespace, options := object.(metav1.Object).GetNamespace(), metav1.CreateOptions{}
	switch object := object.(type) {
	case *corev1.ServiceAccount:
		e.must(e.client.CoreV1().ServiceAccounts(namespace).Create(background, object, options))
	case *rbacv1.Role:
		e.must(e.client.RbacV1().Roles(namespace).Create(background, object, options))
	case *rbacv1.RoleBinding:
		e.must(e.client.RbacV1().RoleBindings(namespace).Create(background, object, options))
	case *policyv1.PodDisruptionBudget:
		e.must(e.client.PolicyV1().PodDisruptionBudgets(namespace).Create(background, object, options))
	case *appsv1.Deployment:
		e.must(e.client.AppsV1().Deployments(namespace).Create(background, object, options))
	default:
		e.Fatalf("cannot create %T: add its type to create", object)
	}
}

// deploy applies the example Deployment of GoAkt nodes. Its pods are Ready when the
// cluster has all replicas as members.
func (e *env) deploy(replicas int, changes ...func(*appsv1.Deployment)) {
	e.Helper()
	setReplicas := func(d *appsv1.Deployment) { d.Spec.Replicas = int32Ptr(replicas) }
	minMembers := setEnv("MIN_MEMBERS", itoa(replicas))
	e.apply("goakt.yaml", slices.Insert(changes, 0, setImage, setReplicas, minMembers)...)
}

// setImage sets the image of tests/e2e/programs/goakt.
func setImage(d *appsv1.Deployment) {
	d.Spec.Template.Spec.Containers[0].Image = os.Getenv("NODE_IMAGE")
}

func setEnv(name, value string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		container := &d.Spec.Template.Spec.Containers[0]
		container.Env = slices.DeleteFunc(container.Env, func(variable corev1.EnvVar) bool {
			return variable.Name == name
		})
		container.Env = append(container.Env, corev1.EnvVar{Name: name, Value: value})
	}
}

// change changes the Deployment of the namespace.
func (e *env) change(changes ...func(*appsv1.Deployment)) {
	e.Helper()
	deployments := e.client.AppsV1().Deployments(e.namespace)
	e.eventually("the Deployment is changed", func() string {
		d := e.deployment()
		for _, change := range changes {
			change(d)
		}
		if _, err := deployments.Update(background, d, metav1.UpdateOptions{}); err != nil {
			return err.Error() // The Deployment controller may have changed it meanwhile.
		}
		return ""
	})
}

func (e *env) scale(replicas int) {
	e.Helper()
	e.change(func(d *appsv1.Deployment) { d.Spec.Replicas = int32Ptr(replicas) })
}

func int32Ptr(n int) *int32 {
	value := int32(n)
	return &value
}
