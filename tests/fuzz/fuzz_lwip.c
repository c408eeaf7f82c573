/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever frames come, the TCP driver of metal keeps the contract of
 * proc/io.h, and nothing of lwIP or of the glue reads or writes where it should
 * not. Method: one machine on a simulated wire that accepts, echoes and closes;
 * the input is frames, as they are or made into TCP segments whose numbers
 * continue what the machine said last, so that connections come to stand. The
 * device claims that check sums are right. lwIP starts once: an input leaves
 * its connections closed and some seconds behind it.
 *
 * An input is records: a byte of kind, a byte of length, the bytes.
 */
#include "metal/lwip/driver.h"
#include "sim/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lwip/packets.h"
#include "vk/err.h"

#define CONNS_MAX 64u
#define FRAME_MAX 600u
#define STEP_NS   2000000u
#define REST_NS   5000000000u

enum { ETH = 14, IP4 = 20, TCP = 20 };
enum { KIND_RAW, KIND_IP4, KIND_IP6, KIND_ARP, KIND_TCP, KIND_TIME, KINDS };

static struct sim_wire *wire;
static struct proc_io *io;
static uint64_t asleep_ns;
static uint32_t listener;

/* Tags: the number of a connection above what is asked of it. */
enum { TAG_ACCEPT, TAG_RECV, TAG_SEND, TAG_CLOSE };
static uint32_t conns_open;
static uint8_t echo[CONNS_MAX][FRAME_MAX];

/* Of the last segment that the machine sent: what continues it. */
static uint32_t their_seq, their_ack;
static uint16_t far_port = 40000;

static void put32(uint8_t *to, uint32_t value)
{
    packets_put16(to, value >> 16);
    packets_put16(to + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* ---- the machine's program ------------------------------------------------------ */

static void ask(uint8_t code, uint32_t conn, uint32_t what, void *buf, uint32_t len)
{
    const struct proc_io_req req = {
        .code = code, .conn = conn, .buf = buf, .len = len, .tag = (uint64_t)conn << 8 | what};
    int rc = io->ops->submit(io, &req);
    FUZZ_CHECK(rc == 0 || rc == -VK_EBADH || rc == -VK_EINVAL || rc == -VK_EOVERFLOW);
}

static void on_event(const struct proc_io_event *event)
{
    uint32_t conn = (uint32_t)(event->tag >> 8);
    switch (event->tag & 0xff) {
    case TAG_ACCEPT:
        if (event->res >= 0) {
            conns_open++;
            ask(PROC_IO_RECV, (uint32_t)event->res, TAG_RECV, NULL, 0);
        }
        if (!(event->flags & PROC_IO_MORE))
            ask(PROC_IO_ACCEPT, listener, TAG_ACCEPT, NULL, 0);
        break;
    case TAG_RECV:
        if (event->res <= 0) {
            ask(PROC_IO_CLOSE, conn, TAG_CLOSE, NULL, 0);
            break;
        }
        FUZZ_CHECK(event->data != NULL);
        size_t len = (size_t)event->res < FRAME_MAX ? (size_t)event->res : FRAME_MAX;
        memcpy(echo[conn % CONNS_MAX], event->data, len);
        ask(PROC_IO_SEND, conn, TAG_SEND, echo[conn % CONNS_MAX], (uint32_t)len);
        break;
    case TAG_SEND:
        if (event->res > 0)
            ask(PROC_IO_RECV, conn, TAG_RECV, NULL, 0);
        else
            ask(PROC_IO_CLOSE, conn, TAG_CLOSE, NULL, 0);
        break;
    default:
        FUZZ_CHECK(event->res == 0 && conns_open > 0);
        conns_open--;
        break;
    }
}

/* ---- the other end of the wire ------------------------------------------------------- */

static void transmit(const uint8_t *frame, uint32_t len)
{
    static const struct net_dev_sum none;
    struct net_dev *dev = sim_wire_end(wire, 1);
    struct vk_span piece = vk_span(frame, len);
    (void)dev->ops->send(dev, &piece, 1, &none); /* -VK_EAGAIN: the wire is full */
}

static void answer_arp(const uint8_t *frame)
{
    uint8_t reply[42];
    memcpy(reply, frame, 42);
    memcpy(reply, frame + 6, 6);
    memcpy(reply + 6, packets_far, 6);
    reply[21] = 2; /* reply */
    memcpy(reply + 22, packets_far, 6);
    memcpy(reply + 28, frame + 38, 4);
    memcpy(reply + 32, frame + 22, 10);
    transmit(reply, sizeof reply);
}

static void hear(const uint8_t *frame, uint32_t len)
{
    if (len >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 1)
        answer_arp(frame);
    if (len >= ETH + IP4 + TCP && frame[12] == 8 && frame[13] == 0 && frame[ETH + 9] == 6) {
        const uint8_t *tcp = frame + ETH + IP4;
        their_seq = get32(tcp + 4);
        their_ack = get32(tcp + 8);
        far_port = (uint16_t)(tcp[2] << 8 | tcp[3]);
    }
}

static void on_sleep(void *ctx, uint64_t until_ns)
{
    (void)ctx;
    asleep_ns = until_ns;
    io->ops->wake(io);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void run_for(uint64_t ns)
{
    struct net_dev *far = sim_wire_end(wire, 1);
    uint64_t end_ns = sim_wire_now(wire) + ns, now_ns;
    while (sim_wire_now(wire) < end_ns) {
        struct proc_io_event events[16];
        struct net_dev_buf *buf;
        asleep_ns = sim_wire_now(wire);
        uint32_t count = io->ops->wait(io, events, VK_COUNT(events), end_ns, &now_ns);
        for (uint32_t i = 0; i < count; i++)
            on_event(&events[i]);
        while ((buf = far->ops->receive(far)) != NULL) {
            hear(buf->data, buf->len_bytes);
            far->ops->give(far, buf);
        }
        sim_wire_advance(wire, least(least(count ? asleep_ns + 1 : asleep_ns, end_ns),
                                     least(sim_wire_next(wire, 0), sim_wire_next(wire, 1))));
    }
}

/* ---- frames ---------------------------------------------------------------------------- */

static uint32_t put_ethernet(uint8_t *frame, uint32_t type)
{
    static const uint8_t near[6] = {2, 0, 0, 0, 0, 1};
    memcpy(frame, near, 6);
    memcpy(frame + 6, packets_far, 6);
    packets_put16(frame + 12, type);
    return ETH;
}

/* The head as it must be, whatever the bytes say; else nothing behind it is looked at. */
static void put_ip4(uint8_t *ip, uint32_t len, uint8_t protocol)
{
    static const uint8_t addresses[8] = {10, 0, 0, 2, 10, 0, 0, 1};
    memset(ip, 0, IP4);
    ip[0] = 0x45;
    ip[8] = 64;
    ip[9] = protocol;
    packets_put16(ip + 2, len);
    memcpy(ip + 12, addresses, 8);
    packets_put16(ip + 10, ~packets_sum(ip, IP4, 0) & 0xffff);
}

/* Up to 128 below, up to 127 above. */
static uint32_t near_to(uint32_t number, uint8_t by)
{
    return number + by - (by >= 128 ? 256 : 0);
}

/* Bytes: flags, what is added to the numbers, options and window, then options and data. */
static void send_tcp(const uint8_t *bytes, uint32_t len)
{
    static const uint16_t windows[4] = {8192, 0, 1, 10};
    uint8_t frame[FRAME_MAX] = {0}, *tcp = frame + ETH + IP4;
    if (len < 4)
        return;
    uint32_t rest = len - 4, whole = IP4 + TCP + rest;
    bool opens = bytes[0] & 2;
    (void)put_ethernet(frame, 0x800);
    put_ip4(frame + ETH, whole, 6);
    packets_put16(tcp, opens ? 40000u + bytes[1] % 8 : far_port);
    packets_put16(tcp + 2, 80);
    put32(tcp + 4, opens ? 1000 : near_to(their_ack, bytes[1]));
    put32(tcp + 8, opens ? 0 : near_to(their_seq, bytes[2]));
    tcp[12] = (uint8_t)(0x50 + (bytes[3] & 0x30 ? 0 : (bytes[3] & 0xf) << 4));
    tcp[13] = bytes[0];
    packets_put16(tcp + 14, windows[bytes[3] >> 6]);
    memcpy(tcp + TCP, bytes + 4, rest);
    transmit(frame, ETH + whole);
}

static void send_record(uint8_t kind, const uint8_t *bytes, uint32_t len)
{
    static const uint16_t types[KINDS] = {[KIND_IP4] = 0x800, [KIND_IP6] = 0x86dd, [KIND_ARP] = 0x806};
    uint8_t frame[FRAME_MAX];
    uint32_t at = 0;
    if (kind == KIND_TCP) {
        send_tcp(bytes, len);
        return;
    }
    if (kind != KIND_RAW)
        at = put_ethernet(frame, types[kind]);
    memcpy(frame + at, bytes, len);
    if (kind == KIND_IP4 && len >= IP4)
        put_ip4(frame + at, len, bytes[9]);
    if (at + len >= ETH)
        transmit(frame, at + len);
}

static void start(void)
{
    static struct vk_region region;
    struct sim_wire_options wire_options;
    struct metal_lwip_options options = {.conns_max = CONNS_MAX};
    const struct proc_addr any = {.family = 4, .port = 80};
    struct proc_addr bound;
    const char *why;
    size_t at;
    sim_wire_options_default(&wire_options, 1);
    wire_options.can_sum = true;
    FUZZ_CHECK(metal_lwip_config_parse("10.0.0.1/24,fd00::1/64,dns=10.0.0.2", &options.config, &why, &at) ==
               0);
    FUZZ_CHECK(vk_region_init(&region,
                              sim_wire_region_bytes(&wire_options) + metal_lwip_region_bytes(&options)) == 0);
    FUZZ_CHECK(sim_wire_create(&wire_options, &region, &wire) == 0);
    options.dev = sim_wire_end(wire, 0);
    FUZZ_CHECK(metal_lwip_create(&options, &region, &io) == 0);
    sim_wire_on_sleep(wire, 0, on_sleep, NULL);
    FUZZ_CHECK(io->ops->listen(io, &any, false, &listener, &bound) == 0);
    ask(PROC_IO_ACCEPT, listener, TAG_ACCEPT, NULL, 0);
    run_for(REST_NS);
}

/* Every connection is reset by the far end, as far as the machine tells its numbers; then time passes. */
static void finish(void)
{
    static const uint8_t reset[4] = {4, 0, 0, 0x10};
    for (uint32_t i = 0; i < 8; i++) {
        send_tcp(reset, sizeof reset);
        run_for(STEP_NS);
    }
    run_for(REST_NS);
    FUZZ_CHECK(conns_open <= CONNS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (io == NULL)
        start();
    while (size >= 2) {
        uint8_t kind = data[0] % KINDS;
        uint32_t len = data[1];
        data += 2;
        size -= 2;
        len = len < size ? len : (uint32_t)size;
        if (kind == KIND_TIME)
            run_for((uint64_t)STEP_NS << (len & 7));
        else
            send_record(kind, data, len);
        run_for(STEP_NS);
        data += len;
        size -= len;
    }
    finish();
    return 0;
}
