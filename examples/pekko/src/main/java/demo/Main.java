package demo;

import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.management.cluster.bootstrap.ClusterBootstrap;
import org.apache.pekko.management.javadsl.PekkoManagement;

/** A node of a Pekko cluster. Its configuration is in application.conf. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        ActorSystem system = ActorSystem.create("demo");
        PekkoManagement.get(system).start();
        ClusterBootstrap.get(system).start();
    }
}
