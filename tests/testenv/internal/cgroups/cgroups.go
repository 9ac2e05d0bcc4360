// Package cgroups makes a cgroup in every hierarchy that the machine has, and
// removes it with all below it.
package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Prefix is what the names of our cgroups begin with.
const Prefix = "testenv-"

// limit bounds what would otherwise hang; it is no expectation.
const limit = time.Minute

// Make makes the cgroup.
func Make(name string) error {
	dirs, err := dirs(name)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making a cgroup: %w", err)
		}
	}
	return nil
}

// Remove returns when the cgroup is gone, and thereby all that ran in it. It
// kills nothing: that is somebody else's business.
func Remove(name string) error {
	dirs, err := dirs(name)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := remove(dir); err != nil {
			return err
		}
	}
	return nil
}

// remove waits for processes that are about to be gone.
func remove(dir string) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		err := removeTree(dir)
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
	}
}

// removeTree leaves the files alone: the kernel made them.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return syscallError(dir, syscall.Rmdir(dir))
}

func syscallError(dir string, err error) error {
	if err == nil || err == syscall.ENOENT {
		return nil
	}
	return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
}

// dirs are where the cgroup is: version 1 has a hierarchy for each controller.
func dirs(name string) ([]string, error) {
	if !strings.HasPrefix(name, Prefix) || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%q is no cgroup of ours", name)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, line := range strings.Split(string(mounts), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			dirs = append(dirs, filepath.Join(fields[1], name))
		}
	}
	if dirs == nil {
		return nil, errors.New("no cgroup file system is mounted: mount one on /sys/fs/cgroup")
	}
	return dirs, nil
}
