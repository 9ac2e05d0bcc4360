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

// manifest reads a file of deploy/, as it is for users.
func (w *world) manifest(name string) []runtime.Object {
	w.Helper()
	file, err := os.Open(filepath.Join(os.Getenv("DEPLOY"), name))
	w.check(err)
	defer file.Close()
	return w.objects(file)
}

func (w *world) objects(yamls io.Reader) (objects []runtime.Object) {
	w.Helper()
	documents := yaml.NewYAMLReader(bufio.NewReader(yamls))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		w.check(err)
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(document, nil, nil)
		w.check(err)
		objects = append(objects, object)
	}
}

// apply creates what is in a file of deploy/, in this namespace, with changes.
func (w *world) apply(name string, changes ...func(*appsv1.Deployment)) {
	w.Helper()
	for _, object := range w.manifest(name) {
		object.(metav1.Object).SetNamespace(w.namespace)
		switch object := object.(type) {
		case *rbacv1.RoleBinding:
			object.Subjects[0].Namespace = w.namespace
		case *appsv1.Deployment:
			for _, change := range changes {
				change(object)
			}
		}
		w.create(object)
	}
}

// create creates an object as it is.
func (w *world) create(object runtime.Object) {
	w.Helper()
	namespace, options := object.(metav1.Object).GetNamespace(), metav1.CreateOptions{}
	switch object := object.(type) {
	case *corev1.ServiceAccount:
		w.must(w.client.CoreV1().ServiceAccounts(namespace).Create(nowhere, object, options))
	case *rbacv1.Role:
		w.must(w.client.RbacV1().Roles(namespace).Create(nowhere, object, options))
	case *rbacv1.RoleBinding:
		w.must(w.client.RbacV1().RoleBindings(namespace).Create(nowhere, object, options))
	case *policyv1.PodDisruptionBudget:
		w.must(w.client.PolicyV1().PodDisruptionBudgets(namespace).Create(nowhere, object, options))
	case *appsv1.Deployment:
		w.must(w.client.AppsV1().Deployments(namespace).Create(nowhere, object, options))
	default:
		w.Fatalf("what is %T?", object)
	}
}

// deploy applies the example Deployment with so many replicas. It is ready when
// as many nodes see each other.
func (w *world) deploy(replicas int, changes ...func(*appsv1.Deployment)) {
	w.Helper()
	w.apply("goakt.yaml", append([]func(*appsv1.Deployment){image, func(d *appsv1.Deployment) {
		d.Spec.Replicas = number(replicas)
		setEnv("MIN_MEMBERS", itoa(replicas))(d)
	}}, changes...)...)
}

func image(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = os.Getenv("NODE_IMAGE") }

func setEnv(name, value string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		container := &d.Spec.Template.Spec.Containers[0]
		container.Env = slices.DeleteFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == name })
		container.Env = append(container.Env, corev1.EnvVar{Name: name, Value: value})
	}
}

// change changes the example Deployment where it runs.
func (w *world) change(changes ...func(*appsv1.Deployment)) {
	w.Helper()
	deployments := w.client.AppsV1().Deployments(w.namespace)
	w.eventually("the Deployment is changed", func() string {
		d := w.deployment()
		for _, change := range changes {
			change(d)
		}
		if _, err := deployments.Update(nowhere, d, metav1.UpdateOptions{}); err != nil {
			return err.Error() // Its controller may just have changed it too.
		}
		return ""
	})
}

func (w *world) scale(replicas int) {
	w.Helper()
	w.change(func(d *appsv1.Deployment) { d.Spec.Replicas = number(replicas) })
}

func number(n int) *int32 { n32 := int32(n); return &n32 }
