package io.kubepeers;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.ResourceBundle;

/** A logger whose level is INFO. */
class Recorder implements System.Logger {
    final List<String> records = Collections.synchronizedList(new ArrayList<>());

    @Override
    public String getName() {
        return "recorder";
    }

    @Override
    public boolean isLoggable(Level level) {
        return level.compareTo(Level.INFO) >= 0;
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
        records.add(level + " " + message);
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String format, Object... parameters) {
        records.add(level + " " + format);
    }
}
