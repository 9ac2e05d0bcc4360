/** Finds the members of a JGroups or Infinispan cluster in Kubernetes. */
package io.kubepeers.jgroups;
