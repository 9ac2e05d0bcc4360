package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

// Check returns an error that names the first thing that this machine lacks.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("a node requires root: run this with sudo")
	}
	if err := controlplane.CheckPrograms(); err != nil {
		return err
	}
	for _, name := range []string{"node", "pause"} {
		path, err := siblingProgram(name)
		if err != nil {
			return err
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("cannot find the programs of a node: run `make node` (%w)", err)
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
			return fmt.Errorf("a node requires %s: install the Debian package %s", p.program, p.pkg)
		}
	}
	if _, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables"); err != nil {
		return errors.New(
			"a node requires the kernel module br_netfilter: run modprobe br_netfilter")
	}
	_, err := pluginDir()
	return err
}

// addSystemPath adds the directories of system programs, which some users' PATH
// does not have.
func addSystemPath() {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
}

// pluginDir returns the directory of the CNI plugins: that of Debian, or the common
// one.
func pluginDir() (string, error) {
	const debian, common = "/usr/lib/cni", "/opt/cni/bin"
	for _, dir := range []string{debian, common} {
		if hasPlugins(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("a node requires the CNI plugins bridge, host-local and loopback in %s or %s: "+
		"install the Debian package containernetworking-plugins", debian, common)
}

func hasPlugins(dir string) bool {
	for _, name := range []string{"bridge", "host-local", "loopback"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// siblingProgram returns the path of a program in the directory of this one.
func siblingProgram(name string) (string, error) {
	executable, err := os.Executable()
	return filepath.Join(filepath.Dir(executable), name), err
}
