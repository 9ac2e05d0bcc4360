package kubepeers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/raw"
)

// doctorTimeout is how long an examination may take, as in the library.
const doctorTimeout = 8 * time.Second

// Report is the result of [Doctor].
type Report struct {
	// Outcome is the most serious state of a step. It is never StepNotReached.
	Outcome StepState `json:"outcome"`
	// Summary is the answer as a sentence, for example "OK: 2 peers, and this pod is
	// web-0". It begins with OK, WARNING or WRONG.
	Summary string `json:"summary"`
	// Steps are all steps of discovery, from the configuration to the answer, in the
	// order in which each needs those before it. Newer libraries may add steps.
	Steps []Step `json:"steps"`
	// Manifest is the YAML that fixes what is wrong when a cluster admin applies it as
	// it is with kubectl apply -f -. It is "" if there is none.
	Manifest string `json:"manifest"`

	text string
}

// Step is one step of an examination. kubepeers_doctor in kubepeers.h lists them.
type Step struct {
	// Name is the name of the step, for example "login" or "this pod".
	Name  string    `json:"name"`
	State StepState `json:"state"`
	// Facts are sentences that say what was observed, the most important one first.
	// They are empty if the step was not reached.
	Facts []string `json:"facts"`
	// Fix says what to do, in paragraphs of one line each. A line that begins with four
	// blanks is to be copied. It is "" if there is nothing to fix.
	Fix string `json:"fix"`
	// Manifest is YAML that fixes the step. It is "" if there is none.
	Manifest string `json:"manifest"`
}

// StepState says what an examination has found. A newer library may return a state
// that is not listed here.
type StepState string

const (
	// StepOK means that the step succeeds.
	StepOK StepState = "ok"
	// StepWarning means that the step succeeds, but probably not as intended.
	StepWarning StepState = "warning"
	// StepWrong means that the step fails.
	StepWrong StepState = "wrong"
	// StepNotReached means that an earlier step has to be fixed first.
	StepNotReached StepState = "not-reached"
)

// String returns the report as text for humans, in at most 80 columns except for
// commands to copy. The first and the last line are the answer. The layout may
// change.
func (r *Report) String() string { return r.text }

// Doctor examines every step of discovery with this configuration, from the
// credentials to the answer of [Provider.DiscoverPeers], and says what is wrong and
// how to fix it. It needs no provider and affects none. A service can return the
// report from a debug endpoint, with the identity that it really has.
//
// Doctor returns once every step is known, after at most 8 s. If ctx has a deadline,
// it uses nine tenths of the time until then, so that it can report what it has
// found. Doctor returns at once if ctx ends. The examination then ends on its own, and
// blocks an OS thread until it does.
//
// What is wrong is in the report, also if required fields of the configuration are
// missing. Config.Logger is not used. The report contains no secrets.
//
// Errors:
//   - [ErrInvalidConfig]: fields are invalid
//   - [ErrForked]: this process has closed the library's descriptors
//   - [ErrIncompatibleLibrary]: the loaded library does not fit this package
//   - the error of ctx
func Doctor(ctx context.Context, config Config) (*Report, error) {
	settings, err := config.settingsOf(config.invalid())
	if err != nil {
		return nil, err
	}
	timeout := doctorTimeout
	if ctx != nil {
		if deadline, ok := ctx.Deadline(); ok {
			timeout = max(0, min(timeout, time.Until(deadline)*9/10))
		}
	}
	return doctor(ctx, settings.pairs, timeout, (&session{}).error)
}

// The conformance probe needs keys and values that a Config cannot hold.
func init() {
	raw.Doctor = func(
		ctx context.Context, pairs []capi.Pair, timeout time.Duration,
	) (any, error) {
		return doctor(ctx, pairs, timeout, (&session{raw: true}).error)
	}
}

func doctor(
	ctx context.Context,
	pairs []capi.Pair,
	timeout time.Duration,
	toError func(*capi.Failure) error,
) (*Report, error) {
	if err := contextEnded(ctx); err != nil {
		return nil, err
	}
	if err := checkVersion(capi.LibraryVersion(), capi.HeaderVersion); err != nil {
		return nil, err
	}
	type outcome struct {
		text    string
		failure *capi.Failure
	}
	done := make(chan outcome, 1)
	go func() {
		text, failure := capi.Doctor(pairs, clampedMilliseconds(timeout))
		done <- outcome{text, failure}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case outcome := <-done:
		if outcome.failure != nil {
			return nil, toError(outcome.failure)
		}
		return parseReport(outcome.text)
	}
}

func parseReport(text string) (*Report, error) {
	var report struct {
		Report
		Text string `json:"text"`
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return nil, &Error{
			Status:  ErrInternal,
			Message: fmt.Sprintf("cannot parse the library's report: %v", err),
		}
	}
	report.Report.text = report.Text
	return &report.Report, nil
}
