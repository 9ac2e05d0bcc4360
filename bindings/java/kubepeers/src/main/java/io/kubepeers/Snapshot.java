package io.kubepeers;

import java.util.List;

/**
 * The peers at one moment. An empty snapshot always means that no other pod is a peer. A snapshot
 * remains valid after {@link Provider#close()}.
 *
 * @param generation the number of the snapshot. Within one provider it starts at 1. It grows
 *     whenever a peer is added or removed, when the record of a peer or of this pod changes, and
 *     with every {@link Provider#register()}. The first snapshot that a caller receives may have a
 *     greater number. A new generation may have the same addresses.
 * @param addresses the addresses of the peers, each as "ip:port" or "[ip]:port". They are sorted by
 *     family, address and port (as numbers, not as text), without duplicates. The same peers are in
 *     the same order in every process. The list is unmodifiable.
 */
public record Snapshot(long generation, List<String> addresses) {
    /**
     * Creates a snapshot.
     *
     * @param generation the number of the snapshot
     * @param addresses the addresses, which are copied
     */
    public Snapshot {
        addresses = List.copyOf(addresses);
    }
}
