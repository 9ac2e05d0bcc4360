package io.kubepeers.internal;

/**
 * Calls C functions and accesses C memory. An address is a long.
 *
 * <p>There are two implementations: one with {@code java.lang.foreign} for Java 22 and newer, and
 * one with JNA. Everything else is common code.
 */
public interface Backend {
    /**
     * Opens a shared library. It stays open until the process ends.
     *
     * @param name the path of a file, or a name for which the system's loader searches
     * @throws LinkageError if the loader fails; the message is that of the loader
     */
    void open(String name);

    /**
     * Returns whether a function exists: in the library that {@link #open} has opened or, if it is
     * not a function of kubepeers, in the process.
     */
    boolean has(CFunction function);

    /**
     * Calls a function.
     *
     * @param arguments the arguments; those of 32-bit parameters are truncated
     * @return the result, or 0 if the function has none; a signed result is sign-extended
     */
    long call(CFunction function, long... arguments);

    /** Calls kubepeers_generation(), as fast as possible. */
    long generation(long provider);

    /** Copies C memory to an array. */
    void read(long address, byte[] bytes);

    /** Copies an array to C memory. */
    void write(long address, byte[] bytes);

    /** Reads a 64-bit integer or a pointer. */
    long readLong(long address);

    /** Writes a 64-bit integer or a pointer. */
    void writeLong(long address, long value);
}
