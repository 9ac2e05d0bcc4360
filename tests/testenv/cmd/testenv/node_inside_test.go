//go:build node

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// inNode makes the test program the command of `testenv run --node`: what it is
// to do.
const inNode = "TESTENV_TEST_IN_NODE"

func init() {
	deed := os.Getenv(inNode)
	if deed == "" || os.Getenv("TESTENV_DIR") == "" {
		return
	}
	status, err := do(deed)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

var ctx = context.Background()

// do makes pods, says where it is, and does the deed.
func do(deed string) (status int, err error) {
	verb, object, _ := strings.Cut(deed, " ")
	signals := make(chan os.Signal, 8)
	if verb == "await" { // Before it says that it is there. All others are ended by a signal, whenever it comes.
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	}
	u, err := newUser()
	if err == nil {
		err = u.deploy(2)
	}
	if err != nil {
		return 0, err
	}
	fmt.Println(os.Getenv("TESTENV_DIR"))
	for _, kind := range []string{"pid", "mnt", "net", "ipc"} {
		name, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			return 0, err
		}
		fmt.Print(name, " ")
	}
	fmt.Println()
	switch verb {
	case "use":
		return 0, u.use()
	case "return":
		return strconv.Atoi(object)
	case "die":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "await":
		if s := <-signals; s == syscall.SIGINT && object == "SIGINT" {
			return 9, nil
		} else if s == syscall.SIGTERM && object == "SIGTERM" {
			return 8, nil
		}
	case "wait":
		time.Sleep(time.Hour) // Unlike select {}, it is no deadlock to Go.
	}
	return 0, fmt.Errorf("not done: %q", deed)
}

// A user does what users of a cluster do.
type user struct{ clientset.Interface }

func newUser() (*user, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	client, err := clientset.NewForConfig(config)
	return &user{client}, err
}

const testNamespace = "default"

// deploy returns when there are so many pods, and they are ready.
func (u *user) deploy(replicas int32) error {
	labels := map[string]string{"app": "pod"}
	dual := corev1.IPFamilyPolicyRequireDualStack
	_, err := u.CoreV1().Services(testNamespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec: corev1.ServiceSpec{Selector: labels, IPFamilyPolicy: &dual,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	probe := &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/name", Port: intstr.FromInt32(8080)}}}
	_, err = u.AppsV1().Deployments(testNamespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "main", Image: podImage, ImagePullPolicy: corev1.PullNever, ReadinessProbe: probe}}}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return u.awaitReady(int(replicas))
}

func (u *user) awaitReady(want int) error {
	return within(func() error {
		pods, err := u.pods()
		if err != nil {
			return err
		}
		count := 0
		for _, pod := range pods {
			if strings.HasPrefix(ready(pod.Status), "Ready=True") && pod.DeletionTimestamp == nil {
				count++
			}
		}
		if count != want || len(pods) != want {
			return fmt.Errorf("of %d pods %d are ready, want %d", len(pods), count, want)
		}
		return nil
	})
}

func (u *user) pods() ([]corev1.Pod, error) {
	list, err := u.CoreV1().Pods(testNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app=pod"})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

func (u *user) use() error {
	for _, part := range []struct {
		name string
		do   func() error
	}{
		{"addresses", u.reachPods},
		{"services", u.reachServices},
		{"names", u.askForNames},
		{"service account", u.askAsPods},
		{"audit log", u.readAudit},
		{"logs", u.readLogs},
		{"outage", u.outlive},
		{"restart", u.restart},
		{"scale", func() error { return u.scale(3) }},
		{"end", func() error { return u.scale(0) }},
	} {
		if err := part.do(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func (u *user) reachPods() error {
	pods, err := u.pods()
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if len(pod.Status.PodIPs) != 2 || strings.Contains(pod.Status.PodIP, ":") {
			return fmt.Errorf("addresses %v, want an IPv4 and an IPv6 one", pod.Status.PodIPs)
		}
		for _, address := range pod.Status.PodIPs {
			if got, err := fetch(on(address.IP, "8080", "/name")); err != nil || got != pod.Name {
				return fmt.Errorf("%q (%v), want %s", got, err, pod.Name)
			}
		}
	}
	return nil
}

// reachServices: from the node, and from a pod, in both families.
func (u *user) reachServices() error {
	service, err := u.CoreV1().Services(testNamespace).Get(ctx, "pod", metav1.GetOptions{})
	if err != nil {
		return err
	}
	pods, err := u.pods()
	if err != nil {
		return err
	}
	for _, address := range service.Spec.ClusterIPs {
		target := on(address, "80", "/name")
		for _, from := range []string{target, on(pods[0].Status.PodIP, "8080", "/ask?url="+url.QueryEscape(target))} {
			// The rules may come a moment after the pods are ready.
			if err := within(func() error { _, err := fetch(from); return err }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *user) askForNames() error {
	pods, err := u.pods()
	if err != nil {
		return err
	}
	_, err = fetch(on(pods[0].Status.PodIP, "8080", "/ask?url=http://nobody/"))
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		return fmt.Errorf("%v, want that it is refused", err)
	}
	return nil
}

func (u *user) askAsPods() error {
	pods, err := u.pods()
	if err != nil {
		return err
	}
	self := on(pods[0].Status.PodIP, "8080", "/pods")
	if _, err := fetch(self); err == nil || !strings.Contains(err.Error(), "403") {
		return fmt.Errorf("without a role: %v, want 403", err)
	}
	if err := callTool("account", "--namespace", testNamespace, "default"); err != nil {
		return err
	}
	return within(func() error {
		got, err := fetch(self)
		if err == nil && !strings.Contains(got, pods[1].Name) {
			err = fmt.Errorf("no %s in %.200q", pods[1].Name, got)
		}
		return err
	})
}

func (u *user) readAudit() error {
	data, err := os.ReadFile(filepath.Join(os.Getenv("TESTENV_DIR"), "audit.log"))
	if err != nil {
		return err
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if !strings.Contains(line, `"username":"system:serviceaccount:default:default"`) || !strings.Contains(line, `"verb":"list"`) {
			return fmt.Errorf("somebody else, or something else: %s", line)
		}
	}
	return nil
}

func (u *user) readLogs() error {
	pods, err := u.pods()
	if err != nil {
		return err
	}
	text, err := u.CoreV1().Pods(testNamespace).GetLogs(pods[0].Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	if err != nil || string(text) != "it begins\n" {
		return fmt.Errorf("%q (%v)", text, err)
	}
	return nil
}

// outlive: the pods do not mind that the API server is away, and nothing else
// ends of it.
func (u *user) outlive() error {
	pods, err := u.pods()
	if err != nil {
		return err
	}
	dir := "--dir=" + os.Getenv("TESTENV_DIR")
	if err := callTool("stop-server", dir); err != nil {
		return err
	}
	if _, err := u.pods(); err == nil {
		return errors.New("the API server answers, though it was stopped")
	}
	if err := callTool("start-server", dir, "--new-authority"); err == nil || !strings.Contains(err.Error(), "authority") {
		return fmt.Errorf("a new authority: %v", err)
	}
	if err := callTool("start-server", dir); err != nil {
		return err
	}
	_, err = fetch(on(pods[0].Status.PodIP, "8080", "/pods"))
	return err
}

// restart: the kubelet starts again what was killed.
func (u *user) restart() error {
	pods, err := u.pods()
	if err != nil {
		return err
	}
	id := strings.TrimPrefix(pods[0].Status.ContainerStatuses[0].ContainerID, "containerd://")
	kill := exec.Command("ctr", "--namespace", "k8s.io", "task", "kill", "--signal", "SIGKILL", id)
	if output, err := kill.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	err = within(func() error {
		pod, err := u.CoreV1().Pods(testNamespace).Get(ctx, pods[0].Name, metav1.GetOptions{})
		if err == nil && pod.Status.ContainerStatuses[0].RestartCount != 1 {
			err = fmt.Errorf("%d restarts, want 1", pod.Status.ContainerStatuses[0].RestartCount)
		}
		return err
	})
	if err != nil {
		return err
	}
	return u.awaitReady(len(pods))
}

func (u *user) scale(replicas int32) error {
	// Of no version: the Deployment's controller may just change it too.
	scale := &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: testNamespace},
		Spec:       autoscalingv1.ScaleSpec{Replicas: replicas},
	}
	if _, err := u.AppsV1().Deployments(testNamespace).UpdateScale(ctx, "pod", scale, metav1.UpdateOptions{}); err != nil {
		return err
	}
	return u.awaitReady(int(replicas))
}

func callTool(args ...string) error {
	cmd := exec.Command(os.Getenv("TESTENV"), args...)
	cmd.Env = append(os.Environ(), inNode+"=")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w: %s", args, err, output)
	}
	return nil
}

func on(host, port, path string) string { return "http://" + net.JoinHostPort(host, port) + path }

func fetch(url string) (string, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", url, answer.Status, body)
	}
	return string(body), err
}

// within tries until it succeeds.
func within(try func() error) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if err := try(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
