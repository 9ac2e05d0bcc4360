package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// onlyListAndWatch reads the audit log of all scenarios: nobody's service
// account has asked for anything but the pods of its namespace.
func onlyListAndWatch(w *world) {
	w.deploy(2)
	w.oneClusterOf(2)
	text, err := os.ReadFile(filepath.Join(os.Getenv("TESTENV_DIR"), "audit.log"))
	w.check(err)
	asked := map[string]int{}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // It is just being written.
		}
		var request auditEvent
		w.check(json.Unmarshal(line, &request))
		if request.Stage != "ResponseComplete" && request.Stage != "ResponseStarted" {
			continue
		}
		account := strings.Split(request.User.Username, ":")
		if len(account) != 4 || account[1] != "serviceaccount" || !strings.HasPrefix(account[2], "e2e-") {
			continue
		}
		what := request.Verb + " " + request.ObjectRef.Resource
		if request.ObjectRef.Namespace != account[2] || (what != "list pods" && what != "watch pods") {
			w.Errorf("%s asked for %s (%s)", request.User.Username, request.RequestURI, request.Verb)
		}
		asked[what]++
	}
	w.Logf("the nodes' service accounts asked for: %v", asked)
	for _, what := range []string{"list pods", "watch pods"} {
		if asked[what] == 0 {
			w.Errorf("nobody asked to %s: the audit log is not of these scenarios", what)
		}
	}
}

// An auditEvent is what Kubernetes writes down of a request.
type auditEvent struct {
	Stage      string
	RequestURI string
	Verb       string
	User       struct{ Username string }
	ObjectRef  struct{ Resource, Namespace string }
}
