// Command wire is a proxy between a client and the API server. It counts the requests and
// the bytes on the wire. It terminates TLS to count requests, with its own certificate
// authority, which it writes to the file OWN_CA.
//
//	wire SERVER SERVER_CA OWN_CA
//
// It prints its port. For each line on stdin, it prints "REQUESTS RECEIVED SENT" from the
// client's point of view.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

var requests, received, sent atomic.Int64

func main() {
	server, serverCA, ownCA := os.Args[1], os.Args[2], os.Args[3]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	proxy := &http.Server{
		Handler:   handler(server, serverCA),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate(ownCA)}},
		ErrorLog:  log.New(io.Discard, "", 0), // Clients close connections without notice.
	}
	go func() { log.Fatal(proxy.ServeTLS(countingListener{listener}, "", "")) }()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(requests.Load(), received.Load(), sent.Load())
	}
}

func handler(server, serverCA string) http.Handler {
	ca, err := os.ReadFile(serverCA)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "https", Host: server})
	proxy.FlushInterval = -1 // It passes on events at once.
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.Transport = &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: roots},
		DisableCompression: true, // The client and the server decide.
		ForceAttemptHTTP2:  true,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		proxy.ServeHTTP(w, r)
	})
}

// certificate returns a certificate for the proxy, and writes its authority to the file.
func certificate(path string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "wire"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "wire's authority"},
		NotBefore: template.NotBefore, NotAfter: template.NotAfter,
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority,
		authorityKey.Public(), authorityKey)
	if err != nil {
		log.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), authorityKey)
	if err != nil {
		log.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// countingListener counts the bytes of its connections below TLS.
type countingListener struct{ net.Listener }

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countingConn{conn}, err
}

type countingConn struct{ net.Conn }

func (c countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	sent.Add(int64(n))
	return n, err
}

func (c countingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	received.Add(int64(n))
	return n, err
}
