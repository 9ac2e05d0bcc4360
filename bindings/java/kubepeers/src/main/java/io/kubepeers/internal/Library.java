package io.kubepeers.internal;

import io.kubepeers.KubepeersException;
import io.kubepeers.LibraryException;
import io.kubepeers.Status;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The loaded library: typed helpers over a {@link Backend}. */
public final class Library {
    /** The version of this package. */
    static final String PACKAGE_VERSION = "0.4.0";

    private static Library loaded;

    private final Backend backend;

    private Library(Backend backend) {
        this.backend = backend;
    }

    /**
     * Returns the library. The first call loads it.
     *
     * @throws LibraryException if the library cannot be loaded or is incompatible
     */
    public static synchronized Library load() {
        if (loaded == null) {
            Backend backend = BackendFactory.create();
            String place = LibraryLocator.open(backend, System.getenv(LibraryLocator.VARIABLE));
            check(backend, place);
            loaded = new Library(backend);
        }
        return loaded;
    }

    private static void check(Backend backend, String place) {
        if (!backend.has(CFunction.VERSION_NUMBER)) {
            throw new LibraryException(
                    place
                            + " is not a kubepeers library: it has no "
                            + CFunction.VERSION_NUMBER.symbol()
                            + "; set "
                            + LibraryLocator.VARIABLE
                            + " to the path of libkubepeers "
                            + required()
                            + ", or unset it");
        }
        // The result is unsigned, but far below 2^31.
        checkVersion((int) backend.call(CFunction.VERSION_NUMBER), place);
        for (CFunction function : CFunction.values()) {
            if (function.isKubepeers() && !backend.has(function)) {
                throw new LibraryException(
                        place
                                + " does not fit kubepeers "
                                + PACKAGE_VERSION
                                + " for Java: it has no "
                                + function.symbol());
            }
        }
    }

    /** A minor version may add functions. Only a major version may remove or change some. */
    static void checkVersion(int number, String place) {
        int major = number / 1_000_000;
        int minor = number / 1_000 % 1_000;
        if (major != packageVersion(0) || minor < packageVersion(1)) {
            throw new LibraryException(
                    place
                            + " is version "
                            + major
                            + "."
                            + minor
                            + "."
                            + number % 1_000
                            + ", but kubepeers "
                            + PACKAGE_VERSION
                            + " for Java needs "
                            + required()
                            + ": install a library that is not older than the package");
        }
    }

    /** Returns the versions of the library that fit this package. */
    static String required() {
        return packageVersion(0) + ".x from " + packageVersion(0) + "." + packageVersion(1) + " on";
    }

    private static int packageVersion(int index) {
        return Integer.parseInt(PACKAGE_VERSION.split("\\.")[index]);
    }

    /** Returns the version of the loaded library. */
    public String version() {
        return string(call(CFunction.VERSION));
    }

    // --- Calls ---

    public long call(CFunction function, long... arguments) {
        return backend.call(function, arguments);
    }

    long generation(long provider) {
        return backend.generation(provider);
    }

    /**
     * Calls a function whose last parameter is the error.
     *
     * @param out the out-parameters, whose first one is the error
     * @param arguments all arguments except for the error
     * @throws KubepeersException the error that the function has stored
     */
    public void call(Out out, CFunction function, Words words, long... arguments) {
        long[] all = Arrays.copyOf(arguments, arguments.length + 1);
        all[arguments.length] = out.address(0);
        int status = (int) call(function, all);
        if (status != Status.OK.number()) {
            long error = out.get(0);
            try {
                throw exception(status, error, words);
            } finally {
                call(CFunction.ERROR_FREE, error);
            }
        }
    }

    /** Returns an exception for an error of the library. */
    KubepeersException exception(int status, long error, Words words) {
        return new KubepeersException(
                Status.of(status),
                words.in(string(call(CFunction.ERROR_MESSAGE, error))),
                call(CFunction.ERROR_IS_RETRYABLE, error) != 0,
                (int) call(CFunction.ERROR_HTTP_STATUS, error),
                string(call(CFunction.ERROR_MANIFEST, error)));
    }

    // --- Memory ---

    /** Returns a copy of a string of C, or null for NULL. */
    String string(long address) {
        if (address == 0) {
            return null;
        }
        return string(address, call(CFunction.STRLEN, address));
    }

    String string(long address, long length) {
        return new String(bytes(address, length), StandardCharsets.UTF_8);
    }

    byte[] bytes(long address, long length) {
        byte[] bytes = new byte[Math.toIntExact(length)];
        backend.read(address, bytes);
        return bytes;
    }

    void write(long address, byte[] bytes) {
        backend.write(address, bytes);
    }

    /** Returns new memory, which must be freed with {@link #free}. */
    long allocate(long size) {
        long address = call(CFunction.MALLOC, Math.max(size, 1));
        if (address == 0) {
            throw new OutOfMemoryError("malloc(" + size + ") failed");
        }
        return address;
    }

    /** Returns a copy of a string as a string of C, which must be freed with {@link #free}. */
    long allocate(String text) {
        return copy(backend, text);
    }

    static long copy(Backend backend, String text) {
        byte[] bytes = encoded(text);
        byte[] terminated = Arrays.copyOf(bytes, bytes.length + 1);
        long address = backend.call(CFunction.MALLOC, terminated.length);
        if (address == 0) {
            throw new OutOfMemoryError("malloc(" + terminated.length + ") failed");
        }
        backend.write(address, terminated);
        return address;
    }

    /**
     * Encodes as UTF-8. Lone surrogates become bytes that are not UTF-8, which the library rejects.
     */
    private static byte[] encoded(String text) {
        try {
            ByteBuffer buffer = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            return Arrays.copyOf(buffer.array(), buffer.limit());
        } catch (CharacterCodingException e) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            text.codePoints()
                    .forEach(
                            c -> {
                                if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                                    // U+DC80 to U+DCFF stand for one byte each, as in the file
                                    // names of Python.
                                    bytes.write(c >= 0xdc80 && c <= 0xdcff ? c : 0xff);
                                } else {
                                    bytes.writeBytes(
                                            Character.toString(c).getBytes(StandardCharsets.UTF_8));
                                }
                            });
            return bytes.toByteArray();
        }
    }

    void free(long address) {
        call(CFunction.FREE, address);
    }

    /** Returns new out-parameters, each of which is 0. */
    public Out out() {
        return new Out();
    }

    /** Eight out-parameters of up to 64 bits each. The first one is the error. */
    public final class Out implements AutoCloseable {
        private static final int COUNT = 8;

        private final long memory = allocate(COUNT * (long) Long.BYTES);

        private Out() {
            write(memory, new byte[COUNT * Long.BYTES]);
        }

        /** Returns the address of an out-parameter. */
        public long address(int index) {
            return memory + (long) index * Long.BYTES;
        }

        /** Returns an out-parameter. One of 32 bits is not sign-extended. */
        public long get(int index) {
            return backend.readLong(address(index));
        }

        /** Sets an out-parameter that is also an argument. */
        public void set(int index, long value) {
            backend.writeLong(address(index), value);
        }

        @Override
        public void close() {
            free(memory);
        }
    }
}
