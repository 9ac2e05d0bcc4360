#include "config_texts.h"

#include <stdlib.h>
#include <string.h>

#include "../fake_server.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Every key with a valid value. That of `kubeconfig` is known once the server runs. */
static const char *valid[][2] = {
    {"kubeconfig", NULL}, {"namespace", "mixed"}, {"discovery_port_name", "gossip"},
    {"remoting_port_name", "remoting"}, {"peers_port_name", "peers"}, {"pod_labels", "app=test"},
    {"membership", "observer"}, {"pod_name", "p1"}, {"pod_uid", "uid-p1"}, {"pod_ip", "10.0.0.1"},
    {"readiness", "ready"}, {"pending", "include"}, {"ip_family", "ipv6"},
    {"default_discovery_port", "65535"}, {"default_remoting_port", "11"},
    {"default_peers_port", "12"}, {"max_stale_ms", "1000"}, {"watch", "poll"},
    {"poll_interval_ms", "86400000"}, {"register_timeout_ms", "0"},
    {"discover_timeout_ms", "86400000"}, {"request_timeout_ms", "1"},
    {"service_account_dir", "/nowhere"}, {"context", "c"}, {"log", "debug"},
};

static const char *const odd[] = {
    "", " ", "\t\r\n", "\x01\x02\x7f", "%s%n%p", "../../..", "a=b,c", "=", "a=", ",,,", "-1", "+1",
    "0", "999", "65536", "86400001", "18446744073709551616", "1e3", "0x10", "NaN", "null",
    "{\"a\":[", "<html>", "'\"`;$(false)", "\xef\xbb\xbf a", "\xe2\x80\xae a", "\xf0\x9f\xa6\x80",
    "\xcc\x81\xcc\x81\xcc\x81", "::1", "fe80::1%eth0", "10.0.0.1:1", "ready", "Ready", "none",
    "auto", "A", "-a", "a-", "a.b", "a_b", "namespace", "name_space", "namespace ", "Namespace",
};

static const char *const not_utf8[] = {
    "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80",
    "\xe0\x80\x80", "\x80", "ok\xe2\x82",
};

enum { GARBAGE = 256, LONG = 1 << 20, ENORMOUS = 1 << 25 };
static char enormous[ENORMOUS + 1];

void fill_texts(void)
{
    memset(enormous, 'a', ENORMOUS);
    valid[0][1] = kubeconfig_of(ANSWERING);
}

/* Bytes of every kind, with a NUL somewhere and more behind it. */
static const char *garbage(struct caller *caller)
{
    static _Thread_local char text[GARBAGE];
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = (char)any(&caller->random);
    text[below(&caller->random, sizeof text)] = '\0';
    return text;
}

static const char *odd_text(struct caller *caller)
{
    uint64_t kind = below(&caller->random, 1000);
    if (kind < 100)
        return NULL;
    if (kind < 300)
        return not_utf8[below(&caller->random, COUNT(not_utf8))];
    if (kind < 500)
        return garbage(caller);
    if (kind < 510)
        return enormous + ENORMOUS - LONG;
    return kind < 511 ? enormous : odd[below(&caller->random, COUNT(odd))];
}

static const char *valid_value(const char *key)
{
    for (size_t i = 0; key != NULL && i < COUNT(valid); i++)
        if (strcmp(valid[i][0], key) == 0)
            return valid[i][1];
    return NULL;
}

int is_key(const char *key)
{
    return valid_value(key) != NULL;
}

int is_valid(const char *key, const char *value)
{
    return value != NULL && valid_value(key) == value;
}

const char *some_key(struct caller *caller)
{
    int known = in_percent(&caller->random, 70);
    return known ? valid[below(&caller->random, COUNT(valid))][0] : odd_text(caller);
}

const char *some_value(struct caller *caller, const char *key)
{
    return is_key(key) && in_percent(&caller->random, 70) ? valid_value(key) : odd_text(caller);
}
