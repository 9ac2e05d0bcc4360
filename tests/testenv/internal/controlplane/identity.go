package controlplane

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"time"
)

const (
	kubeconfigFile         = "kubeconfig"
	servingCertificateFile = "serving.crt"
	servingKeyFile         = "serving.key"
	tokenFile              = "tokens.csv"
)

// Files in the directory that a controller-manager reads.
const (
	AuthorityFile  = "authority.crt"
	AccountKeyFile = "service-accounts.key"
)

// identity holds the credentials that clients verify the API server by, and the
// administrator's token.
type identity struct {
	authority []byte // certificate, PEM
	token     string
}

// newIdentity creates certificates, keys and tokens, and writes those that the API
// server reads.
func newIdentity(d *lockedDir, addresses []net.IP) (*identity, error) {
	accountKey, err := newKey()
	if err != nil {
		return nil, err
	}
	accountKeyPEM, err := keyPEM(accountKey)
	if err != nil {
		return nil, err
	}
	if err := d.write(AccountKeyFile, accountKeyPEM); err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	id := &identity{token: hex.EncodeToString(secret)}
	if err := d.write(tokenFile, []byte(id.token+",admin,admin,system:masters\n")); err != nil {
		return nil, err
	}
	return id, id.issueCertificates(d, addresses)
}

// issueCertificates creates an authority and the API server's certificate. The
// certificate is for loopback and these addresses.
func (id *identity) issueCertificates(d *lockedDir, addresses []net.IP) error {
	authorityKey, err := newKey()
	if err != nil {
		return err
	}
	authority := template("testenv authority", 1)
	authority.IsCA = true
	authority.BasicConstraintsValid = true
	authority.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	// CreateCertificate has added the subject key id.
	if authority, err = x509.ParseCertificate(authorityDER); err != nil {
		return err
	}

	servingKey, err := newKey()
	if err != nil {
		return err
	}
	serving := template("kube-apiserver", 2)
	serving.KeyUsage = x509.KeyUsageDigitalSignature
	serving.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serving.IPAddresses = append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, addresses...)
	serving.DNSNames = []string{
		"localhost",
		"kubernetes",
		"kubernetes.default",
		"kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local",
	}
	servingDER, err := x509.CreateCertificate(rand.Reader, serving, authority, servingKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	servingKeyPEM, err := keyPEM(servingKey)
	if err != nil {
		return err
	}
	if err := d.write(servingCertificateFile, pemBlock("CERTIFICATE", servingDER)); err != nil {
		return err
	}
	id.authority = pemBlock("CERTIFICATE", authorityDER)
	if err := d.write(AuthorityFile, id.authority); err != nil {
		return err
	}
	return d.write(servingKeyFile, servingKeyPEM)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func template(name string, serial int64) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject:      pkix.Name{CommonName: name},
		SerialNumber: big.NewInt(serial),
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
	}
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pemBlock("EC PRIVATE KEY", der), err
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// readyCheck returns a function that checks that the API server at url has our
// certificate and is ready.
func (id *identity) readyCheck(url string) func() error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(id.authority)
	client := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	// /readyz waits for the built-in roles, but not for the namespace "default".
	paths := []string{"/readyz", "/api/v1/namespaces/default"}
	return func() error {
		for len(paths) > 0 {
			if err := id.get(client, url+paths[0]); err != nil {
				return err
			}
			paths = paths[1:]
		}
		client.CloseIdleConnections()
		return nil
	}
}

func (id *identity) get(client *http.Client, url string) error {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+id.token)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s\n%s", url, response.Status, bytes.TrimSpace(body))
	}
	return nil
}

// writeKubeconfig writes a kubeconfig file for the administrator.
func (id *identity) writeKubeconfig(d *lockedDir, name, url string) error {
	const format = `apiVersion: v1
kind: Config
clusters:
- name: testenv
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: admin
  user:
    token: %s
contexts:
- name: testenv
  context:
    cluster: testenv
    user: admin
current-context: testenv
`
	text := fmt.Sprintf(format, url, base64.StdEncoding.EncodeToString(id.authority), id.token)
	return d.write(name, []byte(text))
}
