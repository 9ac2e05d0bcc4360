import io.kubepeers.Provider;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** Prints the version of the library, and the peers of a pod. The argument is its mount. */
final class Discover {
    public static void main(String[] arguments) throws InterruptedException {
        // An emulator is slow.
        Duration timeout = Duration.ofSeconds(60);
        try (Provider provider =
                Provider.builder()
                        .serviceAccountDir(Path.of(arguments[0]))
                        .namespace("java")
                        .podLabels(Map.of("app", "java"))
                        .discoveryPortName("gossip")
                        .registerTimeout(timeout)
                        .discoverTimeout(timeout)
                        .build()) {
            provider.register();
            System.out.println(Provider.libraryVersion() + " " + provider.discoverPeers());
        }
    }
}
