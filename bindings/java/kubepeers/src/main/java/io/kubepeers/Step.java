package io.kubepeers;

import java.util.List;
import java.util.Optional;

/**
 * One step of an examination.
 *
 * <p>Newer libraries may add steps. The steps are:
 *
 * <ul>
 *   <li>"configuration": the required options are set, and fit each other
 *   <li>"credentials": the token and CA, or the kubeconfig, can be read
 *   <li>"API server": its name resolves, and it accepts connections and answers
 *   <li>"TLS": its certificate is trusted
 *   <li>"login": it accepts the credentials
 *   <li>"list", "watch": it allows this service account to list and to watch the pods
 *   <li>"labels": pods have the labels of the option {@code podLabels}
 *   <li>"ports": these pods have the named ports
 *   <li>"this pod": this pod is identified, and is one of the pods
 *   <li>"answer": what {@link Provider#discoverPeers()} returns now
 * </ul>
 *
 * @param name the name of the step
 * @param state "ok", "warning" (it succeeds, but probably not as intended), "wrong", or
 *     "not-reached" (an earlier step has to be fixed first)
 * @param facts sentences that say what was observed, the most important one first. Empty if the
 *     step was not reached.
 * @param fix what to do, in paragraphs of one line each. Lines that begin with four spaces are
 *     commands to copy. "" if there is nothing to fix.
 * @param manifest the YAML that fixes the step
 */
public record Step(
        String name, String state, List<String> facts, String fix, Optional<String> manifest) {
    /**
     * Creates a record, and copies the list.
     *
     * @param name the name of the step
     * @param state the state of the step
     * @param facts what was observed
     * @param fix what to do
     * @param manifest the YAML that fixes the step
     */
    public Step {
        facts = List.copyOf(facts);
    }
}
