package controlplane

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programs is where the programs are: in one file each, or all in one file.
type programs struct {
	dir    string // a directory with one file for each, or ""
	single string // one file for all, or ""
}

const assetsVariable = "KUBEBUILDER_ASSETS"

// CheckPrograms returns an error that names the first program that is missing.
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
				return programs{}, fmt.Errorf("%s has no program %s: "+
					"unset the variable to use what `make control-plane` builds (%w)",
					assetsVariable, name, err)
			}
		}
		return programs{dir: dir}, nil
	}
	executable, err := os.Executable()
	if err != nil {
		return programs{}, err
	}
	single := filepath.Join(filepath.Dir(executable), "kubernetes")
	if _, err := exec.LookPath(single); err != nil {
		return programs{}, fmt.Errorf("cannot find etcd and kube-apiserver: "+
			"run `make control-plane`, or set %s to a directory with them (%w)", assetsVariable, err)
	}
	return programs{single: single}, nil
}

func (p programs) command(name string, args ...string) []string {
	if p.single != "" {
		return append([]string{p.single, name}, args...)
	}
	return append([]string{filepath.Join(p.dir, name)}, args...)
}
