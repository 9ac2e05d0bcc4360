package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Mount writes to dir the files that a pod finds in
// /var/run/secrets/kubernetes.io/serviceaccount. If pod is not "", the token is bound
// to that pod, which must use the service account.
func (c *Client) Mount(ctx context.Context, namespace, account, pod string, duration time.Duration, dir string) error {
	ca, err := c.authority()
	if err != nil {
		return err
	}
	seconds := int64(duration.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if pod != "" {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod}
	}
	token, err := c.core.ServiceAccounts(namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("requesting a token of service account %s/%s: %w", namespace, account, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	for name, data := range map[string]string{
		"token":     token.Status.Token,
		"ca.crt":    string(ca),
		"namespace": namespace,
	} {
		if err := replaceFile(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) authority() ([]byte, error) {
	config := rest.CopyConfig(c.config)
	if err := rest.LoadTLSFiles(config); err != nil {
		return nil, err
	}
	if len(config.CAData) == 0 {
		return nil, errors.New("the kubeconfig has no certificate authority for the API server")
	}
	return config.CAData, nil
}

// replaceFile replaces a file atomically, so that no reader sees a part of it.
func replaceFile(path, data string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(data)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
