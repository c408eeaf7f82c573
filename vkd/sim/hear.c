/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client hears: that each answer is the one due next, whole, and that
 * nothing else comes. Every byte of an answer of the programs that come with
 * the simulator is known beforehand, so a byte of anybody else's would be seen.
 */
#include "vkd/sim/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *field(const struct vkd_peer *p, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strstr(p->head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n")) {
        if (strncasecmp(at + 2, name, len) == 0 && at[2 + len] == ':')
            return at + 2 + len + 1 + strspn(at + 2 + len + 1, " ");
    }
    return NULL;
}

static struct vkd_expect *due(struct vkd_peer *p)
{
    HOLDS(p, p->answered < p->expects_count, "an answer that nobody asked for");
    return &p->expects[p->answered];
}

/* A number of the counter in a store: none comes twice, and none that was not asked for. */
static void check_store(struct vkd_peer *p)
{
    struct vkd_world *w = p->world;
    uint64_t number = strtoull(p->text, NULL, 10);
    uint64_t *seen = &w->store_seen[number / 64 % VK_COUNT(w->store_seen)];
    HOLDS(p, number >= 1 && number <= w->store_asked, "a store counted to %llu, asked %u times",
          (unsigned long long)number, w->store_asked);
    HOLDS(p, (*seen >> number % 64 & 1) == 0, "a store counted to %llu twice", (unsigned long long)number);
    *seen |= UINT64_C(1) << number % 64;
}

static void check_whole(struct vkd_peer *p, const struct vkd_expect *e)
{
    char digits[16];
    switch (e->kind) {
    case EXPECT_ECHO:
    case EXPECT_BIG:
        HOLDS(p, p->body_pos == e->n, "an answer of %llu bytes in place of %u",
              (unsigned long long)p->body_pos, e->n);
        break;
    case EXPECT_TEXT:
        HOLDS(p, sim_now(p->world->sim) - p->opened_ns >= e->after_ns, "the answer comes before its time");
        snprintf(digits, sizeof digits, "%u", e->n);
        HOLDS(p, strcmp(digits, p->text) == 0, "the answer '%s' in place of '%s'", p->text, digits);
        break;
    case EXPECT_STORE:
        check_store(p);
        break;
    default:
        break;
    }
}

static void answer_ends(struct vkd_peer *p)
{
    const struct vkd_expect *e = due(p);
    if (p->status == 200)
        check_whole(p, e);
    TELL(p->world, "client %u: answer %u is whole, status %u, %llu bytes", p->number, p->answered, p->status,
         (unsigned long long)p->body_pos);
    p->is_body = false;
    p->head_len = 0;
    p->answered++;
}

static bool is_excused(const struct vkd_peer *p, const struct vkd_expect *e)
{
    const struct vkd_world *w = p->world;
    /* A server that is out of slots or time may say so instead ... */
    if (p->status == 503 || p->status == 408)
        return true;
    /* ... and who met a process that was ended, of its failure. */
    bool is_failure = p->status == 500 || p->status == 502;
    return (is_failure && !w->is_fair) || (p->status == 400 && e->kind == EXPECT_ERROR);
}

static void check_status(struct vkd_peer *p, const struct vkd_expect *e)
{
    uint32_t right = e->kind == EXPECT_ERROR ? e->n : 200;
    if (e->kind == EXPECT_ANY || p->status == right || (e->alt != 0 && p->status == e->alt))
        return;
    HOLDS(p, is_excused(p, e), "the answer %u in place of %u", p->status, right);
    HOLDS(p, p->said_close || p->status == 500 || p->status == 502, "the answer %u does not close",
          p->status);
}

/* Each line of a head is one that these programs and the server write. */
static void check_fields(struct vkd_peer *p)
{
    static const char *const known[] = {
        "Date", "Server", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Allow"};
    for (const char *at = strstr(p->head, "\r\n") + 2; *at != '\r'; at = strstr(at, "\r\n") + 2) {
        const char *colon = strchr(at, ':');
        bool is_known = false;
        for (size_t i = 0; colon != NULL && i < VK_COUNT(known); i++)
            is_known |= (size_t)(colon - at) == strlen(known[i]) &&
                        strncasecmp(at, known[i], (size_t)(colon - at)) == 0;
        HOLDS(p, is_known, "a field that nobody wrote: %.40s", at);
    }
}

static bool has_body(const struct vkd_peer *p, const struct vkd_expect *e)
{
    return !e->is_head && p->status != 204 && p->status != 304;
}

static void head_ends(struct vkd_peer *p)
{
    const struct vkd_expect *e = due(p);
    const char *length = field(p, "Content-Length");
    const char *coding = field(p, "Transfer-Encoding");
    const char *connection = field(p, "Connection");
    HOLDS(p, !p->said_close, "an answer behind one that closes");
    HOLDS(p, strncmp(p->head, "HTTP/1.1 ", 9) == 0, "a head that is none: %.20s", p->head);
    p->status = (uint32_t)strtoul(p->head + 9, NULL, 10);
    HOLDS(p, p->status >= 200 && p->status <= 599, "the status %u", p->status);
    HOLDS(p, (length == NULL) != (coding == NULL) || !has_body(p, e), "a body without a length, or with two");
    p->said_close = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    check_status(p, e);
    if (e->kind != EXPECT_ANY)
        check_fields(p);
    p->body = coding != NULL ? BODY_CHUNKED : BODY_LENGTH;
    p->body_left = length != NULL && has_body(p, e) ? strtoull(length, NULL, 10) : 0;
    p->body_pos = 0;
    p->chunk_state = 0;
    p->is_last_chunk = false;
    p->is_body = true;
    p->text[0] = '\0';
    if ((p->body == BODY_LENGTH && p->body_left == 0) || !has_body(p, e))
        answer_ends(p);
}

/* The tag of another request, in an answer of a program that keeps nothing. */
static void check_tag(struct vkd_peer *p, const struct vkd_expect *e, uint8_t byte)
{
    char tag[VKD_TAG_BYTES + 1];
    memmove(p->last, p->last + 1, sizeof p->last - 1);
    p->last[sizeof p->last - 1] = (char)byte;
    if (byte != 'T' || memcmp(p->last, "vkT", 3) != 0)
        return;
    (void)snprintf(tag, sizeof tag, VKD_TAG_FORMAT, e->tag);
    HOLDS(p, memcmp(p->last, tag, VKD_TAG_BYTES) == 0, "the answer to %.10s has %.10s of another request",
          tag, p->last);
}

static void body_byte(struct vkd_peer *p, uint8_t byte)
{
    const struct vkd_expect *e = due(p);
    uint32_t pos = (uint32_t)p->body_pos;
    if (p->status == 200 && e->kind == EXPECT_ECHO)
        HOLDS(p, byte == vkd_echo_byte(pos), "byte %u of an echo is another", pos);
    if (p->status == 200 && e->kind == EXPECT_BIG)
        HOLDS(p, byte == (uint8_t)(e->n - pos), "byte %u of a stream is another", pos);
    if (e->kind == EXPECT_ANY && p->world->is_stateless)
        check_tag(p, e, byte);
    if (pos + 1 < sizeof p->text) {
        p->text[pos] = (char)byte;
        p->text[pos + 1] = '\0';
    } else {
        HOLDS(p, e->kind != EXPECT_TEXT || p->status != 200, "an answer longer than what is due");
    }
    p->body_pos++;
    p->body_left--;
}

static uint32_t hex_digit(const struct vkd_peer *p, uint8_t byte)
{
    HOLDS(p, (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'f'),
          "a chunk's length that is none");
    return byte <= '9' ? byte - 48u : (byte | 32u) - 97u + 10u;
}

/* Chunked coding, a byte at a time: 0 size, 1 LF after size, 2 data, 3 CR, 4 LF after data. */
static void chunk_byte(struct vkd_peer *p, uint8_t byte)
{
    switch (p->chunk_state) {
    case 0:
        if (byte != '\r') {
            p->body_left = p->body_left * 16 + hex_digit(p, byte);
            return;
        }
        p->is_last_chunk = p->body_left == 0;
        p->chunk_state = 1;
        return;
    case 1:
        HOLDS(p, byte == '\n', "a chunk's head that does not end");
        p->chunk_state = p->is_last_chunk ? 3 : 2;
        return;
    case 2:
        body_byte(p, byte);
        if (p->body_left == 0)
            p->chunk_state = 3;
        return;
    case 3:
        HOLDS(p, byte == '\r', "a chunk that does not end");
        p->chunk_state = 4;
        return;
    default:
        HOLDS(p, byte == '\n', "a chunk that does not end");
        p->chunk_state = 0;
        if (p->is_last_chunk)
            answer_ends(p);
    }
}

void vkd_peer_hear_byte(struct vkd_peer *p, uint8_t byte)
{
    if (p->is_body && p->body == BODY_CHUNKED) {
        chunk_byte(p, byte);
    } else if (p->is_body) {
        body_byte(p, byte);
        if (p->body_left == 0)
            answer_ends(p);
    } else {
        HOLDS(p, p->head_len + 1 < sizeof p->head, "a head without end");
        p->head[p->head_len++] = (char)byte;
        p->head[p->head_len] = '\0';
        if (p->head_len >= 4 && memcmp(p->head + p->head_len - 4, "\r\n\r\n", 4) == 0)
            head_ends(p);
    }
}

void vkd_peer_hear_raw(struct vkd_peer *p, const uint8_t *bytes, size_t len)
{
    HOLDS(p, len <= p->out_sent - p->answered, "a raw stream says more than it has heard");
    HOLDS(p, memcmp(bytes, p->out + p->answered, len) == 0,
          "a raw stream says something else than it has heard");
    p->answered += (uint32_t)len;
}
