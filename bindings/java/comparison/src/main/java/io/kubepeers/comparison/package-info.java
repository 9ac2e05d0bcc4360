/** Compares kubepeers with the frameworks' own plug-ins for Kubernetes. */
package io.kubepeers.comparison;
