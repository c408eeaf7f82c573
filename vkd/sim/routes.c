/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for the routes of a program that is a file: paths from their
 * patterns; names of parameters, fields and keys from the words that stand in
 * its module; values that are numbers, words, and texts with a tag that stands
 * in no other request.
 */
#include "vkd/sim/peer.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MAX     512u
#define WORD_BYTES    33u
#define REQUEST_BYTES 4096u

static char words[WORDS_MAX][WORD_BYTES];
static uint32_t words_count;

/* ---- words of the program ------------------------------------------------------------- */

static bool is_word_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '-';
}

static void add_word(const uint8_t *at, size_t len)
{
    if (len == 0 || len >= WORD_BYTES || words_count == WORDS_MAX || (at[0] >= '0' && at[0] <= '9'))
        return;
    memcpy(words[words_count], at, len);
    words[words_count][len] = '\0';
    for (uint32_t i = 0; i < words_count; i++)
        if (strcmp(words[i], words[words_count]) == 0)
            return;
    words_count++;
}

static void add_words(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (end < len && is_word_byte(at[end]))
            end++;
        add_word(at + i, end - i);
        i = end + 1;
    }
}

static const struct interp_route *routes_of(const struct net_bind_host *host, uint32_t block)
{
    return interp_module_at(&host->image->module, host->blocks[block].block->routes);
}

uint32_t vkd_routes_count(const struct net_bind_host *host)
{
    const struct interp_module *m = &host->image->module;
    uint32_t count = 0;
    words_count = 0;
    add_word((const uint8_t *)"x", 1); /* so that there is one */
    add_words(m->data, m->counts[INTERP_SECTION_DATA]);
    add_words((const uint8_t *)m->names, m->counts[INTERP_SECTION_NAMES]);
    for (uint32_t i = 0; i < host->blocks_count; i++)
        count += host->blocks[i].block->routes.count;
    return count;
}

/* ---- a request ----------------------------------------------------------------------------- */

/* What is being written. */
struct sheet {
    char text[REQUEST_BYTES];
    size_t len;
    struct sim_rand rand;
    uint32_t tag;
};

static void put(struct sheet *s, const char *text, size_t len)
{
    len = len < sizeof s->text - s->len ? len : sizeof s->text - s->len;
    memcpy(s->text + s->len, text, len);
    s->len += len;
}

static void put_text(struct sheet *s, const char *text)
{
    put(s, text, strlen(text));
}

static uint32_t below(struct sheet *s, uint32_t bound)
{
    return (uint32_t)sim_rand_below(&s->rand, bound);
}

static const char *word(struct sheet *s)
{
    return words[below(s, words_count)];
}

static void put_int(struct sheet *s)
{
    static const char *const odd[] = {"0", "-1", "9223372036854775807", "-9223372036854775808",
                                      "99999999999999999999"};
    char text[24];
    if (below(s, 8) == 0) {
        put_text(s, odd[below(s, VK_COUNT(odd))]);
        return;
    }
    (void)snprintf(text, sizeof text, "%u", below(s, below(s, 2) ? 10 : 100000));
    put_text(s, text);
}

static void put_tag(struct sheet *s)
{
    char text[16];
    (void)snprintf(text, sizeof text, VKD_TAG_FORMAT, s->tag);
    put_text(s, text);
}

static void put_value(struct sheet *s)
{
    switch (below(s, 4)) {
    case 0:
        put_int(s);
        break;
    case 1:
        put_text(s, word(s));
        break;
    default:
        put_tag(s);
    }
}

/* The path of a pattern, its captures filled in. */
static void put_path(struct sheet *s, const char *pattern)
{
    while (*pattern != '\0') {
        if (*pattern != '{') {
            put(s, pattern++, 1);
            continue;
        }
        const char *end = strchr(pattern, '}');
        bool is_int = memchr(pattern, ':', (size_t)(end - pattern)) != NULL;
        if (is_int && below(s, 8) != 0)
            put_int(s);
        else
            put_value(s);
        pattern = end + 1;
    }
}

static void put_pairs(struct sheet *s, uint32_t most)
{
    uint32_t count = below(s, most + 1);
    for (uint32_t i = 0; i < count; i++) {
        put_text(s, i == 0 ? "" : "&");
        put_text(s, word(s));
        put_text(s, "=");
        put_value(s);
    }
}

static void put_json(struct sheet *s, uint32_t depth)
{
    uint32_t count = 1 + below(s, 5);
    put_text(s, "{");
    for (uint32_t i = 0; i < count; i++) {
        put_text(s, i == 0 ? "\"" : ",\"");
        put_text(s, word(s));
        put_text(s, "\":");
        uint32_t what = below(s, depth > 0 ? 6 : 5);
        if (what == 5)
            put_json(s, depth - 1);
        else if (what == 4)
            put_text(s, below(s, 2) ? "true" : "null");
        else if (what == 3)
            put_int(s);
        else
            put_text(s, "\""), put_value(s), put_text(s, "\"");
    }
    put_text(s, "}");
}

static void put_body(struct sheet *s)
{
    static const char *const types[] = {"application/json", "application/x-www-form-urlencoded", "text/plain",
                                        "application/octet-stream"};
    struct sheet body = {.rand = s->rand, .tag = s->tag};
    char head[128];
    uint32_t kind = below(&body, 6);
    if (kind < 2)
        put_json(&body, 2);
    else if (kind == 2)
        put_pairs(&body, 4);
    else if (kind == 3)
        put_value(&body);
    else if (kind == 4)
        put(&body, "{\"\xff\x00[", 5); /* neither text nor JSON */
    (void)snprintf(head, sizeof head, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                   types[kind < 2    ? 0
                         : kind == 2 ? 1
                         : kind == 3 ? 2
                                     : 3],
                   body.len);
    put_text(s, head);
    put(s, body.text, body.len);
}

static void put_fields(struct sheet *s)
{
    uint32_t count = below(s, 3);
    put_text(s, "Host: a\r\n");
    for (uint32_t i = 0; i < count; i++) {
        static const char *const names[] = {"Cookie", "If-None-Match", "X-Client", "Accept", "User-Agent"};
        bool is_cookie = below(s, 2) == 0;
        put_text(s, is_cookie ? names[0] : names[1 + below(s, VK_COUNT(names) - 1)]);
        put_text(s, ": ");
        if (is_cookie)
            put_pairs(s, 1);
        else
            put_value(s);
        put_text(s, "\r\n");
    }
}

bool vkd_peer_ask_route(struct vkd_peer *p, uint32_t route, uint32_t n)
{
    static struct sheet s;
    const struct net_bind_host *host = p->world->host;
    uint32_t block = p->number % host->blocks_count;
    uint32_t count = host->blocks[block].block->routes.count;
    if (count == 0)
        return true;
    const char *pattern =
        interp_module_name(&host->image->module, routes_of(host, block)[route % count].pattern);
    const char *slash = strchr(pattern, '/');
    s.len = 0;
    s.tag = p->number << 8 | p->expects_count;
    sim_rand_init(&s.rand, n);
    bool is_head = strncmp(pattern, "GET ", 4) == 0 && below(&s, 16) == 0;
    put_text(&s, is_head ? "HEAD " : "");
    put(&s, pattern, is_head ? 0 : (size_t)(slash - pattern));
    put_path(&s, slash);
    put_text(&s, "?");
    put_pairs(&s, 3);
    put_text(&s, " HTTP/1.1\r\n");
    put_fields(&s);
    if (pattern[0] == 'P')
        put_body(&s);
    else
        put_text(&s, "\r\n");
    vk_assert(s.len < sizeof s.text);
    vkd_peer_put(p, s.text, s.len);
    struct vkd_expect *e = vkd_peer_expect(p, EXPECT_ANY, 0);
    e->tag = s.tag;
    e->is_head = is_head || pattern[0] == 'H';
    TELL(p->world, "client %u will ask: %.*s", p->number, (int)strcspn(s.text, "\r"), s.text);
    return true;
}
