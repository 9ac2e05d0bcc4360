package kubepeers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// step returns the step of this name.
func step(t *testing.T, report *kubepeers.Report, name string) kubepeers.Step {
	t.Helper()
	index := slices.IndexFunc(report.Steps, func(s kubepeers.Step) bool { return s.Name == name })
	if index < 0 {
		t.Fatalf("got steps %v; want one of the name %q", report.Steps, name)
	}
	return report.Steps[index]
}

func TestDoctorReportsThatAllIsWell(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	config := c.config("self")
	config.PeersPortName = ""

	report := must[*kubepeers.Report](t)(kubepeers.Doctor(t.Context(), config))
	const summary = "OK: 1 peer, and this pod is self"
	if report.Outcome != kubepeers.StepOK || report.Summary != summary || report.Manifest != "" {
		t.Errorf("got %+v; want the outcome ok and the summary %q", report, summary)
	}
	text := report.String()
	if !strings.HasPrefix(text, summary+"\n") || !strings.HasSuffix(text, "\n"+summary+"\n") {
		t.Errorf("got text %q; want %q as the first and the last line", text, summary)
	}
	if len(report.Steps) != 11 {
		t.Errorf("got %d steps; want 11", len(report.Steps))
	}
	for _, s := range report.Steps {
		if s.State != kubepeers.StepOK || len(s.Facts) == 0 || s.Fix != "" || s.Manifest != "" {
			t.Errorf("got step %+v; want ok with facts and without a fix", s)
		}
	}
}

func TestDoctorHasManifestOfMissingRole(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.setVerbs("")
	report := must[*kubepeers.Report](t)(kubepeers.Doctor(t.Context(), c.config("self")))
	list := step(t, report, "list")
	if report.Outcome != kubepeers.StepWrong || list.State != kubepeers.StepWrong {
		t.Errorf("got %+v; want a wrong step list", report)
	}
	if !strings.Contains(report.Manifest, "kind: Role") || list.Manifest != report.Manifest {
		t.Errorf("got manifest %q; want the Role", report.Manifest)
	}
	if watch := step(t, report, "watch"); watch.State != kubepeers.StepNotReached {
		t.Errorf("got %+v; want a step that is not reached", watch)
	}
}

func TestDoctorReportsMissingFieldsAsAStep(t *testing.T) {
	report := must[*kubepeers.Report](t)(kubepeers.Doctor(t.Context(), kubepeers.Config{}))
	if configuration := step(t, report, "configuration"); configuration.State != kubepeers.StepWrong {
		t.Errorf("got %+v; want a wrong step", configuration)
	}
}

func TestDoctorRefusesInvalidFields(t *testing.T) {
	config := validConfig()
	config.MaxStale = time.Millisecond
	requireStatus(t, errorOf(kubepeers.Doctor(t.Context(), config)), kubepeers.ErrInvalidConfig)
	config = validConfig()
	config.Namespace = "No Such"
	requireStatus(t, errorOf(kubepeers.Doctor(t.Context(), config)), kubepeers.ErrInvalidConfig)
	//lint:ignore SA1012 This is what the test is about.
	err := errorOf(kubepeers.Doctor(nil, validConfig()))
	requireStatus(t, err, kubepeers.ErrInvalidArgument)
}

func TestDoctorReportsBeforeDeadline(t *testing.T) {
	config := unreachableConfig(t)
	var report *kubepeers.Report
	requireNoError(t, callWithDeadline(func(ctx context.Context) (err error) {
		report, err = kubepeers.Doctor(ctx, config)
		return err
	}))
	if server := step(t, report, "API server"); server.State != kubepeers.StepWrong {
		t.Errorf("got %+v; want a wrong step", server)
	}
}

func TestDoctorEndsWithItsContext(t *testing.T) {
	config := unreachableConfig(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	started := time.Now()
	err := errorOf(kubepeers.Doctor(ctx, config))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v; want that of the context", err)
	}
	if took := time.Since(started); took > 7*time.Second {
		t.Errorf("it took %v; want no wait for the examination", took)
	}
	if err := errorOf(kubepeers.Doctor(ctx, config)); err != context.Canceled {
		t.Errorf("got error %v; want that of the context", err)
	}
}
