package io.kubepeers.comparison;

import com.hazelcast.config.Config;
import com.hazelcast.config.DiscoveryStrategyConfig;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.typesafe.config.ConfigFactory;

import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.management.cluster.bootstrap.ClusterBootstrap;
import org.apache.pekko.management.javadsl.PekkoManagement;
import org.jgroups.JChannel;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.StreamSupport;

/** Starts members of the frameworks, with their own plug-ins or with kubepeers. */
final class Frameworks {
    private Frameworks() {}

    /** A member that has started. */
    interface Member {
        /** Returns the number of members of its cluster, or 0 if it has not joined one. */
        int size();
    }

    /** Starts members. */
    interface Framework {
        Member start(Place place) throws Exception;
    }

    /** Where a member runs, and whether it uses the framework's own plug-in. */
    record Place(String address, String namespace, String pod, Path credentials, boolean own) {}

    static Framework named(String name) {
        return switch (name) {
            case "pekko" -> Frameworks::pekko;
            case "jgroups" -> Frameworks::jgroups;
            case "hazelcast" -> Frameworks::hazelcast;
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static Member pekko(Place place) {
        String options =
                """
                pekko {
                  loglevel = WARNING
                  actor.provider = cluster
                  cluster.jmx.multi-mbeans-in-same-jvm = on
                  coordinated-shutdown.exit-jvm = off
                  remote.artery.canonical { hostname = "%1$s", port = 0 }
                  management.http { hostname = "%1$s", port = 3322 }
                  management.cluster.bootstrap.contact-point-discovery {
                    discovery-method = %2$s
                    port-name = gossip
                    required-contact-point-nr = 3
                  }
                  discovery.kubepeers {
                    namespace = "%3$s"
                    pod-name = "%4$s"
                    service-account-dir = "%5$s"
                  }
                  discovery.kubernetes-api {
                    pod-namespace = "%3$s"
                    api-ca-path = "%5$s/ca.crt"
                    api-token-path = "%5$s/token"
                    use-raw-ip = true
                  }
                }
                """
                        .formatted(
                                place.address(),
                                place.own() ? "kubernetes-api" : "kubepeers",
                                place.namespace(),
                                place.pod(),
                                place.credentials());
        ActorSystem system =
                ActorSystem.create(
                        "demo",
                        ConfigFactory.parseString(options).withFallback(ConfigFactory.load()));
        PekkoManagement.get(system).start();
        ClusterBootstrap.get(system).start();
        Cluster cluster = Cluster.get(system);
        return () ->
                (int)
                        StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
                                .filter(m -> m.status().toString().equals("Up"))
                                .count();
    }

    private static Member jgroups(Place place) throws Exception {
        String ping =
                place.own()
                        ? """
                        <org.jgroups.protocols.kubernetes.KUBE_PING namespace="%s"
                            labels="app=demo" port_range="0" masterHost="%s" masterPort="%s"
                            caCertFile="%s" saTokenFile="%s"/>\
                        """
                                .formatted(
                                        place.namespace(),
                                        System.getenv("KUBERNETES_SERVICE_HOST"),
                                        System.getenv("KUBERNETES_SERVICE_PORT"),
                                        place.credentials().resolve("ca.crt"),
                                        place.credentials().resolve("token"))
                        : """
                        <io.kubepeers.jgroups.KUBEPEERS_PING namespace="%s" pod_labels="app=demo"
                            discovery_port_name="gossip"
                            options="pod_name=%s; service_account_dir=%s"/>\
                        """
                                .formatted(place.namespace(), place.pod(), place.credentials());
        String stack =
                """
                <config xmlns="urn:org:jgroups">
                  <TCP bind_addr="%s" bind_port="3322" port_range="0"/>
                  %s
                  <MERGE3/>
                  <FD_ALL3/>
                  <VERIFY_SUSPECT2/>
                  <pbcast.NAKACK2/>
                  <UNICAST3/>
                  <pbcast.STABLE/>
                  <pbcast.GMS/>
                </config>
                """
                        .formatted(place.address(), ping);
        JChannel channel =
                new JChannel(new ByteArrayInputStream(stack.getBytes(StandardCharsets.UTF_8)));
        channel.connect("demo");
        return () -> channel.getView() == null ? 0 : channel.getView().size();
    }

    private static Member hazelcast(Place place) throws Exception {
        Config config = new Config();
        config.setProperty("hazelcast.local.localAddress", place.address());
        config.setProperty("hazelcast.socket.bind.any", "false");
        config.setProperty("hazelcast.phone.home.enabled", "false");
        config.getNetworkConfig().setPort(3322).setPortAutoIncrement(false);
        JoinConfig join = config.getNetworkConfig().getJoin();
        join.getAutoDetectionConfig().setEnabled(false);
        join.getMulticastConfig().setEnabled(false);
        if (place.own()) {
            String server =
                    "https://%s:%s"
                            .formatted(
                                    System.getenv("KUBERNETES_SERVICE_HOST"),
                                    System.getenv("KUBERNETES_SERVICE_PORT"));
            join.getKubernetesConfig()
                    .setEnabled(true)
                    .setProperty("namespace", place.namespace())
                    .setProperty("pod-label-name", "app")
                    .setProperty("pod-label-value", "demo")
                    .setProperty("service-port", "3322")
                    .setProperty("kubernetes-master", server)
                    .setProperty(
                            "api-token", Files.readString(place.credentials().resolve("token")))
                    .setProperty(
                            "ca-certificate",
                            Files.readString(place.credentials().resolve("ca.crt")));
        } else {
            config.setProperty("hazelcast.discovery.enabled", "true");
            join.getDiscoveryConfig()
                    .addDiscoveryStrategyConfig(
                            new DiscoveryStrategyConfig(
                                    "io.kubepeers.hazelcast.KubepeersDiscoveryStrategy",
                                    Map.of(
                                            "namespace",
                                            place.namespace(),
                                            "pod-labels",
                                            "app=demo",
                                            "discovery-port-name",
                                            "gossip",
                                            "pod-name",
                                            place.pod(),
                                            "service-account-dir",
                                            place.credentials().toString())));
        }
        HazelcastInstance instance = Hazelcast.newHazelcastInstance(config);
        return () ->
                instance.getLifecycleService().isRunning()
                        ? instance.getCluster().getMembers().size()
                        : 0;
    }
}
