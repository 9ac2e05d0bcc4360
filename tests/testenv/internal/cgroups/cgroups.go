// Package cgroups creates a cgroup in every hierarchy of the machine, and removes it
// with all cgroups below it.
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

// Prefix is the prefix of all names of cgroups that this package creates.
const Prefix = "testenv-"

// limit prevents hangs. It is generous because machines that run tests are busy.
const limit = time.Minute

// Make creates the cgroup.
func Make(name string) error {
	dirs, err := dirs(name)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("creating a cgroup: %w", err)
		}
	}
	return nil
}

// Remove removes the cgroup. It waits for the processes in it to exit, but does not
// kill them.
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

// remove removes one directory of the cgroup when its processes have exited.
func remove(dir string) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		err := removeTree(dir)
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
	}
}

// removeTree removes directories only. The kernel removes the files in them.
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

// dirs returns the directories of the cgroup. cgroup v1 has a hierarchy for each
// controller.
func dirs(name string) ([]string, error) {
	if !strings.HasPrefix(name, Prefix) || strings.Contains(name, "/") {
		return nil, fmt.Errorf("refusing to change the cgroup %q: its name does not start with %q",
			name, Prefix)
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
