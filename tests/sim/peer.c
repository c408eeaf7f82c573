/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of some manner: sends its requests, and checks that each answer is
 * the one due next, whole, and that nothing else comes.
 */
#include "tests/sim/sim_test.h"

#include "vk/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATIENCE_NS (200 * SECOND_NS) /* longer than any deadline of the server */

/* ---- what it asks ------------------------------------------------------------------------ */

static void put(struct peer *p, const void *bytes, size_t len)
{
    CHECK(p->out_len + len <= sizeof(p->out));
    memcpy(p->out + p->out_len, bytes, len);
    p->out_len += (uint32_t)len;
}

void peer_request(struct peer *p, const char *text, enum expect_kind kind, uint32_t n)
{
    put(p, text, strlen(text));
    if (p->expects_count < EXPECTS_MAX)
        p->expects[p->expects_count++] = (struct expect){kind, n};
}

static uint8_t echo_byte(uint32_t pos)
{
    return (uint8_t)(pos * 7 + (pos >> 8));
}

static void put_echo(struct peer *p, uint32_t len, bool is_chunked)
{
    uint8_t body[ECHO_BYTES];
    char text[160];
    for (uint32_t i = 0; i < len; i++)
        body[i] = echo_byte(i);
    if (!is_chunked) {
        snprintf(text, sizeof(text), "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", len);
        peer_request(p, text, EXPECT_ECHO, len);
        put(p, body, len);
        return;
    }
    peer_request(p, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", EXPECT_ECHO, len);
    for (uint32_t at = 0; at < len;) {
        uint32_t n = 1 + world_draw(p->world, 900);
        n = n < len - at ? n : len - at;
        put(p, text, (size_t)snprintf(text, sizeof(text), "%x\r\n", n));
        put(p, body + at, n);
        put(p, "\r\n", 2);
        at += n;
    }
    put(p, "0\r\n\r\n", 5);
}

/* One more request at random, the last one when it is sure to end the connection. */
static bool put_random(struct peer *p)
{
    struct world *w = p->world;
    char text[160];
    uint32_t n = world_draw(w, 1000000);
    switch (world_draw(w, 12)) {
    case 0:
        snprintf(text, sizeof(text), "GET /wait?ms=%u&n=%u HTTP/1.1\r\nHost: a\r\n\r\n", n % 3000, n);
        peer_request(p, text, EXPECT_ID, n);
        return true;
    case 1:
    case 2:
        put_echo(p, n % ECHO_BYTES, n % 2 == 0);
        return true;
    case 3:
        snprintf(text, sizeof(text), "GET /big?n=%u HTTP/1.1\r\nHost: a\r\n\r\n", n % BIG_BYTES);
        peer_request(p, text, EXPECT_BIG, n % BIG_BYTES);
        return true;
    case 4:
        peer_request(p, "GET /crash HTTP/1.1\r\nHost: a\r\n\r\n", EXPECT_ERROR, 500);
        return false;
    case 5:
        peer_request(
            p, n % 2 ? "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n",
            EXPECT_ERROR, n % 2 ? 500 : 404);
        return n % 2 == 0;
    default:
        snprintf(text, sizeof(text), "GET /id?n=%u HTTP/1.1\r\nHost: a\r\n%s\r\n", n,
                 n % 17 == 0 ? "Connection: close\r\n" : "");
        peer_request(p, text, EXPECT_ID, n);
        return n % 17 != 0;
    }
}

/* Asks for more than its socket holds: far more, or so little that the server is done but for the last send.
 */
static void plan_deaf(struct peer *p)
{
    char text[160];
    bool is_far = world_draw(p->world, 2) == 0;
    uint32_t n = is_far ? HUGE_BYTES : p->world->socket_bytes + 5000;
    snprintf(text, sizeof(text), "GET /big?n=%u HTTP/1.1\r\nHost: a\r\n%s\r\n", n,
             is_far ? "" : "Connection: close\r\n");
    peer_request(p, text, EXPECT_BIG, n);
}

void peer_plan(struct peer *p)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "\x01\x02\x03\x04",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    };
    uint32_t room = p->manner == MANNER_DRIP ? 2 : EXPECTS_MAX / 2;
    uint32_t count = 1 + world_draw(p->world, room);
    switch (p->manner) {
    case MANNER_SILENT:
        return;
    case MANNER_STOP:
        put(p, "GET /id?n=1 HTTP/1.1\r\nHost: a\r\nX-Long", 30 + world_draw(p->world, 9));
        p->expects[p->expects_count++] = (struct expect){EXPECT_ERROR, 408};
        return;
    case MANNER_DEAF:
        plan_deaf(p);
        return;
    case MANNER_BAD:
        peer_request(p, bad[world_draw(p->world, VK_COUNT(bad))], EXPECT_ERROR, 400);
        return;
    default:
        while (count-- > 0 && p->out_len < OUT_BYTES - 2 * ECHO_BYTES && put_random(p))
            ;
    }
}

/* ---- its end --------------------------------------------------------------------------------- */

static void leave(struct peer *p, int err)
{
    p->end_err = err;
    p->is_over = true;
    p->over_ns = sim_now(p->world->sim);
    if (err == -VK_EREFUSED)
        return;
    sim_client_close(p->world->sim, p->end);
}

/* ---- what it hears ------------------------------------------------------------------------------- */

static const char *field(const struct peer *p, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strstr(p->head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n")) {
        if (strncasecmp(at + 2, name, len) == 0 && at[2 + len] == ':')
            return at + 2 + len + 1 + strspn(at + 2 + len + 1, " ");
    }
    return NULL;
}

static const struct expect *due(const struct peer *p)
{
    CHECK(p->answered < p->expects_count && "no answer that nobody asked for");
    return &p->expects[p->answered];
}

static void answer_ends(struct peer *p)
{
    const struct expect *e = due(p);
    if (p->status == 200 && e->kind != EXPECT_ID)
        CHECK(p->body_pos == e->n && "the body is whole");
    p->is_body = false;
    p->head_len = 0;
    p->answered++;
}

static void head_ends(struct peer *p)
{
    const struct expect *e = due(p);
    const char *length = field(p, "Content-Length");
    const char *coding = field(p, "Transfer-Encoding");
    const char *connection = field(p, "Connection");
    CHECK(!p->said_close && "nothing follows an answer that closes");
    CHECK(strncmp(p->head, "HTTP/1.1 ", 9) == 0 && (length == NULL) != (coding == NULL));
    p->status = (uint32_t)strtoul(p->head + 9, NULL, 10);
    p->said_close = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    /* A server that is out of slots or time may say so instead. */
    bool is_excused = p->status == 503 || p->status == 408;
    CHECK(is_excused || p->status == (e->kind == EXPECT_ERROR ? e->n : 200));
    CHECK(!is_excused || p->said_close);
    p->body = coding != NULL ? BODY_CHUNKED : BODY_LENGTH;
    p->body_left = length != NULL ? strtoull(length, NULL, 10) : 0;
    p->body_pos = 0;
    p->chunk_state = 0;
    p->is_last_chunk = false;
    p->is_body = true;
    if (p->body == BODY_LENGTH && p->body_left == 0)
        answer_ends(p);
}

static void body_byte(struct peer *p, uint8_t byte)
{
    const struct expect *e = due(p);
    char digits[12];
    if (p->status == 200) {
        switch (e->kind) {
        case EXPECT_ID:
            snprintf(digits, sizeof(digits), "%u", e->n);
            CHECK(p->body_pos < strlen(digits) && byte == (uint8_t)digits[p->body_pos]);
            break;
        case EXPECT_ECHO:
            CHECK(byte == echo_byte((uint32_t)p->body_pos));
            break;
        case EXPECT_BIG:
            CHECK(byte == (uint8_t)(e->n - p->body_pos));
            break;
        case EXPECT_ERROR:
            break;
        }
    }
    p->body_pos++;
    p->body_left--;
}

/* Chunked coding, a byte at a time: 0 size, 1 LF after size, 2 data, 3 CR, 4 LF after data. */
static void chunk_byte(struct peer *p, uint8_t byte)
{
    switch (p->chunk_state) {
    case 0:
        if (byte == '\r') {
            p->is_last_chunk = p->body_left == 0;
            p->chunk_state = 1;
            return;
        }
        CHECK((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F'));
        p->body_left = p->body_left * 16 + (byte <= '9' ? byte - 48u : (byte | 32u) - 97u + 10u);
        return;
    case 1:
        CHECK(byte == '\n');
        p->chunk_state = p->is_last_chunk ? 3 : 2;
        return;
    case 2:
        body_byte(p, byte);
        if (p->body_left == 0)
            p->chunk_state = 3;
        return;
    case 3:
        CHECK(byte == '\r');
        p->chunk_state = 4;
        return;
    default:
        CHECK(byte == '\n');
        p->chunk_state = 0;
        if (p->is_last_chunk)
            answer_ends(p);
    }
}

static void hear_byte(struct peer *p, uint8_t byte)
{
    if (p->is_body && p->body == BODY_CHUNKED) {
        chunk_byte(p, byte);
    } else if (p->is_body) {
        body_byte(p, byte);
        if (p->body_left == 0)
            answer_ends(p);
    } else {
        CHECK(p->head_len + 1 < sizeof(p->head));
        p->head[p->head_len++] = (char)byte;
        p->head[p->head_len] = '\0';
        if (p->head_len >= 4 && memcmp(p->head + p->head_len - 4, "\r\n\r\n", 4) == 0)
            head_ends(p);
    }
}

/* Whether it stays although it has all it came for. */
static bool stays(const struct peer *p)
{
    return p->manner == MANNER_IDLE || p->manner == MANNER_STOP || p->manner == MANNER_SILENT ||
           p->manner == MANNER_BAD || p->manner == MANNER_HALF_CLOSE || p->manner == MANNER_RESET ||
           p->said_close;
}

static void hear(struct peer *p, size_t max)
{
    uint8_t buf[1024];
    size_t len;
    int err = 0;
    while (!p->is_over && max > 0 &&
           (err = sim_client_recv(p->world->sim, p->end, buf, max < sizeof(buf) ? max : sizeof(buf), &len)) ==
               0) {
        for (size_t i = 0; i < len; i++)
            hear_byte(p, buf[i]);
        p->heard_ns = sim_now(p->world->sim);
        max -= len;
    }
    if (p->is_over)
        return;
    if (err == -VK_ECLOSED || err == -VK_ERESET)
        leave(p, err);
    else if (p->answered == p->expects_count && p->out_sent == p->out_len && !stays(p))
        leave(p, 0);
}

/* ---- what it says ----------------------------------------------------------------------------------- */

static void say(struct peer *p, uint32_t max)
{
    size_t len = 1;
    struct sim *sim = p->world->sim;
    while (!p->is_over && p->out_sent < p->out_len && max > 0 && len > 0) {
        uint32_t want = p->out_len - p->out_sent < max ? p->out_len - p->out_sent : max;
        if (sim_client_send(sim, p->end, p->out + p->out_sent, want, &len) != 0)
            return; /* hear will learn why */
        p->out_sent += (uint32_t)len;
        max -= (uint32_t)len;
        p->sent_ns = sim_now(sim);
    }
    if (p->manner == MANNER_HALF_CLOSE && p->out_sent == p->out_len)
        sim_client_shutdown(sim, p->end);
}

static void later(struct peer *p, uint64_t delay_ns, sim_timer_fn fn)
{
    CHECK(sim_at(p->world->sim, sim_now(p->world->sim) + delay_ns, fn, p) == 0);
}

static void drip(void *ctx, struct sim *sim)
{
    struct peer *p = ctx;
    (void)sim;
    if (p->is_over)
        return;
    say(p, 1);
    if (p->out_sent < p->out_len)
        later(p, 1 + world_draw(p->world, 1000000), drip);
}

static void sip(void *ctx, struct sim *sim)
{
    struct peer *p = ctx;
    (void)sim;
    if (!p->is_over)
        hear(p, 1 + world_draw(p->world, 400));
    if (!p->is_over)
        later(p, 100000 + world_draw(p->world, 3000000), sip);
}

static void give_up(void *ctx, struct sim *sim)
{
    struct peer *p = ctx;
    if (p->is_over)
        return;
    p->is_over = true;
    if (p->is_open)
        sim_client_reset(sim, p->end);
}

static void on_open(struct peer *p)
{
    p->is_open = true;
    p->opened_ns = sim_now(p->world->sim);
    if (p->manner == MANNER_DRIP)
        drip(p, p->world->sim);
    else
        say(p, UINT32_MAX);
    if (p->manner == MANNER_SLOW)
        later(p, 1000000, sip);
    if (p->manner == MANNER_RESET)
        later(p, world_draw(p->world, 5000000), give_up);
}

static void on_event(void *ctx, struct sim *sim, uint32_t end, enum sim_client_event event)
{
    struct peer *p = ctx;
    (void)end;
    switch (event) {
    case SIM_CLIENT_OPEN:
        on_open(p);
        break;
    case SIM_CLIENT_REFUSED:
        leave(p, -VK_EREFUSED);
        break;
    case SIM_CLIENT_READABLE:
        p->event_ns[1] = p->event_ns[0];
        p->event_ns[0] = sim_now(sim);
        if (p->manner != MANNER_SLOW && p->manner != MANNER_DEAF)
            hear(p, SIZE_MAX);
        break;
    case SIM_CLIENT_WRITABLE:
        if (p->manner != MANNER_DRIP)
            say(p, UINT32_MAX);
        break;
    }
}

/* A deaf peer looks after a while whether it was thrown out. */
static void look(void *ctx, struct sim *sim)
{
    struct peer *p = ctx;
    (void)sim;
    if (p->is_open && !p->is_over)
        hear(p, SIZE_MAX);
}

static void connect_now(void *ctx, struct sim *sim)
{
    struct peer *p = ctx;
    CHECK(sim_client_connect(sim, &p->world->addr, on_event, p, &p->end) == 0);
    if (p->manner == MANNER_DEAF)
        later(p, 100 * SECOND_NS, look);
}

void peer_connect(struct peer *p)
{
    later(p, world_draw(p->world, 2000000000u), connect_now);
    later(p, PATIENCE_NS, give_up);
}

/* ---- what must hold ------------------------------------------------------------------------------------ */

static void check_deadline(uint64_t since_ns, uint64_t until_ns, uint64_t timeout_ns)
{
    uint64_t waited_ns = until_ns - since_ns;
    CHECK(waited_ns >= timeout_ns - SECOND_NS); /* its clock runs from what it did, ours from what came */
    CHECK(waited_ns <= timeout_ns + 3 * SECOND_NS);
}

static void check_calm(const struct peer *p)
{
    bool is_all = p->answered == p->expects_count;
    switch (p->manner) {
    case MANNER_SILENT:
        CHECK(p->end_err == -VK_ECLOSED && p->answered == 0);
        check_deadline(p->opened_ns, p->over_ns, NET_HEAD_TIMEOUT_NS);
        break;
    case MANNER_STOP:
        CHECK(is_all && p->status == 408 && p->said_close);
        check_deadline(p->sent_ns, p->over_ns, NET_HEAD_TIMEOUT_NS);
        break;
    case MANNER_DEAF:
        CHECK(p->end_err == -VK_ERESET && !is_all);
        check_deadline(p->event_ns[1], p->event_ns[0],
                       NET_WRITE_TIMEOUT_NS); /* from the stall to the reset */
        break;
    case MANNER_RESET:
        break;
    case MANNER_BAD:
        CHECK(is_all && p->said_close && p->end_err == -VK_ECLOSED);
        break;
    case MANNER_IDLE:
        CHECK(is_all && p->end_err == -VK_ECLOSED);
        if (!p->said_close)
            check_deadline(p->heard_ns, p->over_ns, NET_IDLE_TIMEOUT_NS);
        break;
    default:
        CHECK(is_all);
        CHECK(p->end_err == 0 || p->end_err == -VK_ECLOSED);
    }
}

void peer_check(const struct peer *p, bool is_calm)
{
    CHECK(p->is_over);
    CHECK((p->over_ns != 0 || p->manner == MANNER_RESET) && "the server lets no peer wait for ever");
    if (is_calm)
        check_calm(p);
}
