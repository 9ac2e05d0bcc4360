package io.kubepeers;

/**
 * A named container port.
 *
 * @param name the name of the port
 * @param number the number of the port
 */
public record NamedPort(String name, int number) {}
