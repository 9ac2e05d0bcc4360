package node

import (
	"path/filepath"
	"strings"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

// kubeletConfig configures pods to use the node as DNS server. The node runs none, so
// it refuses queries at once. Eviction and image garbage collection are disabled,
// because other programs use the same disk.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /%CGROUP%
clusterDNS: [` + address4 + `]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://` + containerdSocket + `
evictionHard: {memory.available: 50Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}
failCgroupV1: false
failSwapOn: false
imageGCHighThresholdPercent: 100
kubeAPIBurst: 1000
kubeAPIQPS: 500
localStorageCapacityIsolation: false
nodeStatusUpdateFrequency: 2s
resolvConf: %DIR%/resolv.conf
serializeImagePulls: false
syncFrequency: 10s
volumePluginDir: /var/lib/kubelet/volume-plugins
`

const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: kubeconfig}
clusterCIDR: ` + pods4 + "," + pods6 + `
conntrack: {maxPerCore: 0, min: 0}
hostnameOverride: ` + name + `
iptables: {minSyncPeriod: 0s}
mode: iptables
`

// startPrograms starts the kubelet, kube-proxy and the controllers. Leader election
// is disabled, because a leader that cannot reach the API server exits.
func (n *Node) startPrograms() error {
	cgroup, err := n.workDir.ReadCgroup()
	if err != nil {
		return err
	}
	for file, text := range map[string]string{
		"kubelet.yaml":    strings.NewReplacer("%CGROUP%", cgroup, "%DIR%", n.workDir.Dir()).Replace(kubeletConfig),
		"kube-proxy.yaml": proxyConfig,
		"resolv.conf":     "options ndots:1\n",
	} {
		if err := n.workDir.Write(file, text); err != nil {
			return err
		}
	}
	kubeconfig := filepath.Base(n.Kubeconfig())
	programs, err := siblingProgram("node")
	if err != nil {
		return err
	}
	for _, command := range [][]string{
		{"kubelet", "--config=kubelet.yaml", "--kubeconfig=" + kubeconfig,
			"--hostname-override=" + name, "--node-ip=" + address4 + "," + address6},
		{"kube-proxy", "--config=kube-proxy.yaml"},
		{"kube-controller-manager", "--kubeconfig=" + kubeconfig, "--leader-elect=false",
			"--service-account-private-key-file=" + controlplane.AccountKeyFile,
			"--root-ca-file=" + controlplane.AuthorityFile,
			"--node-monitor-period=1s", "--kube-api-qps=500", "--kube-api-burst=1000"},
		{"kube-scheduler", "--kubeconfig=" + kubeconfig, "--leader-elect=false"},
	} {
		if err := n.start(command[0], append([]string{programs}, command...)...); err != nil {
			return err
		}
	}
	return nil
}
