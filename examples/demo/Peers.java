import io.kubepeers.KubepeersException;
import io.kubepeers.Provider;
import io.kubepeers.Snapshot;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Prints the addresses of this pod's peers, or the reason why there is no result, now and after
 * each change. SIGTERM or the end of stdin ends the program. demo.py compares its lines with those
 * of the programs in other languages.
 */
final class Peers {
    public static void main(String[] args) throws IOException, InterruptedException {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        Provider.Builder builder =
                Provider.builder()
                        .namespace(options.getOrDefault("--namespace", "default"))
                        .podLabels(labels(options.getOrDefault("--selector", "app=demo")))
                        .discoveryPortName(options.getOrDefault("--port", "gossip"));
        if (options.containsKey("--service-account-dir")) {
            builder.serviceAccountDir(Path.of(options.get("--service-account-dir")));
        }
        try (Provider provider = builder.build()) {
            provider.register();
            provider.subscribe(Peers::print, Peers::print);
            System.in.transferTo(System.err);
        }
    }

    private static Map<String, String> labels(String selector) {
        return Arrays.stream(selector.split(","))
                .map(label -> label.split("=", 2))
                .collect(Collectors.toMap(label -> label[0], label -> label[1]));
    }

    // A new generation may have the same addresses. One thread at a time calls these functions.
    private static String last = "";

    private static void print(Snapshot peers) {
        boolean alone = peers.addresses().isEmpty();
        print("peers: " + (alone ? "none, alone" : String.join(" ", peers.addresses())));
    }

    private static void print(KubepeersException error) {
        print((error.isRetryable() ? "waiting: " : "error: ") + error.status());
    }

    private static void print(String line) {
        if (!line.equals(last)) {
            System.out.println(line);
            last = line;
        }
    }
}
