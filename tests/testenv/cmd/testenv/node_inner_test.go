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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// nodeTask is a variable that makes the test program the command of
// `testenv run --node`. Its value is the task.
const nodeTask = "TESTENV_TEST_NODE_TASK"

func init() {
	task := os.Getenv(nodeTask)
	if task == "" || os.Getenv("TESTENV_DIR") == "" {
		return
	}
	status, err := runTask(task)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

var ctx = context.Background()

// runTask creates pods, prints the directory and the namespaces, and runs the task.
func runTask(task string) (status int, err error) {
	verb, object, _ := strings.Cut(task, " ")
	signals := make(chan os.Signal, 8)
	if verb == "await" {
		// This comes before the output, because the test then sends the signal.
		signal.Notify(signals, syscall.SIGINT)
	}
	c, err := newClient()
	if err == nil {
		err = c.createPods(2)
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
	case "check":
		return 0, c.check()
	case "exit":
		return strconv.Atoi(object)
	case "await":
		<-signals
		return 9, nil
	case "sleep":
		time.Sleep(time.Hour) // the Go runtime reports select {} as a deadlock
	}
	return 0, fmt.Errorf("unexpected end of the task %q", task)
}

// A client checks what programs on a node rely on.
type client struct{ clientset.Interface }

func newClient() (*client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	clients, err := clientset.NewForConfig(config)
	return &client{clients}, err
}

const testNamespace = "default"

// createPods creates a service and a Deployment, and returns when all pods are ready.
func (c *client) createPods(replicas int32) error {
	labels := map[string]string{"app": "pod"}
	dual, port := corev1.IPFamilyPolicyRequireDualStack, intstr.FromInt32(8080)
	_, err := c.CoreV1().Services(testNamespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec: corev1.ServiceSpec{
			Selector:       labels,
			IPFamilyPolicy: &dual,
			Ports:          []corev1.ServicePort{{Port: 80, TargetPort: port}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	probe := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/name", Port: port}}
	_, err = c.AppsV1().Deployments(testNamespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "main", Image: podImage, ImagePullPolicy: corev1.PullNever,
					ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: probe},
				}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return retry(func() error {
		d, err := c.AppsV1().Deployments(testNamespace).Get(ctx, "pod", metav1.GetOptions{})
		if err == nil && d.Status.ReadyReplicas != replicas {
			err = fmt.Errorf("%d pods are ready, want %d", d.Status.ReadyReplicas, replicas)
		}
		return err
	})
}

func (c *client) pods() ([]corev1.Pod, error) {
	options := metav1.ListOptions{LabelSelector: "app=pod"}
	list, err := c.CoreV1().Pods(testNamespace).List(ctx, options)
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

func (c *client) check() error {
	pods, err := c.pods()
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name  string
		check func([]corev1.Pod) error
	}{
		{"addresses of pods", c.checkAddresses},
		{"services", c.checkServices},
		{"DNS", c.checkDNS},
		{"service account", c.checkServiceAccount},
		{"audit log", c.checkAuditLog},
		{"outage of the API server", c.checkOutage},
	} {
		if err := part.check(pods); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func (c *client) checkAddresses(pods []corev1.Pod) error {
	for _, pod := range pods {
		if len(pod.Status.PodIPs) != 2 || strings.Contains(pod.Status.PodIP, ":") {
			return fmt.Errorf("%v: want an IPv4 and an IPv6 address", pod.Status.PodIPs)
		}
		for _, address := range pod.Status.PodIPs {
			got, err := fetch(podURL(address.IP, "8080", "/name"))
			if err != nil || got != pod.Name {
				return fmt.Errorf("%q (%v), want %s", got, err, pod.Name)
			}
		}
	}
	return nil
}

// checkServices connects to the service from the node and from a pod, in both address
// families.
func (c *client) checkServices(pods []corev1.Pod) error {
	service, err := c.CoreV1().Services(testNamespace).Get(ctx, "pod", metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, address := range service.Spec.ClusterIPs {
		fromNode := podURL(address, "80", "/name")
		fromPod := podURL(pods[0].Status.PodIP, "8080", "/fetch?url="+url.QueryEscape(fromNode))
		for _, target := range []string{fromNode, fromPod} {
			// kube-proxy may add the rules shortly after the pods are ready.
			if err := retry(func() error { _, err := fetch(target); return err }); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkDNS checks that a query is refused at once. A query without a response would
// block programs in pods for many seconds.
func (c *client) checkDNS(pods []corev1.Pod) error {
	target := podURL(pods[0].Status.PodIP, "8080", "/fetch?url=http://unknown/")
	_, err := fetch(target)
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		return fmt.Errorf("%v, want connection refused", err)
	}
	return nil
}

func (c *client) checkServiceAccount(pods []corev1.Pod) error {
	list := podURL(pods[0].Status.PodIP, "8080", "/pods")
	if _, err := fetch(list); err == nil || !strings.Contains(err.Error(), "403") {
		return fmt.Errorf("without a role: %v, want 403", err)
	}
	if err := runTool("account", "--namespace", testNamespace, "default"); err != nil {
		return err
	}
	return retry(func() error {
		got, err := fetch(list)
		if err == nil && !strings.Contains(got, pods[1].Name) {
			err = fmt.Errorf("no %s in %.200q", pods[1].Name, got)
		}
		return err
	})
}

func (c *client) checkAuditLog([]corev1.Pod) error {
	data, err := os.ReadFile(filepath.Join(os.Getenv("TESTENV_DIR"), "audit.log"))
	if err != nil {
		return err
	}
	const user, verb = `"username":"system:serviceaccount:default:default"`, `"verb":"list"`
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if !strings.Contains(line, user) || !strings.Contains(line, verb) {
			return fmt.Errorf("unexpected line: %s", line)
		}
	}
	return nil
}

// checkOutage checks that pods survive an outage of the API server, and that the other
// programs do not exit.
func (c *client) checkOutage(pods []corev1.Pod) error {
	dir := "--dir=" + os.Getenv("TESTENV_DIR")
	if err := runTool("stop-server", dir); err != nil {
		return err
	}
	if _, err := c.pods(); err == nil {
		return errors.New("the stopped API server responds")
	}
	err := runTool("start-server", dir, "--new-authority")
	if err == nil || !strings.Contains(err.Error(), "authority") {
		return fmt.Errorf("a new authority: %v", err)
	}
	if err := runTool("start-server", dir); err != nil {
		return err
	}
	_, err = fetch(podURL(pods[0].Status.PodIP, "8080", "/pods"))
	return err
}

func runTool(args ...string) error {
	cmd := exec.Command(os.Getenv("TESTENV"), args...)
	cmd.Env = append(os.Environ(), nodeTask+"=")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w: %s", args, err, output)
	}
	return nil
}

func podURL(host, port, path string) string {
	return "http://" + net.JoinHostPort(host, port) + path
}

func fetch(url string) (string, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Timeout: patience, Transport: transport}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", url, response.Status, body)
	}
	return string(body), err
}

// retry calls try until it succeeds or patience is over.
func retry(try func() error) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if err := try(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
