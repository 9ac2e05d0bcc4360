package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// deployment holds the fields that the pods of a ReplicaSet have in common.
type deployment struct {
	name, replicaSet, hash, uid string
	image, imageID, checksum    string
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func uuid() string {
	h := randomHex(16)
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789"

func randomSuffix(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[mathrand.IntN(len(alphabet))]
	}
	return string(b)
}

func newDeployment(i int) deployment {
	name := []string{"orders", "billing-worker", "session-store", "gateway", "catalog-index"}[i%5]
	hash := randomSuffix(10)
	return deployment{
		name: name, hash: hash, replicaSet: name + "-" + hash, uid: uuid(),
		image:   fmt.Sprintf("registry.example.com/shop/%s:v2.%d.%d", name, 10+i, 3*i),
		imageID: randomHex(32), checksum: randomHex(32),
	}
}

func quantity(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

func field(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

func secret(name, of, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: of}, Key: key}}}
}

func probe(path string, port string, delay int32) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(port)}},
		InitialDelaySeconds: delay, PeriodSeconds: 10, TimeoutSeconds: 3, FailureThreshold: 3}
}

func ref[T any](v T) *T { return &v }

// account is the service account of the hosts.
const account = "bench"

func (d deployment) pod(namespace, node string) *corev1.Pod {
	access := "kube-api-access-" + randomSuffix(5)
	mounts := []corev1.VolumeMount{
		{Name: "config", MountPath: "/etc/" + d.name, ReadOnly: true},
		{Name: "tls", MountPath: "/etc/tls", ReadOnly: true},
		{Name: access, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true},
	}
	restricted := &corev1.SecurityContext{AllowPrivilegeEscalation: ref(false), ReadOnlyRootFilesystem: ref(true), RunAsNonRoot: ref(true),
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: d.replicaSet + "-" + randomSuffix(5), GenerateName: d.replicaSet + "-", Namespace: namespace,
			Labels: map[string]string{
				"app": "bench", "app.kubernetes.io/name": d.name, "app.kubernetes.io/instance": d.name + "-prod",
				"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/part-of": "shop", "pod-template-hash": d.hash,
			},
			Annotations: map[string]string{
				"checksum/config":                   d.checksum,
				"kubectl.kubernetes.io/restartedAt": "2026-11-18T09:12:44Z",
				"prometheus.io/port":                "9090",
				"prometheus.io/scrape":              "true",
			},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: d.replicaSet,
				UID: types.UID(d.uid), Controller: ref(true), BlockOwnerDeletion: ref(true)}},
		},
		Spec: corev1.PodSpec{
			NodeName: node, ServiceAccountName: account, Priority: ref(int32(0)),
			AutomountServiceAccountToken:  ref(false),
			TerminationGracePeriodSeconds: ref(int64(45)),
			SecurityContext:               &corev1.PodSecurityContext{FSGroup: ref(int64(2000)), RunAsUser: ref(int64(1000))},
			Containers: []corev1.Container{{
				Name: "main", Image: d.image, Args: []string{"serve", "--config=/etc/" + d.name + "/config.yaml", "--log-format=json"},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "gossip", ContainerPort: 3322},
					{Name: "remoting", ContainerPort: 3323}, {Name: "peers", ContainerPort: 3324}},
				Env: []corev1.EnvVar{
					field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace"), field("POD_IP", "status.podIP"),
					{Name: "ENVIRONMENT", Value: "production"}, {Name: "REGION", Value: "eu-central-1"},
					secret("DATABASE_URL", d.name+"-db", "url"),
				},
				Resources:      corev1.ResourceRequirements{Requests: quantity("500m", "512Mi"), Limits: quantity("2", "1Gi")},
				LivenessProbe:  probe("/healthz", "http", 15),
				ReadinessProbe: probe("/readyz", "http", 5),
				VolumeMounts:   mounts, SecurityContext: restricted,
			}},
			Tolerations: []corev1.Toleration{
				{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: ref(int64(300))},
				{Key: "node.kubernetes.io/unreachable", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: ref(int64(300))}},
			Volumes: []corev1.Volume{
				{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: d.name}}}},
				{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: d.name + "-tls"}}},
				{Name: access, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{DefaultMode: ref(int32(420)), Sources: []corev1.VolumeProjection{
					{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: ref(int64(3607))}},
					{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}},
					{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"}}}}},
				}}}},
			},
		},
	}
}

// setRunning sets the status of a Running pod.
func (d deployment) setRunning(pod *corev1.Pod, ip, nodeIP string) {
	started := time.Now().Add(-time.Duration(mathrand.IntN(14*86400)) * time.Second)
	at := func(seconds int) metav1.Time {
		return metav1.NewTime(started.Add(time.Duration(seconds) * time.Second))
	}
	startup := 5 + mathrand.IntN(20)
	running := func(name, image, imageID string, after int) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, Image: image, Ready: true, Started: ref(true), RestartCount: int32(mathrand.IntN(3)),
			ImageID:     image[:len(image)-len(":v2.10.0")] + "@sha256:" + imageID,
			ContainerID: "containerd://" + randomHex(32), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(after)}}}
	}
	condition := func(kind corev1.PodConditionType, after int) corev1.PodCondition {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: at(after)}
	}
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, QOSClass: pod.Status.QOSClass, StartTime: ref(at(0)),
		HostIP: nodeIP, HostIPs: []corev1.HostIP{{IP: nodeIP}}, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
		Conditions: []corev1.PodCondition{condition("PodReadyToStartContainers", 2), condition("Initialized", 3),
			condition("Ready", startup+5), condition("ContainersReady", startup+5), condition("PodScheduled", 0)},
		ContainerStatuses: []corev1.ContainerStatus{running("main", d.image, d.imageID, startup)},
	}
}
