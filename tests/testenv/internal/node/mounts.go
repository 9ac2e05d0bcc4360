package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// privateMounts gives the node the customary places for its files, without a
// trace of it in those of the machine. What grows is on the disk, in dir.
func privateMounts(dir string) error {
	before, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	if err := cover("/var/lib", "cni", "containerd", "kubelet"); err != nil {
		return err
	}
	for _, place := range []string{"/var/lib/containerd", "/var/lib/kubelet", "/var/log"} {
		if err := bindFrom(dir, place); err != nil {
			return err
		}
	}
	if err := coverTunables(dir); err != nil {
		return err
	}
	if after, err := os.Stat(dir); err != nil || !os.SameFile(before, after) {
		return fmt.Errorf("the folder %s would be hidden in the node: choose one that is in neither /run nor /var/log", dir)
	}
	return nil
}

// bindFrom makes a folder of dir the one at place.
func bindFrom(dir, place string) error {
	source := filepath.Join(dir, filepath.Base(place))
	for _, path := range []string{source, place} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	return mount(source, place, "", unix.MS_BIND, "")
}

// cover makes a folder of the machine one where we may add to what is there.
func cover(dir string, except ...string) error {
	covered, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer covered.Close()
	entries, err := covered.ReadDir(-1)
	if err != nil {
		return err
	}
	if err := mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	ours := map[string]bool{}
	for _, name := range except {
		ours[name] = true
	}
	for _, entry := range entries {
		if ours[entry.Name()] {
			continue
		}
		// The only way to what is covered.
		source := filepath.Join("/proc/self/fd", strconv.Itoa(int(covered.Fd())), entry.Name())
		if err := carryOver(source, filepath.Join(dir, entry.Name()), entry.Type()); err != nil {
			return err
		}
	}
	return nil
}

func carryOver(source, target string, kind os.FileMode) error {
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

// coverTunables shows the kubelet the values that it wants. It would set them
// otherwise, and they are the whole machine's.
func coverTunables(dir string) error {
	for name, value := range map[string]string{
		"kernel/keys/root_maxbytes": "25000000",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
	} {
		file := filepath.Join(dir, "tunables", name)
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

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting on %s in the node's own namespace: %w", target, err)
	}
	return nil
}
