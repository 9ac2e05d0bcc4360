package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Orders that an owner carries out. They take no arguments.
const (
	Backup  = "backup"
	Restore = "restore"
)

const (
	etcdFolder   = "etcd"
	backupFolder = "etcd-backup"
)

// backUp copies etcd's files while etcd is stopped. API servers connect again
// afterwards by themselves.
func (c *ControlPlane) backUp() error {
	backup := c.claim.folder.path(backupFolder)
	if err := os.RemoveAll(backup); err != nil {
		return err
	}
	c.etcd.Kill()
	if err := os.CopyFS(backup, os.DirFS(c.claim.folder.path(etcdFolder))); err != nil {
		return err
	}
	return c.startEtcd()
}

// restore puts the last backup in the place of etcd's files. No API server may
// run meanwhile: its caches would be of another history.
func (c *ControlPlane) restore() error {
	for _, s := range c.servers {
		if s.process != nil {
			return fmt.Errorf("%s runs (to stop it: testenv stop-server)", s.name)
		}
	}
	backup := os.DirFS(c.claim.folder.path(backupFolder))
	if _, err := fs.Stat(backup, "."); err != nil {
		return errors.New("there is no backup (to make one: testenv backup)")
	}
	c.etcd.Kill()
	if err := os.RemoveAll(c.claim.folder.path(etcdFolder)); err != nil {
		return err
	}
	if err := os.CopyFS(c.claim.folder.path(etcdFolder), backup); err != nil {
		return err
	}
	return c.startEtcd()
}
