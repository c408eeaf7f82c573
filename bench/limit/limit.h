/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two yardsticks share: the constant answer, the search for the end
 * of a request head, the listener. A yardstick does the least that a
 * conforming HTTP/1.1 server of one GET can do on its driver: keep-alive,
 * pipelining, "Connection: close", and a Date that is never older than a
 * second. It checks nothing else and has no deadlines; it is for measuring.
 */
#ifndef LIMIT_H
#define LIMIT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_CONNS_MAX    20480u /* connection state is indexed by descriptor; beyond it: closed */
#define LIMIT_COPIES       64u    /* answers laid end to end: so many leave in one send */
#define LIMIT_ANSWER_BYTES 256u   /* room for one answer */
#define LIMIT_CARRY_BYTES  4096u  /* longest head kept between two receives; longer: closed */

struct limit_answer {
    char keep[LIMIT_COPIES * LIMIT_ANSWER_BYTES]; /* "keep-alive" answers */
    char last[LIMIT_ANSWER_BYTES];                /* the answer to "Connection: close" */
    size_t keep_len;                              /* of one */
    size_t last_len;
    time_t second; /* what the Date says */
};

struct limit_scan {
    size_t used_bytes; /* up to the end of the last complete head */
    uint32_t heads;    /* complete ones */
    bool last;         /* the last of them asked to close; the scan ended there */
};

static inline void limit_answer_build(struct limit_answer *a, time_t second)
{
    static const char format[] = "HTTP/1.1 200 OK\r\nDate: %s\r\nServer: vkd\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: 13\r\n%s\r\nHello, World!";
    char date[64];
    struct tm tm;
    a->second = second;
    gmtime_r(&second, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    a->keep_len = (size_t)snprintf(a->keep, sizeof a->keep, format, date, "");
    a->last_len = (size_t)snprintf(a->last, sizeof a->last, format, date, "Connection: close\r\n");
    for (size_t i = 1; i < LIMIT_COPIES; i++)
        memcpy(a->keep + i * a->keep_len, a->keep, a->keep_len);
}

/* Once per turn of the event loop: one read of the coarse clock, which is no system call. */
static inline void limit_answer_refresh(struct limit_answer *a)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != a->second)
        limit_answer_build(a, now.tv_sec);
}

/* Count the complete heads in [p, p + len): one step per line. */
static inline struct limit_scan limit_scan(const char *p, size_t len)
{
    static const char close_field[] = "connection: close";
    const size_t close_len = sizeof close_field - 1;
    const char *line = p, *end = p + len;
    struct limit_scan found = {0};
    bool closing = false; /* seen in the head being scanned */
    while ((line = memchr(line, '\n', (size_t)(end - line)))) {
        line++;
        size_t left = (size_t)(end - line);
        if (left >= 2 && line[0] == '\r' && line[1] == '\n') {
            line += 2;
            found.heads++;
            found.used_bytes = (size_t)(line - p);
            if (closing) {
                found.last = true;
                return found;
            }
        } else if (left >= close_len && (line[0] | 32) == 'c' && line[9] == 'n' &&
                   strncasecmp(line, close_field, close_len) == 0) {
            closing = true;
        }
    }
    return found;
}

/* A listener on the loopback address; defer: TCP_DEFER_ACCEPT. Ends the program on failure. */
static inline int limit_listen(uint16_t port, int flags, bool defer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), one = 1;
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* accepted sockets inherit it */
    if (defer)
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one); /* seconds */
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, 4096) != 0) {
        perror("limit: cannot listen");
        exit(1);
    }
    fprintf(stderr, "listening on http://127.0.0.1:%u\n", port);
    return fd;
}

struct limit_options {
    uint16_t port;
    bool defer;       /* --defer: TCP_DEFER_ACCEPT */
    uint64_t spin_ns; /* --spin US: poll so long before sleeping (epoll only) */
};

/* Ends the program with a usage line when the arguments are wrong. */
static inline struct limit_options limit_options_parse(int argc, char **argv)
{
    struct limit_options o = {0};
    int i = 2;
    if (argc > 1)
        o.port = (uint16_t)atoi(argv[1]);
    for (; i < argc; i++) {
        if (strcmp(argv[i], "--defer") == 0)
            o.defer = true;
        else if (strcmp(argv[i], "--spin") == 0 && i + 1 < argc)
            o.spin_ns = (uint64_t)atoi(argv[++i]) * 1000u;
        else
            break;
    }
    if (o.port == 0 || i < argc) {
        fprintf(stderr, "usage: %s PORT [--defer] [--spin US]\n", argv[0]);
        exit(2);
    }
    return o;
}

#endif
