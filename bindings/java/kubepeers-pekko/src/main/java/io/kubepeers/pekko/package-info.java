/** Finds the nodes of a Pekko cluster in Kubernetes. */
package io.kubepeers.pekko;
