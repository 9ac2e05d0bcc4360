package io.kubepeers.hazelcast;

import com.hazelcast.config.properties.PropertyDefinition;
import com.hazelcast.config.properties.PropertyTypeConverter;
import com.hazelcast.config.properties.SimplePropertyDefinition;
import com.hazelcast.logging.ILogger;
import com.hazelcast.spi.discovery.DiscoveryNode;
import com.hazelcast.spi.discovery.DiscoveryStrategy;
import com.hazelcast.spi.discovery.DiscoveryStrategyFactory;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Creates {@link KubepeersDiscoveryStrategy}. Hazelcast finds the factory on the class path. */
public final class KubepeersDiscoveryStrategyFactory implements DiscoveryStrategyFactory {
    /** The keys of docs/configuration.md that have an effect, with hyphens. */
    private static final List<PropertyDefinition> PROPERTIES =
            Stream.of(
                            "pod-labels",
                            "discovery-port-name",
                            "namespace",
                            "membership",
                            "pod-name",
                            "pod-uid",
                            "pod-ip",
                            "readiness",
                            "pending",
                            "ip-family",
                            "default-discovery-port",
                            "max-stale-ms",
                            "watch",
                            "poll-interval-ms",
                            "register-timeout-ms",
                            "request-timeout-ms",
                            "service-account-dir",
                            "kubeconfig",
                            "context",
                            "log")
                    .map(KubepeersDiscoveryStrategyFactory::optional)
                    .toList();

    /** Creates the factory. Hazelcast calls it. */
    public KubepeersDiscoveryStrategyFactory() {}

    // kubepeers itself reports missing options, with a better message.
    private static PropertyDefinition optional(String name) {
        return new SimplePropertyDefinition(name, true, PropertyTypeConverter.STRING);
    }

    /**
     * Returns the class of the strategy.
     *
     * @return the class
     */
    @Override
    public Class<? extends DiscoveryStrategy> getDiscoveryStrategyType() {
        return KubepeersDiscoveryStrategy.class;
    }

    /**
     * Creates a strategy and validates its properties.
     *
     * @param discoveryNode this member, or null for a client
     * @param logger the logger of the strategy
     * @param properties the properties
     * @return a strategy
     * @throws io.kubepeers.KubepeersException if a property is missing or invalid
     */
    @Override
    @SuppressWarnings("rawtypes") // Hazelcast's own type.
    public DiscoveryStrategy newDiscoveryStrategy(
            DiscoveryNode discoveryNode, ILogger logger, Map<String, Comparable> properties) {
        return new KubepeersDiscoveryStrategy(logger, properties);
    }

    /**
     * Returns the names of the properties.
     *
     * @return the definitions, all of which are texts
     */
    @Override
    public Collection<PropertyDefinition> getConfigurationProperties() {
        return PROPERTIES;
    }
}
