// Command bare is the lower bound of the benchmark. It makes the requests of kubepeers, a
// list and then a watch, and discards the responses. No client that makes the same
// requests can have its first result, or observe a change, earlier or with less work.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"

	"github.com/kubepeers/kubepeers/benches/internal/host"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	h := &host.Host{}
	h.Discover = func() ([]string, error) {
		resourceVersion, err := list(client)
		if err != nil {
			return nil, err
		}
		go watch(client, resourceVersion, h)
		return nil, nil
	}
	h.Run()
}

// newClient returns a client that adds no work: it uses HTTP/1.1, and does not
// decompress.
func newClient() (*http.Client, error) {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("ca.crt has no certificate")
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: roots},
		DisableCompression: true,
	}}, nil
}

func get(client *http.Client, accept, encoding, query string) (*http.Response, error) {
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return nil, err
	}
	server := net.JoinHostPort(
		os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest(http.MethodGet,
		fmt.Sprintf("https://%s/api/v1/namespaces/%s/pods?labelSelector=%s&%s",
			server, host.Namespace(), url.QueryEscape(host.Selector), query), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	request.Header.Set("Accept", accept)
	request.Header.Set("Accept-Encoding", encoding)
	response, err := client.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return response, err
}

// resourceVersion matches the second field of the list's metadata.
var resourceVersion = regexp.MustCompile(`(?s)PodList.*?\x12.(\d+)`)

// list reads a list, and returns its resourceVersion, which precedes the items.
func list(client *http.Client) (string, error) {
	response, err := get(client, "application/vnd.kubernetes.protobuf", "gzip", "resourceVersion=0")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var decoded io.Reader = bytes.NewReader(body)
	if response.Header.Get("Content-Encoding") == "gzip" {
		if decoded, err = gzip.NewReader(decoded); err != nil {
			return "", err
		}
	}
	start := make([]byte, 256)
	if _, err := io.ReadFull(decoded, start); err != nil {
		return "", err
	}
	match := resourceVersion.FindSubmatch(start)
	if match == nil {
		return "", errors.New("the list has no resourceVersion")
	}
	return string(match[1]), nil
}

// watch reads events. It reports a change after the last byte of each event.
func watch(client *http.Client, resourceVersion string, h *host.Host) {
	response, err := get(client, "application/vnd.kubernetes.protobuf;stream=watch", "identity",
		"watch=1&resourceVersion="+resourceVersion)
	if err != nil {
		log.Fatal(err)
	}
	reader := bufio.NewReaderSize(response.Body, 64<<10)
	for {
		var length [4]byte
		if _, err := io.ReadFull(reader, length[:]); err != nil {
			log.Fatal(err)
		}
		if _, err := reader.Discard(int(binary.BigEndian.Uint32(length[:]))); err != nil {
			log.Fatal(err)
		}
		h.Changed()
	}
}
