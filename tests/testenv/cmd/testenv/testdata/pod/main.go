// Command pod is what runs in the pods of the tests: it says its name, asks the
// API server for pods as pods do, or asks whom it is told to.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
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
	fmt.Println("it begins")
	http.HandleFunc("/name", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		io.WriteString(w, name)
	})
	http.HandleFunc("/pods", func(w http.ResponseWriter, _ *http.Request) { forward(w, askForPods) })
	http.HandleFunc("/ask", func(w http.ResponseWriter, r *http.Request) {
		forward(w, func() (*http.Response, error) { return http.Get(r.URL.Query().Get("url")) })
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func forward(w http.ResponseWriter, ask func() (*http.Response, error)) {
	answer, err := ask()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	w.WriteHeader(answer.StatusCode)
	io.Copy(w, answer.Body)
}

func askForPods() (*http.Response, error) {
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
	address := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest(http.MethodGet, "https://"+address+"/api/v1/namespaces/"+texts[1]+"/pods", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+texts[0])
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	return (&http.Client{Transport: transport}).Do(request)
}
