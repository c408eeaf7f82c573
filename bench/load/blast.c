/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load generator for one core that keeps one server core busy: cheaper than
 * wrk because it learns the length of an answer from one probe and then counts
 * bytes. Each batch of answers must begin as a 200, have exactly the learned
 * length and end with the learned bytes, or the run fails. Loopback only.
 *
 *   blast PORT CONNS DEPTH SECONDS [--path PATH] [--body BYTES] [--latency | --rate N] [--held]
 *
 * DEPTH requests are written at once and their answers awaited (a closed
 * loop); 0 is a new connection for each request, with "Connection: close".
 * --body makes each request a POST with so many bytes. --latency also times
 * each batch, from its write to its last byte.
 *
 * --rate is an open loop, of DEPTH 1: a request is due each 1/N of a second,
 * whatever became of those before it, and goes out on any connection that is
 * free. Its time begins when it was due, so that one slow answer counts for all
 * that it held up; what was never answered counts with the time it had waited
 * at the end. What this program itself was late with is told apart: it is in
 * the times all the same. It never sleeps.
 *
 * --held is for who measures the server meanwhile: connections are opened, and
 * answered once each, before the line "open"; the load begins with a line of
 * standard input; at its end what is under way is awaited and counted; and the
 * connections stay open until standard input ends.
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
#define HEAD_BYTES    512u /* room for one request without its body */
#define BODY_MAX      (64u << 20)
#define INPUT_BYTES   (1u << 18)
#define PROBE_BYTES   (4u << 20)  /* the longest answer */
#define TAIL_BYTES    16u         /* of the body compared at the end of each batch */
#define GRACE_SECONDS 5u          /* beyond the asked time: then something hangs */
#define OVERTIME_NS   1000000000u /* --rate: for answers to what was due in time */
#define OPEN_SECONDS  60u         /* the same for opening connections, and for the wait for the line */
#define OPEN_AT_ONCE  64u         /* connections not answered yet: no listener's queue is full */

static const char good_answer[] = "HTTP/1.1 200";

/*
 * Times in ns, counted in buckets of 1/64 of their power of two: a reported
 * time is at most 1.6 % below the true one.
 */
#define BUCKET_BITS 6u
#define BUCKETS     ((64u - BUCKET_BITS) << BUCKET_BITS)

struct conn {
    size_t left_bytes;   /* of the answers awaited */
    size_t unsent_bytes; /* of the batch that asks for them */
    uint64_t start_ns;   /* when they were asked for, --latency, or due, --rate */
    bool is_open;
};

struct histogram {
    uint64_t counts[BUCKETS];
    uint64_t most_ns; /* the largest that was counted */
};

static struct {
    uint16_t port;
    unsigned conns, depth;
    double seconds;
    const char *path;
    size_t body_bytes;
    bool latency, held;
    double rate; /* 0: a closed loop */
} opt = {.path = "/"};

static char *batch; /* of requests */
static size_t batch_len;
static size_t answer_len; /* of one answer */
static char tail[TAIL_BYTES];
static size_t tail_len;
static struct conn *conns; /* by descriptor */
static uint64_t done;      /* answers */
static unsigned busy;      /* connections that await some */
static bool is_stopping;   /* nothing more is asked once an answer is there */
static struct histogram times;
static struct histogram lates; /* --rate: from when a request was due, and a connection free, to its write */
static int epoll;

/* --rate */
static struct free_conn {
    int fd;
    uint64_t since_ns;
} * idle; /* a stack: the last one is the next to be used */
static unsigned idle_count;
static uint64_t asked; /* requests written */

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

static void count_time(struct histogram *h, uint64_t ns)
{
    h->counts[bucket_of(ns)]++;
    if (ns > h->most_ns)
        h->most_ns = ns;
}

static double percentile_us(const struct histogram *h, double percent)
{
    uint64_t total = 0, seen = 0;
    unsigned i;
    for (i = 0; i < BUCKETS; i++)
        total += h->counts[i];
    uint64_t rank = (uint64_t)((double)total * percent / 100.0);
    for (i = 0; i < BUCKETS - 1u && seen + h->counts[i] <= rank; i++)
        seen += h->counts[i];
    return (double)bucket_floor(i) / 1e3;
}

/* As pairs of a bucket's least time in ns and its count. */
static void print_histogram(const struct histogram *h)
{
    const char *comma = "";
    printf(", \"histogram\": [");
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (h->counts[i] == 0)
            continue;
        printf("%s[%lu, %lu]", comma, bucket_floor(i), h->counts[i]);
        comma = ", ";
    }
    printf("]");
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

static size_t batch_requests(void)
{
    return opt.depth > 0 ? opt.depth : 1;
}

static void build_batch(void)
{
    char head[HEAD_BYTES], about[96] = "";
    if (opt.body_bytes > 0)
        (void)snprintf(about, sizeof about, "Content-Type: text/plain\r\nContent-Length: %zu\r\n",
                       opt.body_bytes);
    int head_len = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s\r\n",
                            opt.body_bytes > 0 ? "POST" : "GET", opt.path, opt.port, about,
                            opt.depth > 0 ? "" : "Connection: close\r\n");
    if (head_len < 0 || (size_t)head_len >= sizeof head)
        fail("path is too long");
    size_t len = (size_t)head_len + opt.body_bytes, count = batch_requests();
    batch = malloc(len * count);
    if (!batch)
        fail("no memory");
    for (size_t i = 0; i < count; i++) {
        memcpy(batch + i * len, head, (size_t)head_len);
        memset(batch + i * len + head_len, 'u', opt.body_bytes);
    }
    batch_len = len * count;
}

/*
 * The whole length of an answer of which len bytes are here; 0: the head is not complete. What is compared of
 * each answer belongs to its body: the head's last line may be a date.
 */
static size_t length_of_answer(char *answer, size_t len)
{
    answer[len] = 0;
    char *end = strstr(answer, "\r\n\r\n");
    if (!end)
        return 0;
    if (strncmp(answer, good_answer, sizeof good_answer - 1) != 0)
        fail("not a 200: %.*s", (int)strcspn(answer, "\r"), answer);
    char *field = strcasestr(answer, "\r\nContent-Length:");
    if (!field || field > end)
        fail("the answer has no Content-Length");
    size_t body_len = strtoul(field + 17, NULL, 10);
    tail_len = body_len < TAIL_BYTES ? body_len : TAIL_BYTES;
    return (size_t)(end + 4 - answer) + body_len;
}

/* One request: learn the length of an answer and how it ends. */
static void probe(void)
{
    static char answer[PROBE_BYTES + 1];
    size_t have = 0, want = 0;
    int fd = dial();
    size_t len = batch_len / batch_requests();
    if (send(fd, batch, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail("probe: %s", strerror(errno));
    while (want == 0 || have < want) {
        ssize_t got = have < PROBE_BYTES ? recv(fd, answer + have, PROBE_BYTES - have, 0) : -1;
        if (got <= 0)
            fail("probe: the connection ended, or the answer is too long, after %zu bytes", have);
        have += (size_t)got;
        want = want > 0 ? want : length_of_answer(answer, have);
    }
    if (have != want)
        fail("probe: %zu bytes more than the answer has", have - want);
    answer_len = want;
    memcpy(tail, answer + want - tail_len, tail_len);
    close(fd);
}

/* What the socket takes of the batch; the rest follows when epoll reports it writable. */
static void push(int fd)
{
    struct conn *c = &conns[fd];
    while (c->unsent_bytes > 0) {
        ssize_t sent =
            send(fd, batch + (batch_len - c->unsent_bytes), c->unsent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN && opt.body_bytes > 0)
            return;
        if (sent <= 0)
            fail("send: %zd of %zu bytes: %s", sent, c->unsent_bytes, strerror(errno));
        c->unsent_bytes -= (size_t)sent;
    }
}

static void ask(int fd)
{
    conns[fd].left_bytes = answer_len * batch_requests();
    conns[fd].unsent_bytes = batch_len;
    if (opt.latency)
        conns[fd].start_ns = now_ns();
    busy++;
    push(fd);
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
    if (opt.depth == 0 || opt.body_bytes > 0)
        e.events |= EPOLLOUT;
    if ((unsigned)fd >= CONNS_MAX + 64u || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        fail("too many connections");
    conns[fd] = (struct conn){.is_open = true};
    if (opt.depth > 0)
        ask(fd);
}

static void on_answered(int fd)
{
    struct conn *c = &conns[fd];
    uint64_t now = opt.latency || opt.rate > 0 ? now_ns() : 0;
    if (now != 0 && c->start_ns != 0)
        count_time(&times, now - c->start_ns);
    done += batch_requests();
    busy--;
    if (opt.rate > 0) {
        idle[idle_count++] = (struct free_conn){.fd = fd, .since_ns = now};
        return;
    }
    if (opt.depth == 0) {
        c->is_open = false;
        close(fd);
        if (!is_stopping)
            open_conn();
    } else if (!is_stopping) {
        ask(fd);
    }
}

/* len bytes of what answers the batch, and its last ones if the batch is answered with them. */
static void check(const struct conn *c, const char *input, size_t len)
{
    if (len > c->left_bytes)
        fail("bad stream: recv %zu with %zu bytes awaited", len, c->left_bytes);
    if (c->left_bytes == answer_len * batch_requests() &&
        memcmp(input, good_answer, len < sizeof good_answer - 1 ? len : sizeof good_answer - 1) != 0)
        fail("not a 200: %.*s", (int)(len < 40 ? len : 40), input);
    size_t compared = len < tail_len ? len : tail_len;
    if (len == c->left_bytes && memcmp(input + len - compared, tail + tail_len - compared, compared) != 0)
        fail("an answer ends in other bytes than the first one did");
}

static void on_readable(int fd)
{
    static char input[INPUT_BYTES];
    struct conn *c = &conns[fd];
    ssize_t got;
    do {
        got = recv(fd, input, sizeof input, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            fail("bad stream: recv %zd with %zu bytes awaited", got, c->left_bytes);
        check(c, input, (size_t)got);
        c->left_bytes -= (size_t)got;
    } while (got == sizeof input && c->left_bytes > 0);
    if (c->left_bytes == 0 && c->unsent_bytes == 0)
        on_answered(fd);
}

static void on_event(int fd)
{
    struct conn *c = &conns[fd];
    if (c->unsent_bytes > 0) {
        push(fd);
        if (c->unsent_bytes == 0 && c->left_bytes == 0) { /* answered before its body was read */
            on_answered(fd);
            return;
        }
    }
    if (c->left_bytes > 0)
        on_readable(fd);
    else if (opt.depth == 0)
        ask(fd);
}

static void handle_events(void)
{
    static struct epoll_event events[512];
    int count = epoll_wait(epoll, events, 512, 100);
    for (int i = 0; i < count; i++)
        on_event(events[i].data.fd);
}

/* Ask nothing more, and await what was asked. */
static void finish(void)
{
    is_stopping = true;
    while (busy > 0)
        handle_events();
}

static void await_line(void)
{
    int byte;
    while ((byte = getchar()) != '\n')
        if (byte == EOF)
            fail("standard input ended before the load began");
}

/* The connections, answered once each, and with --held the line that begins the load. */
static void hold(void)
{
    alarm(OPEN_SECONDS);
    is_stopping = true;
    for (unsigned i = 0; i < opt.conns && opt.depth > 0; i++) {
        open_conn();
        if (busy == OPEN_AT_ONCE)
            finish();
    }
    finish();
    if (opt.held) {
        printf("open\n");
        fflush(stdout);
        await_line();
    }
    is_stopping = false;
    done = 0;
    memset(&times, 0, sizeof times);
}

static void open_all(void)
{
    for (unsigned i = 0; i < opt.conns; i++)
        open_conn();
}

/* The first request on each connection that is held open. */
static void ask_all(void)
{
    for (int fd = 0; fd < (int)(CONNS_MAX + 64u); fd++)
        if (conns[fd].is_open)
            ask(fd);
}

/* ---- the open loop ------------------------------------------------------------ */

static uint64_t due_ns(uint64_t start_ns, uint64_t index)
{
    return start_ns + (uint64_t)((double)index * 1e9 / opt.rate);
}

/* Send what is due, as far as connections are free. */
static void send_due(uint64_t start_ns, uint64_t total)
{
    uint64_t now = now_ns();
    while (asked < total && idle_count > 0 && due_ns(start_ns, asked) <= now) {
        const struct free_conn *next = &idle[--idle_count];
        uint64_t due = due_ns(start_ns, asked++);
        count_time(&lates, now - (due > next->since_ns ? due : next->since_ns));
        ask(next->fd);
        conns[next->fd].start_ns = due;
        now = now_ns();
    }
}

/* What has no answer has waited until now. */
static uint64_t count_unanswered(uint64_t start_ns, uint64_t total)
{
    uint64_t now = now_ns();
    for (unsigned fd = 0; fd < CONNS_MAX + 64u; fd++)
        if (conns[fd].left_bytes > 0)
            count_time(&times, now - conns[fd].start_ns);
    for (uint64_t i = asked; i < total; i++)
        count_time(&times, now - due_ns(start_ns, i));
    return total - done;
}

static uint64_t run_open(uint64_t *ret_unanswered)
{
    static struct epoll_event events[512];
    uint64_t start_ns = now_ns(), total = (uint64_t)(opt.rate * opt.seconds);
    uint64_t end_ns = start_ns + (uint64_t)(opt.seconds * 1e9) + OVERTIME_NS;
    alarm((unsigned)opt.seconds + GRACE_SECONDS);
    while (done < total && now_ns() < end_ns) {
        send_due(start_ns, total);
        int count = epoll_wait(epoll, events, 512, 0);
        for (int i = 0; i < count; i++) {
            on_event(events[i].data.fd);
            send_due(start_ns, total);
        }
    }
    uint64_t took_ns = now_ns() - start_ns;
    *ret_unanswered = count_unanswered(start_ns, total);
    return took_ns;
}

static void report_open(uint64_t unanswered)
{
    printf(
        ", \"unanswered\": %lu, \"p50\": %.2f, \"p90\": %.2f, \"p99\": %.2f, \"p999\": %.2f, \"p9999\": %.2f",
        unanswered, percentile_us(&times, 50), percentile_us(&times, 90), percentile_us(&times, 99),
        percentile_us(&times, 99.9), percentile_us(&times, 99.99));
    printf(", \"max\": %.2f, \"late_p50\": %.2f, \"late_p9999\": %.2f", (double)times.most_ns / 1e3,
           percentile_us(&lates, 50), percentile_us(&lates, 99.99));
    print_histogram(&times);
}

/* ---- the closed loop ------------------------------------------------------------ */

static uint64_t run(void)
{
    bool are_open = opt.held && opt.depth > 0;
    alarm((unsigned)opt.seconds + GRACE_SECONDS); /* ends the program when a peer makes it hang */
    if (!are_open)
        open_all();
    uint64_t start = now_ns(), end = start + (uint64_t)(opt.seconds * 1e9);
    if (are_open)
        ask_all();
    while (now_ns() < end)
        handle_events();
    if (opt.held)
        finish();
    return now_ns() - start;
}

static void parse_options(int argc, char **argv)
{
    bool good = argc >= 5;
    for (int i = 5; i < argc && good; i++) {
        if (strcmp(argv[i], "--latency") == 0)
            opt.latency = true;
        else if (strcmp(argv[i], "--held") == 0)
            opt.held = true;
        else if (strcmp(argv[i], "--path") == 0 && i + 1 < argc)
            opt.path = argv[++i];
        else if (strcmp(argv[i], "--rate") == 0 && i + 1 < argc)
            good = (opt.rate = atof(argv[++i])) > 0;
        else if (strcmp(argv[i], "--body") == 0 && i + 1 < argc)
            good = (opt.body_bytes = strtoul(argv[++i], NULL, 10)) > 0;
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
        !(opt.seconds > 0) || opt.seconds > 3600 || opt.body_bytes > BODY_MAX ||
        (opt.body_bytes > 0 && opt.depth > 1) ||
        (opt.rate > 0 && (opt.depth != 1 || opt.latency || opt.body_bytes > 0))) {
        fprintf(stderr,
                "usage: %s PORT CONNS DEPTH SECONDS [--path PATH] [--body BYTES] [--latency | --rate N] "
                "[--held]\n",
                argv[0]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    alarm(GRACE_SECONDS);
    build_batch();
    probe();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc(CONNS_MAX + 64u, sizeof *conns);
    idle = calloc(CONNS_MAX, sizeof *idle);
    if (epoll < 0 || !conns || !idle)
        fail("no memory");
    if (opt.held || opt.rate > 0)
        hold();
    uint64_t unanswered = 0, ns = opt.rate > 0 ? run_open(&unanswered) : run();
    printf("{\"requests\": %lu, \"seconds\": %.6f, \"answer_bytes\": %zu", done, (double)ns / 1e9,
           answer_len);
    if (opt.latency)
        printf(", \"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f", percentile_us(&times, 50),
               percentile_us(&times, 99), percentile_us(&times, 99.9));
    if (opt.rate > 0)
        report_open(unanswered);
    printf("}\n");
    if (opt.held) {
        fflush(stdout);
        alarm(OPEN_SECONDS);
        while (getchar() != EOF)
            ;
    }
    return done > 0 ? 0 : 1;
}
