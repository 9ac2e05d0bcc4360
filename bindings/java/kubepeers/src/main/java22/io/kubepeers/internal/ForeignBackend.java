package io.kubepeers.internal;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Arrays;

/** Calls C through {@code java.lang.foreign}. */
@SuppressWarnings("restricted")
final class ForeignBackend implements Backend {
    private static final int RTLD_NOW = 2;
    private static final Linker LINKER = Linker.nativeLinker();

    // It is not static, because it throws an IllegalCallerException if Java allows no native
    // access.
    private final MemorySegment memory = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** Handles of type {@code (long[])long}, which are linked when they are first called. */
    private final MethodHandle[] handles = new MethodHandle[CFunction.values().length];

    private SymbolLookup library;
    private MethodHandle generation;

    @Override
    public void open(String name) {
        try {
            // A Path would be resolved, which fails for /proc/self/fd.
            library = SymbolLookup.libraryLookup(name, Arena.global());
        } catch (IllegalArgumentException e) {
            LinkageError error = new UnsatisfiedLinkError(reason(name, e.getMessage()));
            error.initCause(e);
            throw error;
        }
    }

    /** Tries again to open a library, because Java drops the message of the loader. */
    private String reason(String name, String message) {
        if (!has(CFunction.DLOPEN) || !has(CFunction.DLERROR)) {
            return message;
        }
        // Linking a function may call the loader, so it must not happen between the two calls.
        call(CFunction.DLERROR);
        long text = Library.copy(this, name);
        try {
            call(CFunction.DLOPEN, text, RTLD_NOW);
            long reason = call(CFunction.DLERROR);
            return reason == 0 ? message : memory.getString(reason);
        } finally {
            call(CFunction.FREE, text);
        }
    }

    @Override
    public boolean has(CFunction function) {
        return lookup(function).find(function.symbol()).isPresent();
    }

    private SymbolLookup lookup(CFunction function) {
        return function.isKubepeers() ? library : LINKER.defaultLookup();
    }

    @Override
    public long call(CFunction function, long... arguments) {
        try {
            return (long) handle(function).invokeExact(arguments);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    // Threads that call it at the same time store equivalent handles.
    private MethodHandle handle(CFunction function) {
        MethodHandle handle = handles[function.ordinal()];
        if (handle == null) {
            handle =
                    generic(link(function))
                            .asSpreader(long[].class, function.parameters().length());
            handles[function.ordinal()] = handle;
        }
        return handle;
    }

    private MethodHandle link(CFunction function, Linker.Option... options) {
        MemorySegment address = lookup(function).find(function.symbol()).orElseThrow();
        MemoryLayout[] parameters =
                function.parameters()
                        .chars()
                        .mapToObj(type -> layout((char) type))
                        .toArray(MemoryLayout[]::new);
        FunctionDescriptor descriptor =
                function.result() == 'V'
                        ? FunctionDescriptor.ofVoid(parameters)
                        : FunctionDescriptor.of(layout(function.result()), parameters);
        return LINKER.downcallHandle(address, descriptor, options);
    }

    private static MemoryLayout layout(char type) {
        return switch (type) {
            case 'C' -> ValueLayout.JAVA_CHAR; // unsigned
            case 'I' -> ValueLayout.JAVA_INT;
            case 'J' -> ValueLayout.JAVA_LONG;
            default -> throw new IllegalArgumentException("no layout for " + type);
        };
    }

    private static MethodHandle generic(MethodHandle handle) {
        Class<?>[] longs = new Class<?>[handle.type().parameterCount()];
        Arrays.fill(longs, long.class);
        return MethodHandles.explicitCastArguments(
                handle, MethodType.methodType(long.class, longs));
    }

    @Override
    public long generation(long provider) {
        MethodHandle handle = generation;
        if (handle == null) {
            // The function neither blocks nor calls back.
            handle = generation = link(CFunction.GENERATION, Linker.Option.critical(false));
        }
        try {
            return (long) handle.invokeExact(provider);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Returns an error for an exception of a handle, which throws only errors of the JVM. */
    private static Error unexpected(Throwable e) {
        return e instanceof Error error ? error : new AssertionError(e);
    }

    @Override
    public void read(long address, byte[] bytes) {
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, address, bytes, 0, bytes.length);
    }

    @Override
    public void write(long address, byte[] bytes) {
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, address, bytes.length);
    }

    @Override
    public long readLong(long address) {
        return memory.get(ValueLayout.JAVA_LONG, address);
    }

    @Override
    public void writeLong(long address, long value) {
        memory.set(ValueLayout.JAVA_LONG, address, value);
    }
}
