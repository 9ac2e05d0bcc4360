package io.kubepeers.internal;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/** Calls C through JNA. */
final class JnaBackend implements Backend {
    private final NativeLibrary process = NativeLibrary.getProcess();
    private final Function[] functions = new Function[CFunction.values().length];
    private NativeLibrary library;

    @Override
    public void open(String name) {
        try {
            library = NativeLibrary.getInstance(name);
        } catch (UnsatisfiedLinkError e) {
            LinkageError error = new UnsatisfiedLinkError(reason(e.getMessage()));
            error.initCause(e);
            throw error;
        }
    }

    /** Returns the message of the loader, which is the second of the lines of JNA. */
    private static String reason(String message) {
        return message.lines().skip(1).findFirst().orElse(message);
    }

    @Override
    public boolean has(CFunction function) {
        try {
            return function(function) != null;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    // Threads that call it at the same time store equal functions.
    private Function function(CFunction function) {
        Function found = functions[function.ordinal()];
        if (found == null) {
            NativeLibrary owner = function.isKubepeers() ? library : process;
            found = owner.getFunction(function.symbol());
            functions[function.ordinal()] = found;
        }
        return found;
    }

    @Override
    public long call(CFunction function, long... arguments) {
        Function target = function(function);
        String parameters = function.parameters();
        Object[] converted = new Object[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            if (parameters.charAt(i) == 'I') {
                converted[i] = (int) arguments[i];
            } else {
                converted[i] = arguments[i];
            }
        }
        return switch (function.result()) {
            case 'J' -> target.invokeLong(converted);
            case 'I' -> target.invokeInt(converted);
            // The callee need not clear the upper bits of the register.
            case 'C' -> target.invokeInt(converted) & 0xffff;
            default -> {
                target.invokeVoid(converted);
                yield 0;
            }
        };
    }

    @Override
    public long generation(long provider) {
        return call(CFunction.GENERATION, provider);
    }

    @Override
    public void read(long address, byte[] bytes) {
        new Pointer(address).read(0, bytes, 0, bytes.length);
    }

    @Override
    public void write(long address, byte[] bytes) {
        new Pointer(address).write(0, bytes, 0, bytes.length);
    }

    @Override
    public long readLong(long address) {
        return new Pointer(address).getLong(0);
    }

    @Override
    public void writeLong(long address, long value) {
        new Pointer(address).setLong(0, value);
    }
}
