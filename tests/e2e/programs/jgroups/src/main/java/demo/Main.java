package demo;

import static java.util.stream.Collectors.joining;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import org.jgroups.Address;
import org.jgroups.Event;
import org.jgroups.JChannel;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** A member of a JGroups cluster with the pages {@code /ready} and {@code /members}. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        JChannel channel = new JChannel("jgroups.xml");
        channel.connect("demo");
        Runtime.getRuntime().addShutdownHook(new Thread(channel::close));
        HttpServer pages = HttpServer.create(new InetSocketAddress(8080), 0);
        pages.createContext("/ready", exchange -> respond(exchange, ""));
        pages.createContext("/members", exchange -> respond(exchange, members(channel)));
        pages.start();
    }

    /** Returns the addresses of all members as JSON. */
    private static String members(JChannel channel) {
        return channel.getView().getMembers().stream()
                .map(member -> '"' + address(channel, member) + '"')
                .collect(joining(",", "[", "]"));
    }

    private static String address(JChannel channel, Address member) {
        return String.valueOf(channel.down(new Event(Event.GET_PHYSICAL_ADDRESS, member)));
    }

    private static void respond(HttpExchange exchange, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
