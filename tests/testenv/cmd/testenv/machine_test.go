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
)

// A machine is what a node could have changed on it.
type machine []string

func lookAtMachine(t *testing.T) machine {
	t.Helper()
	var m machine
	m = append(m, lines(t, "mount", read(t, "/proc/self/mounts"))...)
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
		m = append(m, lines(t, command, counters.ReplaceAllString(string(rules), ""))...)
	}
	cgroups, err := filepath.Glob("/sys/fs/cgroup/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range cgroups {
		if strings.HasPrefix(filepath.Base(path), "testenv-") {
			continue // of any node that runs now
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			m = append(m, "cgroup: "+path)
		}
	}
	for _, dir := range []string{"/run", "/run/netns", "/var/lib", "/var/log", "/opt", "/etc", "/etc/cni", "/usr/libexec"} {
		entries, _ := os.ReadDir(dir) // not every machine has all
		for _, entry := range entries {
			m = append(m, "file: "+filepath.Join(dir, entry.Name()))
		}
	}
	for _, name := range []string{"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "vm/overcommit_memory",
		"net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet", "net/ipv4/icmp_ratelimit", "net/ipv6/conf/all/forwarding"} {
		m = append(m, "setting: "+name+"="+read(t, "/proc/sys/"+name))
	}
	return m
}

var counters = regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\]`)

func lines(t *testing.T, kind, text string) []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		lines = append(lines, kind+": "+line)
	}
	return lines
}

// unchanged waits until there is nothing new. What is gone may have been
// somebody else's.
func (m machine) unchanged(t *testing.T) {
	t.Helper()
	var left machine
	eventually(t, func() bool {
		left = slices.DeleteFunc(lookAtMachine(t), func(s string) bool { return slices.Contains(m, s) })
		return len(left) == 0
	}, func() string { return strings.Join(left, "\n") })
}

// A trace is what the kernel knows a node by: its namespaces, and its cgroup.
type trace struct {
	namespaces []string
	cgroup     string
}

// gone waits until no process is in any of the namespaces (with them go mounts
// and interfaces), and there is no cgroup.
func (n trace) gone(t *testing.T) {
	t.Helper()
	if len(n.namespaces) == 0 || n.cgroup == "" {
		t.Fatalf("too little to look for: %+v", n)
	}
	var left []string
	eventually(t, func() bool {
		left, _ = filepath.Glob(filepath.Join("/sys/fs/cgroup/*", n.cgroup))
		links, _ := filepath.Glob("/proc/[0-9]*/ns/*")
		for _, link := range links {
			if name, _ := os.Readlink(link); slices.Contains(n.namespaces, name) {
				left = append(left, link+" "+name)
			}
		}
		return left == nil
	}, func() string { return strings.Join(left, "\n") })
}
