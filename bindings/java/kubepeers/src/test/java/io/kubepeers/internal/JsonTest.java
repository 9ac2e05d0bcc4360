package io.kubepeers.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

class JsonTest {
    @Test
    void valuesOfAllKindsAreParsed() {
        Map<String, Object> fields =
                Json.object(
                        " { \"a\" : [ 1 , -2, null,true ,false], \"b\":{}, \"c\":[],"
                                + " \"d\":\"\\u00e9\\n"
                                + "\\\\\\\"\\/ä\" } ");
        assertEquals(Arrays.asList(1L, -2L, null, true, false), fields.get("a"));
        assertEquals(Map.of(), fields.get("b"));
        assertEquals(List.of(), fields.get("c"));
        assertEquals("é\n\\\"/ä", fields.get("d"));
    }

    // A newer library may add fields with any value.
    @Test
    void allNumbersAreParsed() {
        Map<String, Object> fields =
                Json.object("{\"a\":1.5,\"b\":-2e3,\"c\":18446744073709551615,\"d\":1E+2}");
        assertEquals(1.5, fields.get("a"));
        assertEquals(-2e3, fields.get("b"));
        assertEquals(18446744073709551615d, fields.get("c"));
        assertEquals(100d, fields.get("d"));
    }

    @Test
    void malformedTextIsRejected() {
        for (String text :
                List.of(
                        "",
                        "[]",
                        "{",
                        "{\"a\"",
                        "{\"a\":}",
                        "{\"a\":1,}",
                        "{} {}",
                        "{\"a\":tru}",
                        "{\"a\":\"\\x\"}",
                        "{1:2}",
                        "{\"a\":1-2}",
                        "{\"a\":-}",
                        "{\"a\":1..2}",
                        "{\"a\":\"\\u00g0\"}",
                        "{\"a\":[1 2]}")) {
            assertThrows(IllegalArgumentException.class, () -> Json.object(text), text);
        }
    }
}
