package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const (
	etcdDir   = "etcd"
	backupDir = "etcd-backup"
)

// backUp copies etcd's files while etcd is stopped. API servers reconnect
// afterwards without help.
func (c *ControlPlane) backUp() error {
	backup := c.workDir.Path(backupDir)
	if err := os.RemoveAll(backup); err != nil {
		return err
	}
	c.etcd.Kill()
	if err := os.CopyFS(backup, os.DirFS(c.workDir.Path(etcdDir))); err != nil {
		return err
	}
	return c.startEtcd()
}

// restore replaces etcd's files with the last backup. All API servers must be
// stopped, because their caches would belong to another history.
func (c *ControlPlane) restore() error {
	for _, s := range c.servers {
		if s.process != nil {
			return fmt.Errorf(
				"cannot restore the backup: %s is running; run testenv stop-server first", s.name)
		}
	}
	backup := os.DirFS(c.workDir.Path(backupDir))
	if _, err := fs.Stat(backup, "."); err != nil {
		return errors.New("there is no backup: run testenv backup to create one")
	}
	c.etcd.Kill()
	if err := os.RemoveAll(c.workDir.Path(etcdDir)); err != nil {
		return err
	}
	if err := os.CopyFS(c.workDir.Path(etcdDir), backup); err != nil {
		return err
	}
	return c.startEtcd()
}
