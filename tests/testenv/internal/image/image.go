// Package image writes container images that contain a single static program.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Write writes an OCI archive with an image of that name. The image contains only the
// program.
func Write(archive, name, program string) error {
	if !strings.ContainsAny(name, "/:") {
		return fmt.Errorf(
			"invalid image name %q: expected a full name such as localhost/%s:latest", name, name)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	path := filepath.Base(program)
	layer := makeTar(file{path, 0o755, binary})
	var all blobs
	layerBlob := all.add("application/vnd.oci.image.layer.v1.tar", layer)
	config := all.addJSON("application/vnd.oci.image.config.v1+json", object{
		"os": "linux", "architecture": runtime.GOARCH,
		"config": object{"Entrypoint": []string{"/" + path}},
		"rootfs": object{"type": "layers", "diff_ids": []any{layerBlob["digest"]}},
	})
	manifest := all.addJSON("application/vnd.oci.image.manifest.v1+json", object{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        config,
		"layers":        []object{layerBlob},
	})
	manifest["annotations"] = object{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
	index := object{"schemaVersion": 2, "manifests": []object{manifest}}
	files := append([]file{
		{"oci-layout", 0o644, encode(object{"imageLayoutVersion": "1.0.0"})},
		{"index.json", 0o644, encode(index)},
	}, all...)
	return os.WriteFile(archive, makeTar(files...), 0o644)
}

type object = map[string]any

// blobs are files that are named after their contents.
type blobs []file

func (b *blobs) add(mediaType string, data []byte) (descriptor object) {
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	*b = append(*b, file{"blobs/sha256/" + sum, 0o644, data})
	return object{"mediaType": mediaType, "digest": "sha256:" + sum, "size": len(data)}
}

func (b *blobs) addJSON(mediaType string, value object) (descriptor object) {
	return b.add(mediaType, encode(value))
}

func encode(value object) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // impossible: values are strings, numbers, lists and maps
	}
	return data
}

type file struct {
	name string
	mode int64
	data []byte
}

func makeTar(files ...file) []byte {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, f := range files {
		// These calls do not fail: they write to memory, with short names.
		w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data))})
		w.Write(f.data)
	}
	w.Close()
	return buffer.Bytes()
}
