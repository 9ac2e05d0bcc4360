// Command pod runs in the pods of the tests. It serves its name, the pods of its
// namespace, which it lists with its service account, and any URL that it can fetch.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount"

func main() {
	http.HandleFunc("/name", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		io.WriteString(w, name)
	})
	http.HandleFunc("/pods", func(w http.ResponseWriter, _ *http.Request) {
		forward(w, listPods)
	})
	http.HandleFunc("/fetch", func(w http.ResponseWriter, r *http.Request) {
		target := r.URL.Query().Get("url")
		forward(w, func() (*http.Response, error) { return http.Get(target) })
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func forward(w http.ResponseWriter, send func() (*http.Response, error)) {
	response, err := send()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	io.Copy(w, response.Body)
}

func listPods() (*http.Response, error) {
	var texts [3]string
	for i, name := range []string{"token", "namespace", "ca.crt"} {
		data, err := os.ReadFile(filepath.Join(account, name))
		if err != nil {
			return nil, err
		}
		texts[i] = strings.TrimSpace(string(data))
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(texts[2]))
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	url := "https://" + net.JoinHostPort(host, port) + "/api/v1/namespaces/" + texts[1] + "/pods"
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+texts[0])
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
	}
	return (&http.Client{Transport: transport}).Do(request)
}
