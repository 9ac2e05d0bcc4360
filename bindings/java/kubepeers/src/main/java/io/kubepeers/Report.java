package io.kubepeers;

import java.util.List;
import java.util.Optional;

/**
 * The result of {@link Provider.Builder#doctor()}. {@link #toString()} returns the text for humans.
 *
 * @param outcome the most serious state of a step: "ok", "warning" or "wrong". Newer libraries may
 *     add values.
 * @param summary the answer as a sentence, for example "OK: 2 peers, and this pod is web-0". It
 *     begins with "OK", "WARNING" or "WRONG".
 * @param steps all steps. Each needs those before it.
 * @param manifest the YAML that fixes what is wrong when a cluster admin applies it as it is with
 *     {@code kubectl apply -f -}
 * @param text the report as text of 80 columns, whose layout may change. Only commands to copy are
 *     longer. The first and the last line are the answer.
 */
public record Report(
        String outcome, String summary, List<Step> steps, Optional<String> manifest, String text) {
    /**
     * Creates a record, and copies the list.
     *
     * @param outcome the most serious state of a step
     * @param summary the answer as a sentence
     * @param steps all steps
     * @param manifest the YAML that fixes what is wrong
     * @param text the report as text
     */
    public Report {
        steps = List.copyOf(steps);
    }

    /**
     * Returns the text for humans.
     *
     * @return the text
     */
    @Override
    public String toString() {
        return text;
    }
}
