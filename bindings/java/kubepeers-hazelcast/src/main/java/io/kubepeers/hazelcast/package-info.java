/** Finds the members of a Hazelcast cluster in Kubernetes. */
package io.kubepeers.hazelcast;
