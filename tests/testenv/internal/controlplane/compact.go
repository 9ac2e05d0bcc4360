package controlplane

import (
	"context"
	"net"
	"path/filepath"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Compact removes all revisions but the current one from the etcd of dir.
func Compact(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("passthrough:///etcd",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return dial(dir, etcdSocket) }),
	)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	status, err := etcdserverpb.NewMaintenanceClient(conn).Status(ctx, &etcdserverpb.StatusRequest{})
	if err != nil {
		return err
	}
	compaction := &etcdserverpb.CompactionRequest{Revision: status.Header.Revision, Physical: true}
	_, err = etcdserverpb.NewKVClient(conn).Compact(ctx, compaction)
	return err
}
