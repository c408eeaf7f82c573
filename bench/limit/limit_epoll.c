/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoll yardstick: one thread, edge-triggered. A keep-alive request costs
 * one recv, one send and a share of an epoll_wait; a request with "Connection:
 * close" accept4, recv, send and close when it arrives with its connection.
 */
#include "limit.h"

#include <sys/epoll.h>

#define EVENTS_MAX  512
#define ACCEPTS_MAX 64 /* in a row, so that a flood of connections does not starve the others */
#define INPUT_BYTES 65536u

struct conn {
    char *carry;        /* the beginning of a head that is not complete yet */
    uint32_t carry_len; /* of it */
    uint32_t owed;      /* keep-alive answers not sent yet */
    size_t paid_bytes;  /* of the first answer owed */
    bool watched;       /* epoll has the descriptor */
    bool last;          /* after what is owed: the closing answer, and close */
};

static struct conn conns[LIMIT_CONNS_MAX];
static struct limit_answer answer;
static int epoll;

static void drop(int fd)
{
    free(conns[fd].carry);
    memset(&conns[fd], 0, sizeof conns[fd]);
    close(fd); /* epoll forgets it by itself */
}

static void watch(int fd, uint32_t events)
{
    struct epoll_event e = {.events = events | EPOLLET, .data.fd = fd};
    if (epoll_ctl(epoll, conns[fd].watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) != 0) {
        drop(fd);
        return;
    }
    conns[fd].watched = true;
}

/* Send what is owed. False when the connection is gone or its peer does not read. */
static bool pay(int fd)
{
    struct conn *c = &conns[fd];
    while (c->owed > 0) {
        uint32_t count = c->owed < LIMIT_COPIES ? c->owed : LIMIT_COPIES;
        size_t len = count * answer.keep_len - c->paid_bytes;
        ssize_t sent = send(fd, answer.keep + c->paid_bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            drop(fd);
            return false;
        }
        if (sent < (ssize_t)len) { /* read no more before the peer does */
            c->paid_bytes += sent > 0 ? (size_t)sent : 0;
            c->owed -= (uint32_t)(c->paid_bytes / answer.keep_len);
            c->paid_bytes %= answer.keep_len;
            watch(fd, EPOLLOUT);
            return false;
        }
        c->owed -= count;
        c->paid_bytes = 0;
    }
    if (!c->last)
        return true;
    (void)send(fd, answer.last, answer.last_len, MSG_NOSIGNAL); /* the connection ends either way */
    drop(fd);
    return false;
}

/* Keep the beginning of a head for the next receive. */
static bool carry(struct conn *c, const char *p, size_t len)
{
    if (len > LIMIT_CARRY_BYTES || !(c->carry || (c->carry = malloc(LIMIT_CARRY_BYTES))))
        return false;
    memcpy(c->carry, p, len);
    c->carry_len = (uint32_t)len;
    return true;
}

/*
 * One receive. One that did not fill its room emptied the socket, so no edge is
 * lost by not trying again, unless the peer has ended the stream as well.
 */
static void on_readable(int fd, bool ended)
{
    static char input[INPUT_BYTES];
    struct conn *c = &conns[fd];
    for (bool again = true; again;) {
        size_t have = c->carry_len;
        if (have > 0)
            memcpy(input, c->carry, have);
        ssize_t got = recv(fd, input + have, sizeof input - have, 0);
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) {
            drop(fd);
            return;
        }
        size_t len = have + (size_t)got;
        again = ended || len == sizeof input;
        struct limit_scan s = limit_scan(input, len);
        c->carry_len = 0;
        if (s.used_bytes < len && !s.last && !carry(c, input + s.used_bytes, len - s.used_bytes)) {
            drop(fd);
            return;
        }
        c->owed = s.heads - s.last;
        c->last = s.last;
        if (!pay(fd))
            return;
    }
    if (!c->watched)
        watch(fd, EPOLLIN | EPOLLRDHUP);
}

static void on_writable(int fd)
{
    if (pay(fd))
        watch(fd, EPOLLIN | EPOLLRDHUP); /* reports at once what arrived meanwhile */
}

static void on_connections(int listener)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if ((uint32_t)fd >= LIMIT_CONNS_MAX)
            close(fd);
        else
            on_readable(fd, false); /* the first request is often there already */
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Wait for events; poll for spin_ns after the last one before sleeping. */
static int wait_events(struct epoll_event *events, uint64_t spin_ns)
{
    int count = 0;
    if (spin_ns > 0) {
        uint64_t until = now_ns() + spin_ns;
        do
            count = epoll_wait(epoll, events, EVENTS_MAX, 0);
        while (count == 0 && now_ns() < until);
    }
    return count > 0 ? count : epoll_wait(epoll, events, EVENTS_MAX, -1);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS_MAX];
    struct limit_options o = limit_options_parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = limit_listen(o.port, SOCK_NONBLOCK, o.defer);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}; /* level-triggered: it may leave some */
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int count = wait_events(events, o.spin_ns);
        limit_answer_refresh(&answer);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                on_connections(listener);
            else if (events[i].events & EPOLLOUT)
                on_writable(fd);
            else
                on_readable(fd, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
        }
    }
}
