package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

// Check tells the first thing that this machine lacks.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("a node needs root: run this with sudo")
	}
	if err := controlplane.CheckPrograms(); err != nil {
		return err
	}
	for _, name := range []string{"node", "pause"} {
		path, err := beside(name)
		if err != nil {
			return err
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("the programs of a node are not built: run `make node` (%w)", err)
		}
	}
	addSystemPath()
	for _, p := range []struct{ program, pkg string }{
		{"containerd", "containerd"},
		{"containerd-shim-runc-v2", "containerd"},
		{"ctr", "containerd"},
		{"runc", "runc"},
		{"iptables", "iptables"},
		{"ip6tables", "iptables"},
	} {
		if _, err := exec.LookPath(p.program); err != nil {
			return fmt.Errorf("a node needs %s, which this machine lacks: install the Debian package %s", p.program, p.pkg)
		}
	}
	if _, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables"); err != nil {
		return errors.New("a node needs the kernel module br_netfilter, or pods would not reach services: run modprobe br_netfilter")
	}
	_, err := pluginDir()
	return err
}

// addSystemPath is for users whose PATH has no programs of the administrator.
func addSystemPath() {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
}

// pluginDir is where the plugins for the network of pods are: Debian's place, or
// everybody else's.
func pluginDir() (string, error) {
	const debian, others = "/usr/lib/cni", "/opt/cni/bin"
	for _, dir := range []string{debian, others} {
		if hasPlugins(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("a node needs the CNI plugins bridge, host-local, loopback in %s or %s: install the Debian package containernetworking-plugins", debian, others)
}

func hasPlugins(dir string) bool {
	for _, name := range []string{"bridge", "host-local", "loopback"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// beside is the path of a program that is kept beside this one.
func beside(name string) (string, error) {
	executable, err := os.Executable()
	return filepath.Join(filepath.Dir(executable), name), err
}
