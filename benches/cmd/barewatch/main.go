// Command barewatch reads a watch and does nothing with it: no client can see
// a change earlier, or with less work.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/kubepeers/kubepeers/benches/internal/host"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	h := &host.Host{}
	// Its first answer is a watch that stands.
	h.Discover = func() ([]string, error) { return nil, start(h) }
	h.Run()
}

func start(h *host.Host) error {
	authority, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("no certificate in ca.crt")
	}
	// One connection, HTTP/1.1: nothing between the events and their reader.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true}}

	answer, err := get(client, "limit=1")
	if err != nil {
		return err
	}
	var list struct {
		Metadata struct{ ResourceVersion string }
	}
	err = json.NewDecoder(answer).Decode(&list)
	answer.Close()
	if err != nil {
		return err
	}
	events, err := get(client, "watch=1&resourceVersion="+list.Metadata.ResourceVersion)
	if err != nil {
		return err
	}
	go read(events, h)
	return nil
}

func get(client *http.Client, query string) (io.ReadCloser, error) {
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://%s/api/v1/namespaces/%s/pods?labelSelector=%s&%s",
		net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")),
		host.Namespace(), url.QueryEscape(host.Selector), query), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	return answer.Body, nil
}

// read takes an event for read when its last byte, the end of the line, is.
func read(events io.Reader, h *host.Host) {
	reader := bufio.NewReaderSize(events, 64<<10)
	for {
		if _, err := reader.ReadSlice('\n'); err != nil {
			log.Fatal(err)
		}
		h.Changed()
	}
}
