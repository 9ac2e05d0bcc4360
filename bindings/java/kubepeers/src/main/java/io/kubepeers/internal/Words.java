package io.kubepeers.internal;

import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The names that messages use for options. */
public enum Words {
    /** The keys of the library. */
    KEYS {
        @Override
        public String in(String message) {
            return message;
        }
    },

    /** The methods of the builder. */
    METHODS {
        @Override
        public String in(String message) {
            return QUOTED_KEY.matcher(replaced(message)).replaceAll(Words::method);
        }
    };

    /** Keys in milliseconds. Their methods take a Duration, and have no unit in their names. */
    private static final Set<String> DURATIONS =
            Set.of(
                    "max_stale_ms",
                    "poll_interval_ms",
                    "register_timeout_ms",
                    "discover_timeout_ms",
                    "request_timeout_ms");

    private static final Set<String> OTHERS =
            Set.of(
                    "pod_labels",
                    "discovery_port_name",
                    "remoting_port_name",
                    "peers_port_name",
                    "default_discovery_port",
                    "default_remoting_port",
                    "default_peers_port",
                    "pod_uid",
                    "pod_name",
                    "pod_ip",
                    "ip_family",
                    "service_account_dir");

    private static final Map<String, String> SENTENCES =
            Map.of(
                    "call init to create a new one", "create a new one",
                    "call init in this one", "create one in this process",
                    "the registration of `request` has ended", "deregister was called meanwhile");

    private static final Pattern QUOTED_KEY = Pattern.compile("`([a-z]+(?:_[a-z]+)+)`");
    private static final Pattern NEXT_WORD = Pattern.compile("_([a-z])");

    /** Returns a message of the library with these names. */
    public abstract String in(String message);

    private static String replaced(String message) {
        String result = message;
        for (Map.Entry<String, String> sentence : SENTENCES.entrySet()) {
            result = result.replace(sentence.getKey(), sentence.getValue());
        }
        return result;
    }

    private static String method(MatchResult match) {
        String key = match.group(1);
        if (!DURATIONS.contains(key) && !OTHERS.contains(key)) {
            return Matcher.quoteReplacement(match.group());
        }
        String name =
                DURATIONS.contains(key) ? key.substring(0, key.length() - "_ms".length()) : key;
        return "`"
                + NEXT_WORD.matcher(name).replaceAll(next -> next.group(1).toUpperCase(Locale.ROOT))
                + "`";
    }
}
