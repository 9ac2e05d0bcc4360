package io.kubepeers.jgroups;

import io.kubepeers.KubepeersException;
import io.kubepeers.Node;
import io.kubepeers.Provider;
import io.kubepeers.Status;

import org.jgroups.Address;
import org.jgroups.BytesMessage;
import org.jgroups.Event;
import org.jgroups.Message;
import org.jgroups.PhysicalAddress;
import org.jgroups.annotations.MBean;
import org.jgroups.annotations.Property;
import org.jgroups.conf.ClassConfigurator;
import org.jgroups.protocols.Discovery;
import org.jgroups.protocols.PingData;
import org.jgroups.protocols.PingHeader;
import org.jgroups.stack.IpAddress;
import org.jgroups.util.NameCache;
import org.jgroups.util.Responses;

import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;

/**
 * A discovery protocol that finds the members of the cluster with kubepeers.
 *
 * <p>A member without responses starts a cluster of its own. The protocol therefore waits in {@code
 * JChannel.connect} until the peers are known. Later discoveries read them from memory. An outage
 * of the API server does not change them.
 */
@MBean(description = "Finds the members of the cluster in Kubernetes")
public class KUBEPEERS_PING extends Discovery {
    /** JGroups' own protocols have smaller numbers, and KUBE_PING has 2017. */
    private static final short PROTOCOL_ID = 2960;

    private static final Duration WARNING_INTERVAL = Duration.ofSeconds(10);

    static {
        ClassConfigurator.addProtocol(PROTOCOL_ID, KUBEPEERS_PING.class);
    }

    @Property(description = "Labels that every member has: key=value,key2=value2")
    private String pod_labels;

    @Property(description = "Name of the container port whose number is bind_port")
    private String discovery_port_name = "jgroups";

    @Property(description = "Namespace of the pods; the default is the namespace of this pod")
    private String namespace;

    @Property(description = "Other keys of kubepeers: key=value;key2=value2")
    private String options;

    private Provider.Builder builder;
    private Provider provider;

    /** The peers of the initial discovery, which may have several threads. Null before it. */
    private volatile List<PhysicalAddress> initialPeers;

    /** Creates the protocol. JGroups calls it. */
    public KUBEPEERS_PING() {}

    @Override
    public boolean isDynamic() {
        return true; // Pods come and go.
    }

    /**
     * Validates the options.
     *
     * @throws KubepeersException if an option is missing, unknown or invalid
     */
    @Override
    public void init() throws Exception {
        super.init();
        builder = Provider.builder();
        set("pod_labels", pod_labels);
        set("discovery_port_name", discovery_port_name);
        set("namespace", namespace);
        for (String option : options == null ? new String[0] : options.split(";")) {
            String[] pair = option.split("=", 2);
            // An option whose variable is not set is blank.
            if (!option.isBlank()) {
                set(pair[0].strip(), pair.length == 2 ? pair[1].strip() : "");
            }
        }
        builder.build().close();
    }

    private void set(String key, String value) {
        if (value != null) {
            builder.option(key, value);
        }
    }

    @Override
    public void start() throws Exception {
        super.start();
        provider = builder.build();
    }

    /**
     * Waits until the peers are known. Meanwhile this member already answers the discovery requests
     * of other members. The protocol does not wait in {@link #start()}, because an error there
     * would leave the port open.
     *
     * @throws KubepeersException if an operator must act, for example because of a missing Role.
     *     {@code JChannel.connect} then fails.
     */
    @Override
    public void handleConnect() {
        try {
            provider.register();
            awaitPeers();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for the peers", e);
        }
    }

    private void awaitPeers() throws InterruptedException {
        boolean failed = false;
        while (true) {
            try {
                if (failed) {
                    // The watcher's own requests are up to a minute apart in an outage.
                    provider.refresh(WARNING_INTERVAL);
                }
                provider.snapshot(WARNING_INTERVAL);
                return;
            } catch (KubepeersException e) {
                if (!e.isRetryable()) {
                    throw e;
                }
                log.warn("%s: still waiting for the peers: %s", local_addr, e.getMessage());
                failed = true;
                if (e.status() == Status.NO_RESOURCES) {
                    Thread.sleep(WARNING_INTERVAL.toMillis()); // The call could not wait.
                }
            }
        }
    }

    @Override
    public void stop() {
        if (provider != null) {
            provider.close();
        }
        super.stop();
    }

    @Override
    public Responses findMembers(
            List<Address> members, boolean initialDiscovery, boolean async, long timeout) {
        if (initialDiscovery) {
            // An exception in another thread would look like a cluster without members.
            initialPeers = peers();
        }
        return super.findMembers(members, initialDiscovery, async, timeout);
    }

    @Override
    public void findMembers(List<Address> members, boolean initialDiscovery, Responses responses) {
        PhysicalAddress self =
                (PhysicalAddress) down_prot.down(new Event(Event.GET_PHYSICAL_ADDRESS, local_addr));
        PingData sender = new PingData(local_addr, false, NameCache.get(local_addr), self);
        if (members != null && members.size() <= max_members_in_discovery_request) {
            sender.mbrs(members);
        }
        PingHeader header =
                new PingHeader(PingHeader.GET_MBRS_REQ)
                        .clusterName(cluster_name)
                        .initialDiscovery(initialDiscovery);
        List<PhysicalAddress> initial = initialDiscovery ? initialPeers : null;
        for (PhysicalAddress peer : initial == null ? peers() : initial) {
            // JGroups requires that discovery requests are not bundled.
            Message request =
                    new BytesMessage(peer)
                            .setFlag(Message.Flag.DONT_BUNDLE, Message.Flag.OOB)
                            .putHeader(id, header)
                            .setArray(marshal(sender));
            // A pod on a lost Kubernetes node must not delay the others.
            timer.execute(() -> send(request), sends_can_block);
        }
    }

    private List<PhysicalAddress> peers() {
        try {
            return provider.nodes(Duration.ZERO).stream().map(KUBEPEERS_PING::address).toList();
        } catch (InterruptedException e) {
            throw new AssertionError("a call with a timeout of 0 does not wait", e);
        }
    }

    private static PhysicalAddress address(Node peer) {
        try {
            return new IpAddress(peer.host(), peer.discoveryPort());
        } catch (UnknownHostException e) {
            throw new AssertionError("an IP address needs no lookup", e);
        }
    }

    private void send(Message request) {
        try {
            down_prot.down(request);
        } catch (RuntimeException e) {
            log.debug("%s: no discovery request to %s: %s", local_addr, request.dest(), e);
        }
    }
}
