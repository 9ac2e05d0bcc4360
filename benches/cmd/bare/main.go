// Command bare asks the API server for what kubepeers asks for, a list and then
// a watch, and throws it away: no client that asks for the same can have a first
// answer or see a change earlier, or with less work.
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

// newClient has nothing between the bytes and their reader: HTTP/1.1, and no
// decompression.
func newClient() (*http.Client, error) {
	authority, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("no certificate in ca.crt")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true}}, nil
}

func get(client *http.Client, accept, encoding, query string) (*http.Response, error) {
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
	request.Header.Set("Accept", accept)
	request.Header.Set("Accept-Encoding", encoding)
	answer, err := client.Do(request)
	if err == nil && answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	return answer, err
}

// resourceVersion is the second field of the list's metadata.
var resourceVersion = regexp.MustCompile(`(?s)PodList.*?\x12.(\d+)`)

// list gives the resourceVersion, which is in front of the items.
func list(client *http.Client) (string, error) {
	answer, err := get(client, "application/vnd.kubernetes.protobuf", "gzip", "resourceVersion=0")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	whole, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	var text io.Reader = bytes.NewReader(whole)
	if answer.Header.Get("Content-Encoding") == "gzip" {
		if text, err = gzip.NewReader(text); err != nil {
			return "", err
		}
	}
	front := make([]byte, 256)
	if _, err := io.ReadFull(text, front); err != nil {
		return "", err
	}
	found := resourceVersion.FindSubmatch(front)
	if found == nil {
		return "", errors.New("a list without resourceVersion")
	}
	return string(found[1]), nil
}

// watch counts an event as read when its last byte, the end of its frame, is.
func watch(client *http.Client, resourceVersion string, h *host.Host) {
	answer, err := get(client, "application/vnd.kubernetes.protobuf;stream=watch", "identity", "watch=1&resourceVersion="+resourceVersion)
	if err != nil {
		log.Fatal(err)
	}
	reader := bufio.NewReaderSize(answer.Body, 64<<10)
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
