package controlplane

import (
	"fmt"
	"net"
	"os"
)

const (
	// etcd 3.5.9 requires a port in every URL, even of a socket. In the URL of a
	// socket the port is a part of the file name, which all versions accept.
	etcdSocket     = "etcd.sock:0"
	etcdPeerSocket = "etcd-peer.sock:0"
	requestSocket  = "requests.sock"
)

func dial(dir, name string) (conn net.Conn, err error) {
	err = withShortPath(dir, name, func(path string) error {
		conn, err = net.Dial("unix", path)
		return err
	})
	return conn, err
}

func listen(dir, name string) (listener net.Listener, err error) {
	err = withShortPath(dir, name, func(path string) error {
		listener, err = net.Listen("unix", path)
		return err
	})
	return listener, err
}

// withShortPath calls do with a short path of a socket in dir. The path of a
// socket may have at most 107 bytes.
func withShortPath(dir, name string, do func(path string) error) error {
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer opened.Close()
	return do(fmt.Sprintf("/proc/self/fd/%d/%s", opened.Fd(), name))
}

func (d *lockedDir) dialEtcd() error {
	conn, err := dial(d.dir, etcdSocket)
	if err != nil {
		return err
	}
	return conn.Close()
}
