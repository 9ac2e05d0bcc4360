package controlplane

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programs says how the programs are called.
type programs struct {
	dir   string // with one file for each
	multi string // or one file for all
}

const assetsVariable = "KUBEBUILDER_ASSETS"

// CheckPrograms tells what is missing.
func CheckPrograms() error {
	_, err := findPrograms()
	return err
}

func findPrograms() (programs, error) {
	if dir := os.Getenv(assetsVariable); dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return programs{}, err
		}
		for _, name := range []string{"etcd", "kube-apiserver"} {
			if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
				return programs{}, fmt.Errorf("%s has no program %s: unset it to use what `make control-plane` builds (%w)", assetsVariable, name, err)
			}
		}
		return programs{dir: dir}, nil
	}
	executable, err := os.Executable()
	if err != nil {
		return programs{}, err
	}
	multi := filepath.Join(filepath.Dir(executable), "kubernetes")
	if _, err := exec.LookPath(multi); err != nil {
		return programs{}, fmt.Errorf("Kubernetes is not built: run `make control-plane`, or set %s to a folder with etcd and kube-apiserver (%w)", assetsVariable, err)
	}
	return programs{multi: multi}, nil
}

func (p programs) command(name string, args ...string) []string {
	if p.multi != "" {
		return append([]string{p.multi, name}, args...)
	}
	return append([]string{filepath.Join(p.dir, name)}, args...)
}
