package io.kubepeers.internal;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parses JSON of the library into maps, lists, strings, longs, doubles, booleans and null. */
final class Json {
    private final String text;
    private int position;

    private Json(String text) {
        this.text = text;
    }

    /**
     * Parses an object.
     *
     * @throws IllegalArgumentException if the text is not a JSON object
     */
    static Map<String, Object> object(String text) {
        Json json = new Json(text);
        Object value;
        try {
            value = json.value();
            json.skipBlanks();
        } catch (StringIndexOutOfBoundsException e) {
            throw new IllegalArgumentException("the JSON text ends early", e);
        }
        if (json.position != text.length()) {
            throw json.malformed("the end");
        }
        return asObject(value);
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> asObject(Object value) {
        if (value instanceof Map<?, ?> map) {
            return (Map<String, Object>) map;
        }
        throw new IllegalArgumentException("expected a JSON object, not " + value);
    }

    private Object value() {
        skipBlanks();
        char first = text.charAt(position);
        return switch (first) {
            case '{' -> members();
            case '[' -> elements();
            case '"' -> string();
            case 't' -> literal("true", Boolean.TRUE);
            case 'f' -> literal("false", Boolean.FALSE);
            case 'n' -> literal("null", null);
            default -> number();
        };
    }

    private Map<String, Object> members() {
        Map<String, Object> members = new LinkedHashMap<>();
        position++;
        if (!next('}')) {
            do {
                skipBlanks();
                String name = string();
                expect(':');
                members.put(name, value());
            } while (next(','));
            expect('}');
        }
        return members;
    }

    private List<Object> elements() {
        List<Object> elements = new ArrayList<>();
        position++;
        if (!next(']')) {
            do {
                elements.add(value());
            } while (next(','));
            expect(']');
        }
        return elements;
    }

    private String string() {
        if (text.charAt(position) != '"') {
            throw malformed("a string");
        }
        position++;
        StringBuilder builder = new StringBuilder();
        while (true) {
            char c = text.charAt(position++);
            if (c == '"') {
                return builder.toString();
            }
            builder.append(c == '\\' ? escaped() : c);
        }
    }

    private char escaped() {
        char c = text.charAt(position++);
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> {
                position += 4;
                // NumberFormatException is an IllegalArgumentException.
                yield (char) Integer.parseInt(text.substring(position - 4, position), 16);
            }
            default -> throw malformed("an escape");
        };
    }

    /** Returns a Long, or a Double for a number that a Long cannot represent. */
    private Number number() {
        int start = position;
        while (position < text.length() && "+-.0123456789eE".indexOf(text.charAt(position)) >= 0) {
            position++;
        }
        if (start == position) {
            throw malformed("a value");
        }
        String number = text.substring(start, position);
        try {
            return Long.valueOf(number);
        } catch (NumberFormatException e) {
            return Double.valueOf(number);
        }
    }

    private Object literal(String word, Object value) {
        if (!text.startsWith(word, position)) {
            throw malformed(word);
        }
        position += word.length();
        return value;
    }

    private void expect(char c) {
        if (!next(c)) {
            throw malformed("'" + c + "'");
        }
    }

    private boolean next(char c) {
        skipBlanks();
        if (text.charAt(position) != c) {
            return false;
        }
        position++;
        return true;
    }

    private void skipBlanks() {
        while (position < text.length() && " \t\r\n".indexOf(text.charAt(position)) >= 0) {
            position++;
        }
    }

    private IllegalArgumentException malformed(String expected) {
        return new IllegalArgumentException(
                "expected " + expected + " at offset " + position + " of the JSON text");
    }
}
