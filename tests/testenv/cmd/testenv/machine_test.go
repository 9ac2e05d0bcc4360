//go:build node

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/cgroups"
)

// A machineState lists everything on the machine that a node could change.
type machineState []string

func inspectMachine(t *testing.T) machineState {
	t.Helper()
	var m machineState
	m = append(m, lines("mount", read(t, "/proc/self/mounts"))...)
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		m = append(m, "interface: "+i.Name)
	}
	for _, command := range []string{"iptables-save", "ip6tables-save"} {
		rules, err := exec.Command("/usr/sbin/" + command).Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		m = append(m, lines(command, counters.ReplaceAllString(string(rules), ""))...)
	}
	groups, err := filepath.Glob("/sys/fs/cgroup/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range groups {
		if strings.HasPrefix(filepath.Base(path), cgroups.Prefix) {
			continue // another node may be running
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			m = append(m, "cgroup: "+path)
		}
	}
	for _, dir := range []string{
		"/run", "/run/netns", "/var/lib", "/var/log", "/opt", "/etc", "/etc/cni", "/usr/libexec",
	} {
		entries, _ := os.ReadDir(dir) // some machines lack some of them
		for _, entry := range entries {
			m = append(m, "file: "+filepath.Join(dir, entry.Name()))
		}
	}
	for _, name := range []string{
		"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "vm/overcommit_memory",
		"net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet", "net/ipv4/icmp_ratelimit",
		"net/ipv6/conf/all/forwarding",
	} {
		m = append(m, "sysctl: "+name+"="+read(t, "/proc/sys/"+name))
	}
	return m
}

var counters = regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\]`)

func lines(kind, text string) []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		lines = append(lines, kind+": "+line)
	}
	return lines
}

// awaitUnchanged waits until the machine has nothing that it did not have before. It
// ignores what is missing, because other programs may have removed it.
func (m machineState) awaitUnchanged(t *testing.T) {
	t.Helper()
	var left machineState
	eventually(t, func() bool {
		left = slices.DeleteFunc(inspectMachine(t), func(s string) bool {
			return slices.Contains(m, s)
		})
		return len(left) == 0
	}, func() string { return strings.Join(left, "\n") })
}

// kernelTraces identify a node in the kernel.
type kernelTraces struct {
	namespaces []string
	cgroup     string
}

// awaitGone waits until no process is in any of the namespaces and the cgroup is gone.
// The kernel removes mounts and interfaces with their namespace.
func (k kernelTraces) awaitGone(t *testing.T) {
	t.Helper()
	if len(k.namespaces) == 0 || k.cgroup == "" {
		t.Fatalf("incomplete: %+v", k)
	}
	var left []string
	eventually(t, func() bool {
		left, _ = filepath.Glob(filepath.Join("/sys/fs/cgroup/*", k.cgroup))
		links, _ := filepath.Glob("/proc/[0-9]*/ns/*")
		for _, link := range links {
			if name, _ := os.Readlink(link); slices.Contains(k.namespaces, name) {
				left = append(left, link+" "+name)
			}
		}
		return left == nil
	}, func() string { return strings.Join(left, "\n") })
}
