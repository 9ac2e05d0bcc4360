package io.kubepeers.pekko;

import com.typesafe.config.Config;

import io.kubepeers.Health;
import io.kubepeers.KubepeersException;
import io.kubepeers.Node;
import io.kubepeers.Provider;
import io.kubepeers.Status;

import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.discovery.Lookup;
import org.apache.pekko.discovery.ServiceDiscovery;
import org.apache.pekko.dispatch.Dispatchers;
import org.apache.pekko.dispatch.Futures;
import org.apache.pekko.japi.Util;

import scala.Option;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;
import scala.concurrent.duration.FiniteDuration;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The discovery method {@code kubepeers}, for Cluster Bootstrap. Its configuration is the section
 * {@code pekko.discovery.kubepeers}.
 *
 * <p>A lookup returns the peers and this pod, because Cluster Bootstrap only starts a new cluster
 * if it finds its own contact point. Without a result, the future fails with a {@link
 * KubepeersException}. It never returns an empty list.
 *
 * <p>The first lookup of a service and port starts a watcher, which runs until the actor system
 * terminates. Later lookups return from memory.
 */
public final class KubepeersServiceDiscovery extends ServiceDiscovery {
    private final Config config;
    private final ExecutionContext blocking;

    /** Registered providers by lookup. Guarded by this. */
    private final Map<Lookup, Provider> providers = new HashMap<>();

    /** Whether the actor system has terminated. Guarded by this. */
    private boolean closed;

    /**
     * Validates the configuration. Pekko calls it.
     *
     * @param system the actor system
     * @throws KubepeersException if a key is unknown or has an invalid value
     */
    public KubepeersServiceDiscovery(ExtendedActorSystem system) {
        config =
                system.settings()
                        .config()
                        .getConfig("pekko.discovery.kubepeers")
                        .withoutPath("class");
        blocking = system.dispatchers().lookup(Dispatchers.DefaultBlockingDispatcherId());
        // An invalid key must fail the start, not every lookup.
        create(Lookup.create("any")).close();
        system.registerOnTermination(this::close);
    }

    /**
     * Finds the pods of a service.
     *
     * @param lookup the name of the service and the port
     * @param resolveTimeout how long to wait for a list, and then for this pod to be in it
     * @return the peers and this pod. The future fails with a {@link KubepeersException} if there
     *     is no result, for example with {@link Status#NOT_SYNCED} while the API server is
     *     unreachable or the Role is missing.
     */
    @Override
    public Future<Resolved> lookup(Lookup lookup, FiniteDuration resolveTimeout) {
        Duration timeout = Duration.ofNanos(resolveTimeout.toNanos());
        return Futures.future(() -> resolve(lookup, timeout), blocking);
    }

    private Resolved resolve(Lookup lookup, Duration timeout)
            throws InterruptedException, UnknownHostException {
        Provider provider = registered(lookup);
        Health health = provider.health();
        boolean isOutage =
                !health.synced()
                        && health.error().filter(e -> e.status() == Status.UNAVAILABLE).isPresent();
        if (isOutage) {
            // The watcher's own requests are up to a minute apart, as they should be after a
            // refusal.
            provider.refresh(timeout);
        }
        List<ResolvedTarget> targets = new ArrayList<>();
        targets.add(target(provider.self(timeout)));
        // There is a result now, so this call does not wait.
        for (Node peer : provider.nodes(Duration.ZERO)) {
            targets.add(target(peer));
        }
        return new Resolved(lookup.serviceName(), Util.immutableSeq(targets));
    }

    private static ResolvedTarget target(Node node) throws UnknownHostException {
        return new ResolvedTarget(
                node.host(),
                Option.<Object>apply(node.discoveryPort()),
                Option.apply(InetAddress.getByName(node.host())));
    }

    private synchronized Provider registered(Lookup lookup) throws InterruptedException {
        if (closed) {
            throw new KubepeersException(Status.CLOSED, "the actor system has terminated");
        }
        Provider provider = providers.get(lookup);
        if (provider == null) {
            provider = create(lookup);
            try {
                // The lookups wait, each for its own timeout.
                provider.register(Duration.ZERO);
                providers.put(lookup, provider);
            } finally {
                if (!providers.containsKey(lookup)) {
                    provider.close();
                }
            }
        }
        return provider;
    }

    private Provider create(Lookup lookup) {
        Provider.Builder builder = Provider.builder();
        // An entry set excludes null, which removes an option in HOCON.
        config.entrySet()
                .forEach(
                        option ->
                                builder.option(
                                        option.getKey().replace('-', '_'),
                                        option.getValue().unwrapped().toString()));
        builder.option(
                "pod_labels", config.getString("pod-labels").replace("%s", lookup.serviceName()));
        lookup.getPortName().ifPresent(builder::discoveryPortName);
        return builder.build();
    }

    private synchronized void close() {
        closed = true;
        providers.values().forEach(Provider::close);
    }
}
