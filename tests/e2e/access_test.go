package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// onlyListAndWatch reads the audit log of all scenarios. No service account of a
// scenario may have requested anything except to list and watch the pods of its
// namespace.
func onlyListAndWatch(e *env) {
	e.deploy(2)
	e.waitForCluster(2)
	text, err := os.ReadFile(filepath.Join(os.Getenv("TESTENV_DIR"), "audit.log"))
	e.check(err)
	requests := map[string]int{}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // The API server is writing this line.
		}
		var event auditEvent
		e.check(json.Unmarshal(line, &event))
		if event.Stage != "ResponseComplete" && event.Stage != "ResponseStarted" {
			continue
		}
		account := strings.Split(event.User.Username, ":")
		if len(account) != 4 || account[1] != "serviceaccount" || !strings.HasPrefix(account[2], "e2e-") {
			continue
		}
		request := event.Verb + " " + event.ObjectRef.Resource
		isAllowed := request == "list pods" || request == "watch pods"
		if event.ObjectRef.Namespace != account[2] || !isAllowed {
			e.Errorf("%s requested %s (%s); want only list and watch of pods",
				event.User.Username, event.RequestURI, event.Verb)
		}
		requests[request]++
	}
	e.Logf("requests of the service accounts: %v", requests)
	for _, request := range []string{"list pods", "watch pods"} {
		if requests[request] == 0 {
			e.Errorf("the audit log has no request to %s, so it is not of these scenarios", request)
		}
	}
}

// auditEvent has the fields of audit.k8s.io/v1 Event that the test needs.
type auditEvent struct {
	Stage      string
	RequestURI string
	Verb       string
	User       struct{ Username string }
	ObjectRef  struct{ Resource, Namespace string }
}
