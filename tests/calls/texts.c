#include "texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* kubeconfig is written in. */
static const char *good[][2] = {
    {"namespace", "mixed"},
    {"discovery_port_name", "gossip"},
    {"remoting_port_name", "remoting"},
    {"peers_port_name", "peers"},
    {"pod_labels", "app=test"},
    {"membership", "observer"},
    {"pod_name", "p1"},
    {"pod_uid", "uid-p1"},
    {"pod_ip", "10.0.0.1"},
    {"readiness", "ready"},
    {"pending", "include"},
    {"ip_family", "ipv6"},
    {"default_discovery_port", "65535"},
    {"default_remoting_port", "1"},
    {"default_peers_port", "2"},
    {"max_stale_ms", "1000"},
    {"watch", "poll"},
    {"poll_interval_ms", "86400000"},
    {"register_timeout_ms", "0"},
    {"discover_timeout_ms", "86400000"},
    {"request_timeout_ms", "1"},
    {"service_account_dir", "/nowhere"},
    {"kubeconfig", NULL},
    {"context", "c"},
    {"log", "debug"},
};

static const char *const odd[] = {
    "", " ", "\t\r\n", "\x01\x02\x7f", "%s%n%p", "../../..", "a=b,c", "=", "a=", ",,,", "-1", "+1", "0", "999", "65536",
    "86400001", "18446744073709551616", "1e3", "0x10", "NaN", "null", "{\"a\":[", "<html>", "'\"`;$(false)", "\xef\xbb\xbf" "a",
    "\xe2\x80\xae" "a", "\xf0\x9f\xa6\x80", "\xcc\x81\xcc\x81\xcc\x81", "::1", "fe80::1%eth0", "10.0.0.1:1", "ready", "Ready",
    "none", "auto", "A", "-a", "a-", "a.b", "a_b", "namespace", "name_space", "namespace ", "Namespace",
};

static const char *const not_utf8[] = {
    "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", "\x80", "ok\xe2\x82",
};

/* Bytes of every kind, with a NUL somewhere and more behind it. */
enum { GARBAGE = 256, LONG = 1 << 20, ENORMOUS = 1 << 25 };
static char *long_text, *enormous_text;

static char *filled(size_t length)
{
    char *text = malloc(length + 1);
    if (text == NULL) {
        perror("no memory");
        exit(2);
    }
    memset(text, 'a', length);
    text[length] = '\0';
    return text;
}

void write_texts(const char *kubeconfig)
{
    for (size_t i = 0; i < COUNT(good); i++)
        if (good[i][1] == NULL)
            good[i][1] = kubeconfig;
    long_text = filled(LONG);
    enormous_text = filled(ENORMOUS);
}

void free_texts(void)
{
    free(long_text);
    free(enormous_text);
}

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
        return long_text;
    return kind < 511 ? enormous_text : odd[below(&caller->random, COUNT(odd))];
}

int is_key(const char *key)
{
    for (size_t i = 0; i < COUNT(good); i++)
        if (strcmp(good[i][0], key) == 0)
            return 1;
    return 0;
}

int is_good(const char *key, const char *value)
{
    for (size_t i = 0; i < COUNT(good); i++)
        if (strcmp(good[i][0], key) == 0)
            return good[i][1] == value;
    return 0;
}

const char *some_key(struct caller *caller)
{
    return in_percent(&caller->random, 70) ? good[below(&caller->random, COUNT(good))][0] : odd_text(caller);
}

const char *some_value(struct caller *caller, const char *key)
{
    if (key != NULL && in_percent(&caller->random, 70))
        for (size_t i = 0; i < COUNT(good); i++)
            if (strcmp(good[i][0], key) == 0)
                return good[i][1];
    return odd_text(caller);
}
