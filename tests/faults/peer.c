/* SPDX-License-Identifier: Apache-2.0 */
/* A client: one connection that asks again and again, and knows the answers. */
#include "tests/faults/faults.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECHO_BYTES 3000u

static uint8_t pattern(uint32_t n, uint32_t at)
{
    return (uint8_t)('a' + (n * 7 + at) % 26);
}

static void connect_to(struct peer *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->port)}, own = {0};
    struct sockaddr *to_any = (struct sockaddr *)(void *)&to, *own_any = (struct sockaddr *)(void *)&own;
    socklen_t len = sizeof own;
    int one = 1;
    struct linger linger = {.l_onoff = 1, .l_linger = 0}; /* leaves no port in TIME_WAIT */
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(p->fd >= 0 && bind(p->fd, own_any, sizeof own) == 0);
    CHECK(setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    CHECK(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    CHECK(connect(p->fd, to_any, sizeof to) == 0);
    CHECK(getsockname(p->fd, own_any, &len) == 0);
    calls_aim_at(ntohs(own.sin_port), p->is_victim);
    p->is_closed = false;
}

void peer_close(struct peer *peer)
{
    if (peer->fd >= 0)
        (void)close(peer->fd);
    peer->fd = -1;
    peer->is_asking = false;
    peer->is_closed = true;
}

static void put(struct peer *p, const char *text)
{
    size_t len = strlen(text);
    memcpy(p->out + p->out_len, text, len);
    p->out_len += (uint32_t)len;
}

static void put_echo(struct peer *p)
{
    char head[128];
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", ECHO_BYTES);
    put(p, head);
    for (uint32_t i = 0; i < ECHO_BYTES; i++)
        p->out[p->out_len++] = pattern(p->n, i);
}

static void put_get(struct peer *p)
{
    static const char *const forms[] = {
        [ASK_ID] = "/id?n=%u",    [ASK_WAIT] = "/wait?ms=0&n=%u", [ASK_BIG] = "/big?n=%u",
        [ASK_CODE_ID] = "/id/%u", [ASK_CODE_WORK] = "/count/%u",
    };
    char path[64], head[128];
    snprintf(path, sizeof path, forms[p->ask], p->n);
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    put(p, head);
}

void peer_ask(struct peer *peer, enum ask ask, uint32_t n, bool holds_back)
{
    peer->ask = ask;
    peer->n = ask == ASK_BIG ? 1 + n % 40000 : n;
    peer->out_len = peer->out_sent = peer->in_len = peer->status = peer->head_len = 0;
    if (peer->fd < 0)
        connect_to(peer);
    if (ask == ASK_ECHO || ask == ASK_CODE_ECHO)
        put_echo(peer);
    else
        put_get(peer);
    peer->out_until = holds_back ? peer->out_len / 2 : peer->out_len;
    peer->is_asking = true;
}

/* A whole answer is there: its status; 0: not yet. A victim's may be anything. */
static uint32_t parse(struct peer *p)
{
    p->in[p->in_len] = 0;
    const char *text = (const char *)p->in, *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\ncontent-length: ");
    if (end == NULL || strncmp(text, "HTTP/1.1 ", 9) != 0)
        return 0;
    p->head_len = (uint32_t)(end + 4 - text);
    p->body_len = length != NULL && length < end ? (uint32_t)strtoul(length + 18, NULL, 10) : 0;
    if (p->in_len < p->head_len + p->body_len)
        return 0;
    return (uint32_t)strtoul(text + 9, NULL, 10);
}

static void send_some(struct peer *p)
{
    if (p->out_sent == p->out_until)
        return;
    ssize_t n = send(p->fd, p->out + p->out_sent, p->out_until - p->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        p->out_sent += (uint32_t)n;
}

static void receive_some(struct peer *p)
{
    ssize_t n = recv(p->fd, p->in + p->in_len, sizeof p->in - 1 - p->in_len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        p->is_closed = true;
        p->is_asking = false;
        return;
    }
    p->in_len += (uint32_t)n;
    p->status = parse(p);
    p->is_asking = p->status == 0 && p->in_len < sizeof p->in - 1;
}

void peer_pump(struct peer *peer)
{
    if (peer->fd < 0 || !peer->is_asking)
        return;
    send_some(peer);
    receive_some(peer);
}

static uint32_t work(uint32_t n)
{
    return 190 * n + 2 * n + 1 + 40;
}

static void check_number(const struct peer *p, uint32_t wanted)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u", wanted);
    CHECK(p->body_len == (uint32_t)len && memcmp(p->in + p->head_len, text, (size_t)len) == 0);
}

static void check_body(const struct peer *p)
{
    const uint8_t *body = p->in + p->head_len;
    switch (p->ask) {
    case ASK_ECHO:
    case ASK_CODE_ECHO:
        CHECK(p->body_len == ECHO_BYTES);
        for (uint32_t i = 0; i < ECHO_BYTES; i++)
            CHECK(body[i] == pattern(p->n, i));
        return;
    case ASK_BIG:
        CHECK(p->body_len == p->n);
        for (uint32_t i = 0; i < p->n; i++)
            CHECK(body[i] == (uint8_t)(p->n - i));
        return;
    default:
        check_number(p, p->ask == ASK_CODE_WORK ? work(p->n) : p->n);
    }
}

void peer_check(const struct peer *peer, bool may_be_refused)
{
    CHECK(!peer->is_asking);
    /* A process that gets no memory ends: an answer that it has begun is cut off. */
    if (may_be_refused && (peer->status == 500 || peer->status == 503 || peer->is_closed))
        return;
    CHECK(!peer->is_closed);
    CHECK(peer->status == 200 && peer->in_len == peer->head_len + peer->body_len);
    check_body(peer);
}
