package io.kubepeers.internal;

import io.kubepeers.KubepeersException;
import io.kubepeers.Status;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Collects options as keys and values of the library, and the problems with them. */
public final class Options {
    private static final Duration DAY = Duration.ofDays(1);

    private final Map<String, String> pairs = new LinkedHashMap<>();

    /** Problems by key, so that a correct value replaces an earlier problem. */
    private final Map<String, String> problems = new LinkedHashMap<>();

    private Words words = Words.METHODS;

    /** Returns an independent copy. */
    public Options copy() {
        Options copy = new Options();
        copy.pairs.putAll(pairs);
        copy.problems.putAll(problems);
        copy.words = words;
        return copy;
    }

    /** Sets a key to a text, and names keys in messages from now on. */
    public void setKey(String key, String value) {
        words = Words.KEYS;
        put(key, value);
    }

    /** Sets a key to a text. */
    public void put(String key, String value) {
        Objects.requireNonNull(value, key);
        problems.remove(key);
        if (key.indexOf('\0') >= 0 || value.indexOf('\0') >= 0) {
            // In C, a NUL ends the text.
            problem(key, "must not contain a NUL character");
            return;
        }
        pairs.put(key, value);
    }

    public void putLabels(Map<String, String> labels) {
        problems.remove("pod_labels");
        List<String> texts = new ArrayList<>();
        for (Map.Entry<String, String> label : new TreeMap<>(labels).entrySet()) {
            String value = Objects.requireNonNull(label.getValue(), label.getKey());
            String text = label.getKey() + "=" + value;
            // The library's syntax has no escapes: a separator would start another label.
            if (text.indexOf(',') >= 0 || text.indexOf('=') != text.lastIndexOf('=')) {
                problem(
                        "pod_labels",
                        "label \"%s\": \"%s\" must not contain a comma or an equals sign"
                                .formatted(label.getKey(), value));
            }
            texts.add(text);
        }
        if (!problems.containsKey("pod_labels")) {
            put("pod_labels", String.join(",", texts));
        }
    }

    /** Sets a key in milliseconds. */
    public void putDuration(String key, Duration value, Duration min) {
        problems.remove(key);
        if (value.compareTo(min) < 0 || value.compareTo(DAY) > 0) {
            problem(key, value + " must be between " + min + " and " + DAY);
        } else {
            put(key, Long.toString(milliseconds(value)));
        }
    }

    private void problem(String key, String problem) {
        problems.put(key, "`" + key + "`: " + problem);
    }

    /** Returns all keys and values. */
    public Map<String, String> pairs() {
        return pairs;
    }

    /** Returns the names of options in messages. */
    public Words words() {
        return words;
    }

    /** Fails if there are problems. The message names all of them. */
    public void check() {
        if (!problems.isEmpty()) {
            throw new KubepeersException(
                    Status.INVALID_CONFIG, words.in(String.join("; ", problems.values())));
        }
    }

    /** Rounds up, so that a short time does not become 0. The result is at most 24.8 days. */
    public static long milliseconds(Duration duration) {
        long nanos = TimeUnit.NANOSECONDS.convert(duration);
        long rest = nanos % 1_000_000 > 0 ? 1 : 0;
        return Math.min(nanos / 1_000_000 + rest, Integer.MAX_VALUE);
    }

    /** Returns a time in nanoseconds. More than 292 years become 292 years. */
    public static long nanoseconds(String name, Duration duration) {
        if (duration.isNegative()) {
            throw new IllegalArgumentException(name + " is " + duration + ": must not be negative");
        }
        return TimeUnit.NANOSECONDS.convert(duration);
    }
}
