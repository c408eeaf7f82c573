/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a host lives through everything that can fail underneath it, and has
 * afterwards what it had before.
 * Method: one life of a kernel (create, load, listen, a request, calls, native
 * processes, destroy), again and again: as it is, for memory and descriptors
 * that grow; with each allocation, and each system call, failing in turn.
 *
 * Usage: endure cycles N | unguarded N | allocations | calls   MODULE FUNCTIONS
 * unguarded: the same without guards, whose runs change stacks unknown to valgrind.
 */
#include "tests/embed/host.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef ENDURE_CALLS
#include "tests/embed/fail.h"
#else
#define fail_pause(pauses) ((void)(pauses))
#endif

#define REQUEST   "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define STEPS_MAX 300u

#define EXPECT(condition)                                                               \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, doing); \
            abort();                                                                    \
        }                                                                               \
    } while (0)

static char doing[96];

/* ---- the host's memory ---- */

struct heap {
    uint64_t live; /* pieces */
    uint64_t live_bytes;
    uint32_t count; /* of allocations */
    uint32_t nth;   /* that one fails */
};

static void *take(void *context, size_t len, size_t align)
{
    struct heap *heap = context;
    if (heap->count++ == heap->nth)
        return NULL;
    heap->live++;
    heap->live_bytes += len;
    return aligned_alloc(align, (len + align - 1) / align * align);
}

static void give(void *context, void *memory, size_t len)
{
    struct heap *heap = context;
    heap->live--;
    heap->live_bytes -= len;
    free(memory);
}

/* ---- one life ---- */

struct life {
    enum vk_driver driver;
    enum vk_guarding guarding;
    const char *served;
    const char *functions;
};

static uint32_t answers;

static void on_answer(void *context, const struct vk_answer *answer)
{
    (void)answer;
    answers++;
    if (context != NULL)
        ++*(uint32_t *)context;
}

static enum vk_said end_at_once(struct vk_self *self, struct vk_fiber *fiber)
{
    return vk_native_alloc(self, 64) != NULL && fiber->step == 0 ? VK_SAID_END : VK_SAID_FAIL;
}

static const vk_step_fn steps[] = {end_at_once};

static void call_functions(struct vk_kernel *kernel, struct vk_module *module)
{
    static char large[4096];
    struct vk_function *nick = NULL;
    const struct vk_value text = vk_str(large);
    uint32_t told = 0;
    memset(large, 'x', sizeof large - 1);
    if (vk_function_find(module, "nick", NULL, &nick) != 0)
        return;
    if (vk_call(nick, &text, 1, on_answer, &told, NULL) == 0) {
        for (uint32_t i = 0; i < STEPS_MAX && told == 0; i++)
            vk_step(kernel, 1000000);
        EXPECT(told == 1);
    }
    told = 0;
    if (vk_call_wait(nick, &text, 1, on_answer, &told) == 0)
        EXPECT(told == 1);
}

static void run_natives(struct vk_kernel *kernel)
{
    const struct vk_native native = {.size = sizeof native,
                                     .name = "short-lived",
                                     .steps = steps,
                                     .steps_count = 1,
                                     .state_bytes = sizeof(struct vk_fiber)};
    struct vk_program *program = NULL;
    vk_pid pid = 0;
    if (vk_native_create(kernel, &native, &program) != 0 || vk_spawn(program, NULL, 0, NULL, &pid) != 0)
        return;
    (void)vk_send(kernel, pid, "x", 1); /* it may fail, as everything here */
    (void)vk_request(kernel, pid, "y", 1, 1000000, on_answer, NULL);
    (void)vk_monitor(kernel, pid, on_answer, NULL);
    for (uint32_t i = 0; i < 5; i++)
        vk_step(kernel, 0);
}

static bool can_read(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    fail_pause(true);
    bool can = poll(&ready, 1, 0) == 1;
    fail_pause(false);
    return can;
}

/* Whether the client had an answer; where something failed it may have none. */
static bool serve_one(struct vk_kernel *kernel, struct vk_module *module)
{
    char text[4096] = "";
    uint16_t port = 0;
    if (vk_listen(module, 0, "127.0.0.1:0", &port) != 0)
        return false;
    fail_pause(true);
    int client = host_connect(port);
    host_send(client, REQUEST);
    fail_pause(false);
    for (uint32_t i = 0; i < STEPS_MAX && !can_read(client); i++)
        vk_step(kernel, 1000000);
    fail_pause(true);
    ssize_t got = recv(client, text, sizeof text - 1, MSG_DONTWAIT);
    (void)close(client);
    fail_pause(false);
    return got > 0 && strncmp(text, "HTTP/1.1 200", 12) == 0;
}

/* 0 when all of it worked; the first error otherwise, or 1: the client had no answer. */
static int live(const struct life *life, struct heap *heap)
{
    const struct vk_options options = {.size = sizeof options,
                                       .allocator = {take, give, heap},
                                       .driver = life->driver,
                                       .guarding = life->guarding,
                                       .conns_max = 64,
                                       .warm_max = 1};
    struct vk_kernel *kernel = NULL;
    struct vk_module *served = NULL, *functions = NULL;
    int rc = vk_kernel_create(&options, &kernel);
    if (rc != 0)
        return rc;
    rc = vk_module_load_file(kernel, life->served, NULL, &served);
    if (rc == 0)
        rc = serve_one(kernel, served) ? 0 : 1;
    int loaded = vk_module_load_file(kernel, life->functions, NULL, &functions);
    rc = rc != 0 ? rc : loaded;
    if (loaded == 0)
        call_functions(kernel, functions);
    run_natives(kernel);
    vk_kernel_destroy(kernel);
    return rc;
}

/* Guarded ones last. */
static const struct life lives[] = {{.driver = VK_DRIVER_EV, .guarding = VK_GUARDING_OFF},
                                    {.driver = VK_DRIVER_URING, .guarding = VK_GUARDING_OFF},
                                    {.driver = VK_DRIVER_EV, .guarding = VK_GUARDING_MPROTECT}};
#define LIVES     (sizeof lives / sizeof *lives)
#define UNGUARDED 2u

static struct life life_of(size_t i, char **argv)
{
    struct life life = lives[i];
    life.served = argv[0];
    life.functions = argv[1];
    return life;
}

/* ---- as it is ---- */

static long resident_pages(void)
{
    long total = 0, resident = 0;
    FILE *from = fopen("/proc/self/statm", "r");
    if (from == NULL || fscanf(from, "%ld %ld", &total, &resident) != 2)
        abort();
    (void)fclose(from);
    return resident;
}

#define WARM_CYCLES 20u
#define GROWTH_MAX \
    64 /* pages that the C library and the system may keep after that, for all cycles together */

static void cycle(uint32_t count, size_t kinds, char **argv)
{
    struct heap heap = {.nth = UINT32_MAX};
    long pages = 0;
    uint32_t descriptors = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct life life = life_of(i % kinds, argv);
        (void)snprintf(doing, sizeof doing, "cycle %u", i);
        EXPECT(live(&life, &heap) == 0);
        EXPECT(heap.live == 0 && heap.live_bytes == 0);
        if (i == WARM_CYCLES || i == 0) {
            pages = resident_pages();
            descriptors = host_descriptors();
        }
    }
    EXPECT(host_descriptors() == descriptors);
    long growth = resident_pages() - pages;
    printf("%u cycles, %u answers, %ld pages more\n", count, answers, growth);
    EXPECT(count <= WARM_CYCLES || getenv("ENDURE_ANY_GROWTH") != NULL || growth <= GROWTH_MAX);
}

/* ---- allocations ---- */

static void fail_allocations(char **argv)
{
    for (size_t i = 0; i < LIVES; i++) {
        const struct life life = life_of(i, argv);
        uint32_t nth = 0, failed = 0;
        for (;; nth++) {
            struct heap heap = {.nth = nth};
            uint32_t descriptors = host_descriptors();
            (void)snprintf(doing, sizeof doing, "life %zu, allocation %u", i, nth);
            int rc = live(&life, &heap);
            EXPECT(heap.live == 0 && heap.live_bytes == 0);
            EXPECT(host_descriptors() == descriptors);
            EXPECT(rc == 0 || rc == -VK_ENOMEM || rc == 1);
            failed += rc != 0;
            if (heap.count <= nth) {
                EXPECT(rc == 0);
                break;
            }
        }
        printf("life %zu: %u allocations, %u told\n", i, nth, failed);
        EXPECT(nth > 5 && failed > 3);
    }
}

/* ---- system calls ---- */

#ifdef ENDURE_CALLS
static void fail_calls(char **argv)
{
    for (size_t i = 0; i < LIVES; i++) {
        const struct life life = life_of(i, argv);
        uint32_t nth = 0, failed = 0, count;
        for (;; nth++) {
            struct heap heap = {.nth = UINT32_MAX};
            uint32_t descriptors = host_descriptors();
            (void)snprintf(doing, sizeof doing, "life %zu, call %u", i, nth);
            fail_begin(nth, false);
            int rc = live(&life, &heap);
            count = fail_end();
            EXPECT(heap.live == 0 && heap.live_bytes == 0);
            EXPECT(host_descriptors() == descriptors);
            failed += rc != 0;
            if (count <= nth) {
                EXPECT(rc == 0);
                break;
            }
        }
        printf("life %zu: %u calls, %u told\n", i, nth, failed);
        EXPECT(nth > 20 && failed > 10);
    }
}
#endif

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "cycles") == 0)
        cycle((uint32_t)strtoul(argv[2], NULL, 10), LIVES, argv + 3);
    else if (argc == 5 && strcmp(argv[1], "unguarded") == 0)
        cycle((uint32_t)strtoul(argv[2], NULL, 10), UNGUARDED, argv + 3);
    else if (argc == 4 && strcmp(argv[1], "allocations") == 0)
        fail_allocations(argv + 2);
#ifdef ENDURE_CALLS
    else if (argc == 4 && strcmp(argv[1], "calls") == 0)
        fail_calls(argv + 2);
#endif
    else
        return 2;
    return 0;
}
