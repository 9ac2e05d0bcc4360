package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
)

// Compact has etcd forget everything but the present state.
func Compact(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var status struct {
		Header struct{ Revision string }
	}
	if err := askEtcd(dir, "maintenance/status", struct{}{}, &status); err != nil {
		return err
	}
	compaction := map[string]any{"revision": status.Header.Revision, "physical": true}
	return askEtcd(dir, "kv/compaction", compaction, &struct{}{})
}

// askEtcd goes through the gateway that etcd has for those without gRPC.
func askEtcd(dir, method string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: limit, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return dial(dir, etcdSocket)
		},
	}}
	response, err := client.Post("http://etcd/v3/"+method, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd: %s: %s\n%s", method, response.Status, bytes.TrimSpace(data))
	}
	return json.Unmarshal(data, answer)
}
