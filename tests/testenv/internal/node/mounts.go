package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// setUpMounts makes the usual paths of a node's files writable without a change to
// the machine's files. Large files are on the disk, in dir.
func setUpMounts(dir string) error {
	before, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	const procFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := mount("proc", "/proc", "proc", procFlags, ""); err != nil {
		return err
	}
	if err := mountTmpfs("/run"); err != nil {
		return err
	}
	if err := replaceWithTmpfs("/var/lib", "cni", "containerd", "kubelet"); err != nil {
		return err
	}
	for _, target := range []string{"/var/lib/containerd", "/var/lib/kubelet", "/var/log"} {
		if err := bindFrom(dir, target); err != nil {
			return err
		}
	}
	if err := fakeSysctls(dir); err != nil {
		return err
	}
	if after, err := os.Stat(dir); err != nil || !os.SameFile(before, after) {
		return fmt.Errorf("the node's mounts hide the directory %s: "+
			"choose one outside of /run and /var/log", dir)
	}
	return nil
}

// bindFrom mounts a subdirectory of dir on target.
func bindFrom(dir, target string) error {
	source := filepath.Join(dir, filepath.Base(target))
	for _, path := range []string{source, target} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	return mount(source, target, "", unix.MS_BIND, "")
}

// replaceWithTmpfs mounts a tmpfs on dir and binds the former entries into it,
// except those named. New entries then exist in this namespace only.
func replaceWithTmpfs(dir string, except ...string) error {
	covered, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer covered.Close()
	entries, err := covered.ReadDir(-1)
	if err != nil {
		return err
	}
	if err := mountTmpfs(dir); err != nil {
		return err
	}
	excluded := map[string]bool{}
	for _, name := range except {
		excluded[name] = true
	}
	for _, entry := range entries {
		if excluded[entry.Name()] {
			continue
		}
		// The tmpfs hides the entry, which can still be reached by the open directory.
		opened := filepath.Join("/proc/self/fd", strconv.Itoa(int(covered.Fd())))
		source, target := filepath.Join(opened, entry.Name()), filepath.Join(dir, entry.Name())
		if err := bindEntry(source, target, entry.Type()); err != nil {
			return err
		}
	}
	return nil
}

func bindEntry(source, target string, kind os.FileMode) error {
	switch kind {
	case os.ModeSymlink:
		to, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	case os.ModeDir:
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(target, nil, 0o644); err != nil {
			return err
		}
	}
	return mount(source, target, "", unix.MS_BIND|unix.MS_REC, "")
}

// fakeSysctls shows the kubelet the sysctl values that it wants. Otherwise it would
// change them for the whole machine.
func fakeSysctls(dir string) error {
	for name, value := range map[string]string{
		"kernel/keys/root_maxbytes": "25000000",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
	} {
		file := filepath.Join(dir, "sysctls", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := mount(file, filepath.Join("/proc/sys", name), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func mountTmpfs(target string) error {
	return mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting %s in the node's namespace: %w", target, err)
	}
	return nil
}
