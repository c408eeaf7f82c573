/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least HTTP server on proc/io.h: it finds the blank line and sends a
 * constant. Against bench/limit it shows what a driver alone costs.
 *
 *   driver_echo DRIVER PORT [defer] [stats] [nospin]
 */
#include "net/linux/ev.h"
#include "net/linux/uring.h"
#include "vk/err.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { COPIES = 64, CARRY = 4096, CONNS = 1 << 18, EVENTS = 512 };
enum { TAG_ACCEPT = 1, TAG_FIRST, TAG_RECV, TAG_SEND, TAG_CLOSE };

struct conn {
    char *carry;
    uint32_t carried;
    uint32_t closing;
};

static struct conn conns[CONNS];
static uint32_t index_mask = CONNS - 1;
static char answers[COPIES * 256], last_answer[256];
static uint32_t answer_bytes, last_bytes;
static struct proc_io *io;
static uint64_t sends_started;
static volatile sig_atomic_t stop;

static void fill_answers(void)
{
    static time_t filled_s;
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    if (ts.tv_sec == filled_s)
        return;
    filled_s = ts.tv_sec;
    char date[64], one[256];
    struct tm tm;
    (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&ts.tv_sec, &tm));
    static const char form[] = "HTTP/1.1 200 OK\r\nServer: limit\r\nDate: %s\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 13\r\n%s\r\nHello, World!";
    answer_bytes = (uint32_t)snprintf(one, sizeof(one), form, date, "");
    last_bytes = (uint32_t)snprintf(last_answer, sizeof(last_answer), form, date, "Connection: close\r\n");
    for (uint32_t i = 0; i < COPIES; i++)
        memcpy(answers + (size_t)i * answer_bytes, one, answer_bytes);
}

/* As in bench/limit: complete heads in p[0..n), *used bytes, *last when one asks to close. */
static uint32_t scan(const char *p, size_t n, size_t *used, bool *last)
{
    const char *s = p, *end = p + n, *q;
    uint32_t heads = 0;
    bool closes = false;
    *used = 0;
    *last = false;
    while (s < end && (q = memchr(s, '\n', (size_t)(end - s))) != NULL) {
        s = q + 1;
        if (end - s >= 2 && s[0] == '\r' && s[1] == '\n') {
            s += 2;
            heads++;
            *used = (size_t)(s - p);
            if (closes) {
                *last = true;
                return heads;
            }
        } else if (end - s >= 17 && (s[0] | 32) == 'c' && s[9] == 'n' &&
                   !strncasecmp(s, "connection: close", 17)) {
            closes = true;
        }
    }
    return heads;
}

static void submit(uint8_t code, uint8_t flags, uint32_t conn, void *buf, uint32_t len, uint64_t kind)
{
    uint64_t tag = kind << 32 | conn;
    if (kind == TAG_SEND) /* several of one connection may be in flight */
        tag |= ++sends_started << 40;
    struct proc_io_req req = {.code = code, .flags = flags, .conn = conn, .buf = buf, .len = len, .tag = tag};
    int err = io->ops->submit(io, &req);
    if (err != 0) {
        fprintf(stderr, "submit %d: %s\n", code, vk_err_text(err));
        exit(1);
    }
}

static void end(uint32_t number)
{
    struct conn *conn = &conns[number & index_mask];
    if (!conn->closing)
        submit(PROC_IO_CLOSE, 0, number, NULL, 0, TAG_CLOSE);
    conn->closing = 1;
}

static void answer(uint32_t number, uint32_t count)
{
    while (count > 0) {
        uint32_t some = count < COPIES ? count : COPIES;
        submit(PROC_IO_SEND, 0, number, answers, some * answer_bytes, TAG_SEND);
        count -= some;
    }
}

static void on_data(uint32_t number, const uint8_t *data, size_t len)
{
    static char join[CARRY + (1 << 16)];
    struct conn *conn = &conns[number & index_mask];
    const char *p = (const char *)data;
    if (conn->carried != 0) {
        memcpy(join, conn->carry, conn->carried);
        memcpy(join + conn->carried, data, len);
        p = join;
        len += conn->carried;
    }
    size_t used;
    bool last;
    uint32_t heads = scan(p, len, &used, &last);
    size_t rest = len - used;
    if (rest != 0 && !last) {
        if (conn->carry == NULL)
            conn->carry = malloc(CARRY);
        if (conn->carry == NULL || rest > CARRY) {
            end(number);
            return;
        }
        memcpy(conn->carry, p + used, rest);
    }
    conn->carried = (uint32_t)rest;
    answer(number, last ? heads - 1 : heads);
    if (last) {
        submit(PROC_IO_SEND, 0, number, last_answer, last_bytes, TAG_SEND);
        end(number);
    }
}

static void on_event(const struct proc_io_event *ev)
{
    uint32_t number = (uint32_t)ev->tag;
    struct conn *conn = &conns[number & index_mask];
    switch (ev->tag >> 32 & 0xff) {
    case TAG_ACCEPT:
        if (ev->res < 0)
            fprintf(stderr, "accept: %s\n", vk_err_text(ev->res));
        else
            submit(PROC_IO_RECV, 0, (uint32_t)ev->res, NULL, 0, TAG_FIRST);
        break;
    case TAG_FIRST:
    case TAG_RECV:
        if (ev->res > 0)
            on_data(number, ev->data, (size_t)ev->res);
        else
            end(number);
        if (!(ev->flags & PROC_IO_MORE) && !conn->closing)
            submit(PROC_IO_RECV, PROC_IO_MULTI, number, NULL, 0, TAG_RECV);
        break;
    case TAG_CLOSE:
        free(conn->carry);
        *conn = (struct conn){0};
        break;
    default:
        break;
    }
}

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
    io->ops->wake(io);
}

static void print_stats(void)
{
    const struct net_io_stats *s = net_io_stats(io);
    double sends = s->sends != 0 ? (double)s->sends : 1;
    fprintf(stderr,
            "waits %llu calls %llu (%.3f a send) sleeps %llu spins %llu accepts %llu recvs %llu sends %llu "
            "rearms %llu "
            "starved %llu live %u ops %u\n",
            (unsigned long long)s->waits, (unsigned long long)s->calls, (double)s->calls / sends,
            (unsigned long long)s->sleeps, (unsigned long long)s->spins, (unsigned long long)s->accepts,
            (unsigned long long)s->recvs, (unsigned long long)s->sends, (unsigned long long)s->rearms,
            (unsigned long long)s->starved, s->conns_live, s->ops_live);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    bool defer = false, stats = false;
    struct net_io_options options = {0};
    for (int i = 3; i < argc; i++) {
        defer |= !strcmp(argv[i], "defer");
        stats |= !strcmp(argv[i], "stats");
        options.no_spin |= !strcmp(argv[i], "nospin");
    }
    int err = argv[1][0] == 'u' ? net_uring_create(&options, &io) : net_ev_create(&options, &io);
    struct proc_addr addr = {.family = 4, .port = (uint16_t)atoi(argv[2]), .ip = {127, 0, 0, 1}}, bound;
    uint32_t listener = 0;
    if (err == 0)
        err = io->ops->listen(io, &addr, defer, &listener, &bound);
    if (err != 0) {
        fprintf(stderr, "%s: %s\n", argv[1], vk_err_text(err));
        return 1;
    }
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    submit(PROC_IO_ACCEPT, 0, listener, NULL, 0, TAG_ACCEPT);
    static struct proc_io_event events[EVENTS];
    while (!stop) {
        uint64_t now_ns;
        uint32_t count = io->ops->wait(io, events, EVENTS, UINT64_MAX, &now_ns);
        fill_answers();
        for (uint32_t i = 0; i < count; i++)
            on_event(&events[i]);
    }
    if (stats)
        print_stats();
    io->ops->destroy(io);
    return 0;
}
