/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process, one poll for all. A direction reads when it has nothing to
 * write, so what a slow reader leaves holds up its own peer and nobody else.
 */
#include "vkd/relay.h"

#include "vk/base.h"
#include "vk/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE_BYTES 16384u
#define OTHERS      32u /* descriptors that are no connection's */

/* One direction of a connection: from its end to the other. */
struct way {
    size_t at, len; /* of the bytes that wait to be written */
    bool has_ended; /* nothing more is read */
    bool is_told;   /* the other end knows that */
    char bytes[PIECE_BYTES];
};

/* Both ends, and what goes from each of them. */
struct link {
    int fds[2];
    struct way ways[2];
};

static struct relay {
    int listen_fd;
    struct sockaddr_in target;
    struct link *links[VKD_RELAYED_MAX];
    struct pollfd polls[1 + 2 * VKD_RELAYED_MAX]; /* the listener, then two for each link */
    uint32_t count;
    uint32_t max; /* of links, for the descriptors there are */
} relay;

/* ---- one connection ------------------------------------------------------------------ */

static void end_link(uint32_t index)
{
    struct link *link = relay.links[index];
    (void)close(link->fds[0]);
    (void)close(link->fds[1]);
    free(link);
    relay.links[index] = relay.links[--relay.count];
}

/* Whether the error means no more than "later". */
static bool is_later(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Move what can be moved from one end to the other. False: the connection is broken. */
static bool carry(struct link *link, uint32_t from)
{
    struct way *way = &link->ways[from];
    if (way->len == 0 && !way->has_ended) {
        ssize_t got = recv(link->fds[from], way->bytes, PIECE_BYTES, 0);
        if (got < 0 && !is_later())
            return false;
        way->has_ended = got == 0;
        way->at = 0;
        way->len = got > 0 ? (size_t)got : 0;
    }
    if (way->len > 0) {
        ssize_t put = send(link->fds[!from], way->bytes + way->at, way->len, MSG_NOSIGNAL);
        if (put < 0 && !is_later())
            return false;
        way->at += put > 0 ? (size_t)put : 0;
        way->len -= put > 0 ? (size_t)put : 0;
    }
    if (way->len > 0 || !way->has_ended || way->is_told)
        return true;
    way->is_told = shutdown(link->fds[!from], SHUT_WR) == 0;
    return way->is_told;
}

static short wanted(const struct link *link, uint32_t end)
{
    bool reads = link->ways[end].len == 0 && !link->ways[end].has_ended;
    bool writes = link->ways[!end].len > 0;
    return (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

/* ---- all of them ----------------------------------------------------------------------- */

static void take_one(void)
{
    int fd = accept4(relay.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int other = fd >= 0 ? socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    struct link *link = other >= 0 ? calloc(1, sizeof *link) : NULL;
    int rc = link != NULL ? connect(other, (const struct sockaddr *)&relay.target, sizeof relay.target) : -1;
    if (link != NULL && (rc == 0 || errno == EINPROGRESS)) {
        link->fds[0] = fd;
        link->fds[1] = other;
        relay.links[relay.count++] = link;
        return;
    }
    free(link);
    if (other >= 0)
        (void)close(other);
    if (fd >= 0)
        (void)close(fd);
}

static void fill_polls(void)
{
    bool takes = relay.count < relay.max; /* the others wait in the queue */
    relay.polls[0] = (struct pollfd){.fd = takes ? relay.listen_fd : -1, .events = POLLIN};
    for (uint32_t i = 0; i < 2 * relay.count; i++) {
        const struct link *link = relay.links[i / 2];
        short events = wanted(link, i % 2);
        /* Who is asked nothing would else report its end over and over. */
        relay.polls[1 + i] = (struct pollfd){.fd = events != 0 ? link->fds[i % 2] : -1, .events = events};
    }
}

/* Two descriptors for each link, and those that are open already. */
static uint32_t affordable_links(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t links = limit.rlim_max > OTHERS ? (limit.rlim_max - OTHERS) / 2 : 1;
    return links < VKD_RELAYED_MAX ? (uint32_t)links : VKD_RELAYED_MAX;
}

static _Noreturn void run(void)
{
    for (;;) {
        fill_polls();
        if (poll(relay.polls, 1 + 2 * relay.count, -1) < 0 && errno != EINTR)
            _exit(1);
        for (uint32_t i = relay.count;
             i-- > 0;) { /* from the last one, since one that ends is replaced by it */
            struct link *link = relay.links[i];
            if (relay.polls[1 + 2 * i].revents == 0 && relay.polls[2 + 2 * i].revents == 0)
                continue;
            bool is_whole = carry(link, 0) && carry(link, 1);
            if (!is_whole || (link->ways[0].is_told && link->ways[1].is_told))
                end_link(i);
        }
        if (relay.polls[0].revents != 0)
            take_one();
    }
}

pid_t vkd_relay_start(int listen_fd, uint16_t port)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid > 0 ? pid : -errno;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, 0); /* a terminal's signals are the command's */
    if (getppid() != parent)
        _exit(1);
    relay.max = affordable_links();
    relay.listen_fd = listen_fd;
    relay.target = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    run();
}
