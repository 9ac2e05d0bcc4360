package io.kubepeers.hazelcast;

import com.hazelcast.cluster.Address;
import com.hazelcast.core.HazelcastException;
import com.hazelcast.logging.ILogger;
import com.hazelcast.spi.discovery.AbstractDiscoveryStrategy;
import com.hazelcast.spi.discovery.DiscoveryNode;
import com.hazelcast.spi.discovery.SimpleDiscoveryNode;

import io.kubepeers.KubepeersException;
import io.kubepeers.Node;
import io.kubepeers.Provider;
import io.kubepeers.Status;

import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Finds the members of the cluster with kubepeers.
 *
 * <p>Hazelcast starts a cluster of its own if a strategy finds no member, and gives up if it keeps
 * failing. The strategy therefore waits until the peers are known. After that, it returns them from
 * memory. An outage of the API server does not change them.
 */
public final class KubepeersDiscoveryStrategy extends AbstractDiscoveryStrategy {
    private static final Duration WARNING_INTERVAL = Duration.ofSeconds(10);

    private final Provider provider;

    @SuppressWarnings("rawtypes") // Hazelcast's own type.
    KubepeersDiscoveryStrategy(ILogger logger, Map<String, Comparable> properties) {
        super(logger, properties);
        Provider.Builder builder = Provider.builder();
        properties.forEach(
                (name, value) -> builder.option(name.replace('-', '_'), value.toString()));
        provider = builder.build();
    }

    /**
     * Starts the watcher, and waits for at most {@code register-timeout-ms} (5 s) until the pods
     * have been listed.
     *
     * @throws KubepeersException if an operator must act, for example because of a missing Role.
     *     The member then does not start.
     */
    @Override
    public void start() {
        try {
            provider.register();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /**
     * Returns the peers, without this member. Waits until they are known.
     *
     * @return the peers; an empty list means that this member is the only one
     * @throws KubepeersException if an operator must act
     */
    @Override
    public Iterable<DiscoveryNode> discoverNodes() {
        try {
            return peers().stream().map(KubepeersDiscoveryStrategy::discovered).toList();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private List<Node> peers() throws InterruptedException {
        boolean failed = false;
        while (true) {
            try {
                if (failed) {
                    // The watcher's own requests are up to a minute apart in an outage.
                    provider.refresh(WARNING_INTERVAL);
                }
                return provider.nodes(WARNING_INTERVAL);
            } catch (KubepeersException e) {
                if (!e.isRetryable()) {
                    throw e;
                }
                getLogger().warning("Still waiting for the peers: " + e.getMessage());
                failed = true;
                if (e.status() == Status.NO_RESOURCES) {
                    Thread.sleep(WARNING_INTERVAL.toMillis()); // The call could not wait.
                }
            }
        }
    }

    private static DiscoveryNode discovered(Node peer) {
        try {
            return new SimpleDiscoveryNode(new Address(peer.host(), peer.discoveryPort()));
        } catch (UnknownHostException e) {
            throw new AssertionError("an IP address needs no lookup", e);
        }
    }

    private static HazelcastException interrupted(InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new HazelcastException("interrupted while waiting for the peers", cause);
    }

    /** Closes the provider. */
    @Override
    public void destroy() {
        provider.close();
    }
}
