package node

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/image"
)

const (
	containerdSocket = "/run/containerd/containerd.sock" // its default
	pauseImage       = "localhost/testenv-pause:latest"
)

// containerdConfig sets restrict_oom_score_adj. Without it, runc fails to start
// containers if it may not lower oom_score_adj (without CAP_SYS_RESOURCE).
const containerdConfig = `version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%s"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "%s"
  conf_dir = "%s"
`

// networkConfig leaves duplicate address detection off, which is the default. It
// would delay every pod, and host-local assigns each address only once.
const networkConfig = `{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [{
    "type": "bridge", "bridge": "` + bridge + `", "isGateway": true, "hairpinMode": true,
    "ipam": {
      "type": "host-local", "dataDir": "/var/lib/cni/networks",
      "ranges": [[{"subnet": "` + pods4 + `"}], [{"subnet": "` + pods6 + `"}]],
      "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    }
  }]
}
`

func (n *Node) startContainerd() error {
	plugins, err := pluginDir()
	if err != nil {
		return err
	}
	networks := n.workDir.Path("cni")
	if err := os.Mkdir(networks, 0o755); err != nil {
		return err
	}
	if err := n.workDir.Write("cni/pods.conflist", networkConfig); err != nil {
		return err
	}
	config := fmt.Sprintf(containerdConfig, pauseImage, plugins, networks)
	if err := n.workDir.Write("containerd.toml", config); err != nil {
		return err
	}
	return n.start("containerd", "containerd", "--config", "containerd.toml")
}

// importImages imports the images into containerd, and the pause image, which every
// pod needs.
func (n *Node) importImages(archives []string) error {
	pause, err := siblingProgram("pause")
	if err != nil {
		return err
	}
	pauseArchive := n.workDir.Path("pause.tar")
	if err := image.Write(pauseArchive, pauseImage, pause); err != nil {
		return err
	}
	err = n.await("containerd was not ready", func() error {
		conn, err := net.Dial("unix", containerdSocket)
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, archive := range append([]string{pauseArchive}, archives...) {
		output, err := exec.Command("ctr", "--namespace", "k8s.io", "images", "import", archive).CombinedOutput()
		if err != nil {
			return fmt.Errorf("importing the image %s: %w: %s", archive, err, bytes.TrimSpace(output))
		}
	}
	return nil
}
