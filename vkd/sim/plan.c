/* SPDX-License-Identifier: Apache-2.0 */
/* What a client will say: its requests as bytes, and what the answer to each must be. */
#include "vkd/sim/peer.h"

#include <stdio.h>
#include <string.h>

#define HOST_FIELD "Host: a\r\n"

static void put(struct vkd_peer *p, const void *bytes, size_t len)
{
    vk_assert(p->out_len + len <= sizeof p->out);
    memcpy(p->out + p->out_len, bytes, len);
    p->out_len += (uint32_t)len;
}

static struct vkd_expect *expect(struct vkd_peer *p, enum vkd_expect_kind kind, uint32_t n)
{
    struct vkd_expect *e = &p->expects[p->expects_count++];
    *e = (struct vkd_expect){.kind = kind, .n = n};
    return e;
}

/* A request without a body. */
static struct vkd_expect *ask(struct vkd_peer *p, const char *path, uint32_t n, const char *fields,
                              enum vkd_expect_kind kind, uint32_t expected)
{
    char text[256];
    int len = snprintf(text, sizeof text, "GET %s?n=%u HTTP/1.1\r\n" HOST_FIELD "%s\r\n", path, n, fields);
    put(p, text, (size_t)len);
    return expect(p, kind, expected);
}

static void put_chunks(struct vkd_peer *p, uint32_t len)
{
    char text[32];
    uint8_t piece[2000];
    for (uint32_t at = 0; at < len;) {
        uint32_t n = (uint32_t)sim_rand_between(&p->rand, 1, len > ECHO_BYTES ? sizeof piece : 900);
        n = n < len - at ? n : len - at;
        for (uint32_t i = 0; i < n; i++)
            piece[i] = vkd_echo_byte(at + i);
        put(p, text, (size_t)snprintf(text, sizeof text, "%x\r\n", n));
        put(p, piece, n);
        put(p, "\r\n", 2);
        at += n;
    }
    put(p, "0\r\n\r\n", 5);
}

static void ask_echo(struct vkd_peer *p, uint32_t n)
{
    char text[160];
    bool is_large = n % 11 == 0 && p->manner != VKD_MANNER_DRIP;
    uint32_t len = n % (is_large ? LARGE_BYTES : ECHO_BYTES);
    if (p->out_len + 2 * len + 512 > sizeof p->out)
        len = 5;
    expect(p, EXPECT_ECHO, len);
    if (n % 2) {
        static const char head[] = "POST /echo HTTP/1.1\r\n" HOST_FIELD "Transfer-Encoding: chunked\r\n\r\n";
        put(p, head, sizeof head - 1);
        put_chunks(p, len);
        return;
    }
    put(p, text,
        (size_t)snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\n" HOST_FIELD "Content-Length: %u\r\n\r\n",
                         len));
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = vkd_echo_byte(i);
        put(p, &byte, 1);
    }
}

/* Who asks a process that dies, or watches one that has ended already, hears so. */
static bool may_refuse(const struct vkd_peer *p, enum vkd_route route)
{
    bool is_native = p->world->script->program == VKD_PROGRAM_NATIVE;
    bool asks_keeper = route == VKD_ROUTE_COUNT || route == VKD_ROUTE_SERVED || route == VKD_ROUTE_FLOOD;
    return (asks_keeper && p->world->has_kicks) || (route == VKD_ROUTE_CHILD && is_native);
}

/* One of the routes of the programs that come with the simulator. False when it surely ends the connection.
 */
static bool ask_route(struct vkd_peer *p, enum vkd_route route, uint32_t n)
{
    bool closes = n % 17 == 0;
    switch (route) {
    case VKD_ROUTE_WAIT:
    case VKD_ROUTE_COUNT:
    case VKD_ROUTE_FIBERS:
    case VKD_ROUTE_SERVED:
    case VKD_ROUTE_CHILD:
    case VKD_ROUTE_PEEK:
    case VKD_ROUTE_RELAY:
    case VKD_ROUTE_FLOOD:
    case VKD_ROUTE_ALL: {
        static const char *const paths[VKD_ROUTES] = {
            [VKD_ROUTE_WAIT] = "/wait",     [VKD_ROUTE_COUNT] = "/count", [VKD_ROUTE_FIBERS] = "/fibers",
            [VKD_ROUTE_SERVED] = "/served", [VKD_ROUTE_CHILD] = "/child", [VKD_ROUTE_PEEK] = "/peek",
            [VKD_ROUTE_RELAY] = "/relay",   [VKD_ROUTE_FLOOD] = "/flood", [VKD_ROUTE_ALL] = "/all"};
        struct vkd_expect *e = ask(p, paths[route], n, "", EXPECT_TEXT, n);
        e->after_ns = route == VKD_ROUTE_WAIT ? (uint64_t)(n % 3000) * 1000000 : 0;
        e->alt = may_refuse(p, route) ? 502 : 0;
        return true;
    }
    case VKD_ROUTE_ECHO:
        ask_echo(p, n);
        return true;
    case VKD_ROUTE_BIG:
        ask(p, "/big", n % BIG_BYTES, "", EXPECT_BIG, n % BIG_BYTES);
        return true;
    case VKD_ROUTE_CRASH:
        ask(p, "/crash", n, "", EXPECT_ERROR, 500);
        return false;
    case VKD_ROUTE_FAIL:
        ask(p, "/fail", n, "", EXPECT_ERROR, 500);
        return false;
    case VKD_ROUTE_LATE:
        ask(p, "/late", n, "", EXPECT_ERROR, 500);
        return false;
    case VKD_ROUTE_GONE:
        ask(p, "/gone", n, "", EXPECT_ERROR, 404);
        return true;
    case VKD_ROUTE_KICK:
        ask(p, "/kick", n, "", EXPECT_TEXT, n);
        return true;
    case VKD_ROUTE_STORE:
        ask(p, "/store", n, "", EXPECT_STORE, n);
        return true;
    default:
        ask(p, "/id", n, closes ? "Connection: close\r\n" : "", EXPECT_TEXT, n);
        return !closes;
    }
}

/* Asks for more than its socket holds: far more, or so little that the server is done but for the last send.
 */
static void plan_deaf(struct vkd_peer *p)
{
    bool is_far = sim_rand_below(&p->rand, 2) == 0;
    uint32_t n = is_far ? HUGE_BYTES : p->world->script->set[VKD_SET_socket_kib] * 1024 + 5000;
    ask(p, "/big", n, is_far ? "" : "Connection: close\r\n", EXPECT_BIG, n);
}

static void plan_bad(struct vkd_peer *p)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "\x01\x02\x03\x04",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /id?n=1 HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    };
    const char *text = bad[sim_rand_below(&p->rand, VK_COUNT(bad))];
    put(p, text, strlen(text));
    expect(p, EXPECT_ERROR, 400);
}

/* Bytes that are another's at hardly any place. */
static void plan_raw(struct vkd_peer *p)
{
    uint32_t len =
        1 + (uint32_t)sim_rand_below(&p->rand, sim_rand_below(&p->rand, 4) == 0 ? LARGE_BYTES : 2000);
    for (uint32_t i = 0; i < len; i++)
        p->out[i] = (uint8_t)sim_rand_next(&p->rand);
    p->out_len = len;
}

static void plan_stop(struct vkd_peer *p)
{
    static const char head[] = "GET /id?n=1 HTTP/1.1\r\n" HOST_FIELD "X-Long: of a head that never ends";
    put(p, head, 30 + sim_rand_below(&p->rand, 20));
    expect(p, EXPECT_ERROR, 408);
}

static void plan_asks(struct vkd_peer *p, const struct vkd_event *asks, uint32_t count)
{
    bool goes_on = true;
    for (uint32_t i = 0; i < count && goes_on && p->expects_count < EXPECTS_MAX; i++) {
        if (p->out_len + 2048 > sizeof p->out)
            return;
        if (p->world->script->program == VKD_PROGRAM_FILE)
            goes_on = vkd_peer_ask_route(p, asks[i].what, asks[i].n);
        else
            goes_on = ask_route(p, (enum vkd_route)asks[i].what, asks[i].n);
        p->ends[p->expects_count - 1] = p->out_len;
    }
}

void vkd_peer_plan(struct vkd_peer *p, const struct vkd_event *asks, uint32_t asks_count)
{
    bool is_file = p->world->script->program == VKD_PROGRAM_FILE;
    switch (is_file && p->manner == VKD_MANNER_DEAF ? VKD_MANNER_PLAIN : p->manner) {
    case VKD_MANNER_SILENT:
        break;
    case VKD_MANNER_STOP:
        plan_stop(p);
        break;
    case VKD_MANNER_DEAF:
        plan_deaf(p);
        break;
    case VKD_MANNER_RAW:
        plan_raw(p);
        break;
    case VKD_MANNER_BAD:
        plan_bad(p);
        break;
    default:
        plan_asks(p, asks, asks_count);
        return;
    }
    if (p->expects_count > 0)
        p->ends[0] = p->out_len;
}

void vkd_peer_put(struct vkd_peer *p, const void *bytes, size_t len)
{
    put(p, bytes, len);
}

struct vkd_expect *vkd_peer_expect(struct vkd_peer *p, enum vkd_expect_kind kind, uint32_t n)
{
    return expect(p, kind, n);
}
