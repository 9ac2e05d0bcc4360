package io.kubepeers.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.kubepeers.Fixtures;
import io.kubepeers.Provider;

import org.junit.jupiter.api.Test;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The builder, compared with the table of keys. */
class KeysTest {
    @Test
    void builderHasAMethodForEachKey() {
        List<String> methods =
                Arrays.stream(Provider.Builder.class.getMethods()).map(Method::getName).toList();
        List<String> keys = Fixtures.documentedKeys();
        assertFalse(keys.isEmpty());
        List<String> missing = new ArrayList<>();
        for (String key : keys) {
            String method = Words.METHODS.in("`" + key + "`").replace("`", "");
            if (!methods.contains(key.equals("log") ? "logger" : method)) {
                missing.add(key);
            }
        }
        assertEquals(List.of(), missing);
    }
}
