/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection, and a request each so often: the same load for servers of
 * any speed, which a closed loop is not. A time begins when the request was
 * due if the answer before it was late, else when it was sent, so that neither
 * a server's pause hides the requests that it held up nor our own late waking
 * counts against the server.
 *
 *   paced ADDRESS PORT RATE SECONDS
 *
 * Requests are lines of standard input, sent in turn: METHOD PATH [BODY]; a body
 * is JSON. Prints a line as wrk's report.lua does; an answer that is not 2xx is
 * an error of the kind `status`.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES 512u
#define ANSWER_BYTES  65536u
#define REQUESTS_MAX  1000000u
#define SILENCE_S     10 /* without a byte: the server hangs */

struct requests {
    char (*texts)[REQUEST_BYTES];
    size_t count;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "paced: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t at_ns)
{
    struct timespec t = {.tv_sec = (time_t)(at_ns / 1000000000u), .tv_nsec = (long)(at_ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

/* ---- requests ------------------------------------------------------------------ */

static void format(char request[REQUEST_BYTES], char *line)
{
    char *rest = line;
    const char *method = strsep(&rest, " ");
    const char *path = strsep(&rest, " ");
    const char *body = rest != NULL ? rest : "";
    char about[96] = "";
    if (path == NULL)
        die("expected METHOD PATH [BODY] in each line");
    if (body[0] != '\0')
        (void)snprintf(about, sizeof about, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                       strlen(body));
    int len = snprintf(request, REQUEST_BYTES, "%s %s HTTP/1.1\r\nHost: paced\r\n%s\r\n%s", method, path,
                       about, body);
    if (len < 0 || (size_t)len >= REQUEST_BYTES)
        die("a request is too long");
}

static struct requests read_requests(void)
{
    struct requests r = {0};
    char line[REQUEST_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (r.count == REQUESTS_MAX)
            die("too many requests");
        if ((r.count & (r.count - 1)) == 0) { /* full: as many again */
            r.texts = realloc(r.texts, (r.count == 0 ? 1 : 2 * r.count) * REQUEST_BYTES);
            if (r.texts == NULL)
                die("out of memory");
        }
        format(r.texts[r.count++], line);
    }
    if (r.count == 0)
        die("no requests on standard input");
    return r;
}

/* ---- one exchange ---------------------------------------------------------------- */

/* Bytes of the whole answer whose head, ended by an empty line, begins at text; 0: not there yet. */
static size_t answer_bytes(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL)
        return 0;
    const char *field = strcasestr(text, "\r\nContent-Length:");
    size_t body =
        field != NULL && field < end ? strtoul(field + sizeof "\r\nContent-Length:" - 1, NULL, 10) : 0;
    return (size_t)(end - text) + 4 + body;
}

/* Whether the answer is a good one. */
static bool exchange(int fd, const char *request)
{
    static char answer[ANSWER_BYTES];
    size_t have = 0, want = 0, len = strlen(request);
    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("the connection broke");
    while (want == 0 || have < want) {
        ssize_t got = have < sizeof answer - 1 ? recv(fd, answer + have, sizeof answer - 1 - have, 0) : -1;
        if (got <= 0)
            die("the answer broke off, or is too long");
        have += (size_t)got;
        answer[have] = '\0';
        want = want != 0 ? want : answer_bytes(answer);
    }
    if (have != want)
        die("more came than the answer");
    return strncmp(answer, "HTTP/1.1 2", 10) == 0;
}

static int connect_to(const char *address, const char *port)
{
    const struct timeval silence = {.tv_sec = SILENCE_S};
    const int on = 1;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || inet_pton(AF_INET, address, &in.sin_addr) != 1 ||
        connect(fd, (const struct sockaddr *)&in, sizeof in) != 0)
        die("cannot connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    return fd;
}

/* ---- the run ------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t percentile_us(const uint64_t *sorted_ns, size_t count, double percent)
{
    size_t rank = (size_t)(percent / 100 * (double)count);
    return sorted_ns[rank < count ? rank : count - 1] / 1000;
}

int main(int argc, char **argv)
{
    if (argc != 5 || atoi(argv[3]) < 1 || atoi(argv[4]) < 1)
        die("usage: paced ADDRESS PORT RATE SECONDS, requests on standard input");
    struct requests requests = read_requests();
    uint64_t step_ns = 1000000000u / (uint64_t)atoi(argv[3]);
    size_t count = (size_t)atoi(argv[3]) * (size_t)atoi(argv[4]), wrong = 0;
    uint64_t *times_ns = calloc(count, sizeof *times_ns);
    int fd = connect_to(argv[1], argv[2]);
    if (times_ns == NULL)
        die("out of memory");
    uint64_t begin_ns = now_ns(), due_ns = begin_ns;
    for (size_t i = 0; i < count; i++, due_ns += step_ns) {
        uint64_t start_ns = due_ns;
        if (now_ns() < due_ns) {
            sleep_until(due_ns);
            start_ns = now_ns();
        }
        wrong += !exchange(fd, requests.texts[i % requests.count]);
        times_ns[i] = now_ns() - start_ns;
    }
    uint64_t took_us = (now_ns() - begin_ns) / 1000;
    free(requests.texts);
    qsort(times_ns, count, sizeof *times_ns, compare);
    printf("RESULT requests=%zu us=%llu connect=0 read=0 write=0 status=%zu timeout=0 p50=%llu p99=%llu "
           "p9999=%llu\n",
           count, (unsigned long long)took_us, wrong, (unsigned long long)percentile_us(times_ns, count, 50),
           (unsigned long long)percentile_us(times_ns, count, 99),
           (unsigned long long)percentile_us(times_ns, count, 99.99));
    free(times_ns);
    return 0;
}
