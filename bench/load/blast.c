/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load generator for one core that keeps one server core busy: cheaper than
 * wrk because it learns the length of an answer from one probe and then counts
 * bytes. Each batch of answers must have exactly the learned length and end
 * with the learned bytes, or the run fails. Loopback only.
 *
 *   blast PORT CONNS DEPTH SECONDS [--path PATH] [--latency]
 *
 * DEPTH requests are written at once and their answers awaited (a closed
 * loop); 0 is a new connection for each request, with "Connection: close".
 * --latency also times each batch, from its write to its last byte.
 *
 * Prints one line of JSON; exit 1 when an answer was wrong or missing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX     20000u
#define DEPTH_MAX     128u
#define REQUEST_BYTES 512u /* room for one request */
#define INPUT_BYTES   (1u << 18)
#define TAIL_BYTES    16u /* of the body compared at the end of each batch */
#define GRACE_SECONDS 5u  /* beyond the asked time: then something hangs */

/*
 * Times in ns, counted in buckets of 1/64 of their power of two: a reported
 * time is at most 1.6 % below the true one.
 */
#define BUCKET_BITS 6u
#define BUCKETS     ((64u - BUCKET_BITS) << BUCKET_BITS)

struct conn {
    size_t left_bytes; /* of the answers awaited */
    uint64_t start_ns; /* when they were asked for; --latency only */
};

static struct {
    uint16_t port;
    unsigned conns, depth;
    double seconds;
    const char *path;
    bool latency;
} opt = {.path = "/"};

static char request[DEPTH_MAX * REQUEST_BYTES]; /* a batch */
static size_t request_len;
static size_t answer_len; /* of one answer */
static char tail[TAIL_BYTES];
static size_t tail_len;
static struct conn *conns; /* by descriptor */
static uint64_t done;      /* answers */
static uint64_t buckets[BUCKETS];
static int epoll;

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "blast: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- histogram ----------------------------------------------------------- */

static unsigned bucket_of(uint64_t ns)
{
    if (ns < 2u << BUCKET_BITS)
        return (unsigned)ns;
    unsigned shift = 63u - BUCKET_BITS - (unsigned)__builtin_clzll(ns);
    return (shift << BUCKET_BITS) + (unsigned)(ns >> shift);
}

/* The least time that falls into the bucket. */
static uint64_t bucket_floor(unsigned bucket)
{
    if (bucket < 2u << BUCKET_BITS)
        return bucket;
    unsigned shift = (bucket >> BUCKET_BITS) - 1u;
    return (uint64_t)(bucket - (shift << BUCKET_BITS)) << shift;
}

static double percentile_us(double percent)
{
    uint64_t total = 0, seen = 0;
    unsigned i;
    for (i = 0; i < BUCKETS; i++)
        total += buckets[i];
    uint64_t rank = (uint64_t)((double)total * percent / 100.0);
    for (i = 0; i < BUCKETS - 1u && seen + buckets[i] <= rank; i++)
        seen += buckets[i];
    return (double)bucket_floor(i) / 1e3;
}

/* ---- connections --------------------------------------------------------- */

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(opt.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        fail("connect: %s", strerror(errno));
    if (opt.depth > 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void build_request(void)
{
    unsigned count = opt.depth > 0 ? opt.depth : 1;
    int len = snprintf(request, REQUEST_BYTES, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", opt.path,
                       opt.port, opt.depth > 0 ? "" : "Connection: close\r\n");
    if (len < 0 || (size_t)len >= REQUEST_BYTES)
        fail("path is too long");
    for (unsigned i = 1; i < count; i++)
        memcpy(request + (size_t)i * (size_t)len, request, (size_t)len);
    request_len = (size_t)len * count;
}

/* The whole length of an answer of which len bytes are here; 0: the head is not complete. */
static size_t length_of_answer(char *answer, size_t len)
{
    answer[len] = 0;
    char *end = strstr(answer, "\r\n\r\n");
    if (!end)
        return 0;
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
        fail("not a 200: %.*s", (int)strcspn(answer, "\r"), answer);
    char *field = strcasestr(answer, "\r\nContent-Length:");
    if (!field || field > end)
        fail("the answer has no Content-Length");
    return (size_t)(end + 4 - answer) + strtoul(field + 17, NULL, 10);
}

/* One request: learn the length of an answer and how it ends. */
static void probe(void)
{
    static char answer[INPUT_BYTES + 1];
    size_t have = 0, want = 0;
    int fd = dial();
    size_t len = request_len / (opt.depth > 0 ? opt.depth : 1);
    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail("probe: %s", strerror(errno));
    while (want == 0 || have < want) {
        ssize_t got = recv(fd, answer + have, INPUT_BYTES - have, 0);
        if (got <= 0)
            fail("probe: the connection ended after %zu bytes", have);
        have += (size_t)got;
        want = length_of_answer(answer, have);
    }
    if (have != want)
        fail("probe: %zu bytes more than the answer has", have - want);
    answer_len = want;
    tail_len = want < TAIL_BYTES ? want : TAIL_BYTES;
    memcpy(tail, answer + want - tail_len, tail_len);
    close(fd);
}

static void ask(int fd)
{
    conns[fd].left_bytes = answer_len * (opt.depth > 0 ? opt.depth : 1);
    if (opt.latency)
        conns[fd].start_ns = now_ns();
    ssize_t sent = send(fd, request, request_len, MSG_NOSIGNAL);
    if (sent != (ssize_t)request_len)
        fail("send: %zd of %zu bytes: %s", sent, request_len, strerror(errno));
}

/*
 * Edge-triggered: of each batch the last byte is awaited, so nothing stays unread.
 * A connection for one request asks when epoll reports it writable, as clients
 * with an event loop do; asking at once hides what a server pays for accepting
 * before the request is there.
 */
static void open_conn(void)
{
    int fd = dial();
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    if (opt.depth == 0)
        e.events |= EPOLLOUT;
    if ((unsigned)fd >= CONNS_MAX + 64u || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        fail("too many connections");
    if (opt.depth > 0)
        ask(fd);
}

static void on_readable(int fd)
{
    static char input[INPUT_BYTES];
    struct conn *c = &conns[fd];
    ssize_t got = recv(fd, input, sizeof input, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || (size_t)got > c->left_bytes)
        fail("bad stream: recv %zd with %zu bytes awaited", got, c->left_bytes);
    c->left_bytes -= (size_t)got;
    if (c->left_bytes > 0)
        return;
    size_t compared = (size_t)got < tail_len ? (size_t)got : tail_len;
    if (memcmp(input + (size_t)got - compared, tail + tail_len - compared, compared) != 0)
        fail("an answer ends in other bytes than the first one did");
    if (opt.latency)
        buckets[bucket_of(now_ns() - c->start_ns)]++;
    if (opt.depth > 0) {
        done += opt.depth;
        ask(fd);
    } else {
        done++;
        close(fd);
        open_conn();
    }
}

static void on_event(int fd)
{
    if (conns[fd].left_bytes > 0)
        on_readable(fd);
    else
        ask(fd);
}

static uint64_t run(void)
{
    static struct epoll_event events[512];
    uint64_t start = now_ns(), now, end = start + (uint64_t)(opt.seconds * 1e9);
    while ((now = now_ns()) < end) {
        int count = epoll_wait(epoll, events, 512, 100);
        for (int i = 0; i < count; i++)
            on_event(events[i].data.fd);
    }
    return now - start;
}

static void parse_options(int argc, char **argv)
{
    bool good = argc >= 5;
    for (int i = 5; i < argc && good; i++) {
        if (strcmp(argv[i], "--latency") == 0)
            opt.latency = true;
        else if (strcmp(argv[i], "--path") == 0 && i + 1 < argc)
            opt.path = argv[++i];
        else
            good = false;
    }
    if (good) {
        opt.port = (uint16_t)atoi(argv[1]);
        opt.conns = (unsigned)atoi(argv[2]);
        opt.depth = (unsigned)atoi(argv[3]);
        opt.seconds = atof(argv[4]);
    }
    if (!good || opt.port == 0 || opt.conns == 0 || opt.conns > CONNS_MAX || opt.depth > DEPTH_MAX ||
        !(opt.seconds > 0) || opt.seconds > 3600) {
        fprintf(stderr, "usage: %s PORT CONNS DEPTH SECONDS [--path PATH] [--latency]\n", argv[0]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    alarm((unsigned)opt.seconds + GRACE_SECONDS); /* ends the program when a peer makes it hang */
    build_request();
    probe();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc(CONNS_MAX + 64u, sizeof *conns);
    if (epoll < 0 || !conns)
        fail("no memory");
    for (unsigned i = 0; i < opt.conns; i++)
        open_conn();
    uint64_t ns = run();
    printf("{\"requests\": %lu, \"seconds\": %.6f, \"answer_bytes\": %zu", done, (double)ns / 1e9,
           answer_len);
    if (opt.latency)
        printf(", \"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f", percentile_us(50), percentile_us(99),
               percentile_us(99.9));
    printf("}\n");
    return done > 0 ? 0 : 1;
}
