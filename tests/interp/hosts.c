/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: functions of the host get what the program gave, the program gets
 * what they give, and what they may not do ends the process that called.
 * Method: the tests of hosts.vk, which assert both sides; one whose name
 * begins with "fails: " has to fail, with the rest of its name in its log.
 * They use the C library, which the process that calls could not.
 *
 * Usage: hosts FILE
 */
#include "vk/err.h"
#include "vk/linux/home.h"
#include "vkd/load.h"
#include "vkd/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_BYTES     (1u << 20)
#define REDUCTIONS     100000000u
#define NATIVE_TICK_NS 10000000000u /* collections at every allocation take their time */

static uint32_t homes, noted_count;
static char lines[4096];

static void home(void (*fn)(void *arg), void *arg)
{
    homes++;
    vk_linux_home(fn, arg);
}

/* ---- the functions ------------------------------------------------------------- */

static int add(void *context, struct interp_host_call *call)
{
    return interp_host_give_int(call, interp_host_int(call, 0) + interp_host_int(call, 1) + *(int *)context);
}

static int half(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_float(call, interp_host_float(call, 0) / 2);
}

static int opposite(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_int(call, interp_host_int(call, 0) ? 0 : 17); /* any true one */
}

static int twice(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_int(call, 2 * interp_host_int(call, 0));
}

static int mixed(void *context, struct interp_host_call *call)
{
    char text[80];
    (void)context;
    struct vk_span s = interp_host_text(call, 1);
    int len = snprintf(text, sizeof text, "%d %.*s %d %zu %s", (int)interp_host_int(call, 0), (int)s.len,
                       (const char *)s.ptr, (int)(interp_host_float(call, 2) + 0.5),
                       interp_host_text(call, 3).len / 2, interp_host_int(call, 4) ? "true" : "false");
    return interp_host_give_text(call, vk_span(text, (size_t)len));
}

static int join(void *context, struct interp_host_call *call)
{
    char text[1024];
    size_t at = 0;
    (void)context;
    for (uint64_t i = 0; i < interp_host_len(call, 0); i++) {
        struct vk_span with = interp_host_text(call, 1), part = interp_host_text_at(call, 0, i);
        if (i > 0)
            at +=
                (size_t)snprintf(text + at, sizeof text - at, "%.*s", (int)with.len, (const char *)with.ptr);
        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s", (int)part.len, (const char *)part.ptr);
    }
    return interp_host_give_text(call, vk_span(text, at));
}

/* The pieces are given where they lie, in an argument that moves meanwhile. */
static int split(void *context, struct interp_host_call *call)
{
    size_t from = 0, to;
    (void)context;
    int rc = interp_host_give_list(call, 1);
    do {
        struct vk_span text = interp_host_text(call, 0);
        uint8_t sign = interp_host_text(call, 1).ptr[0];
        for (to = from; to < text.len && text.ptr[to] != sign;)
            to++;
        rc = rc ? rc : interp_host_push_text(call, vk_span(text.ptr + from, to - from));
        from = to + 1;
        if (to >= text.len)
            return rc;
    } while (rc == 0);
    return rc;
}

static int head(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_text(call,
                                 vk_span(interp_host_text(call, 0).ptr, (size_t)interp_host_int(call, 1)));
}

static int item(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_text(call, interp_host_text_at(call, 0, (uint64_t)interp_host_int(call, 1)));
}

static int sum(void *context, struct interp_host_call *call)
{
    int64_t all = 0;
    (void)context;
    for (uint64_t i = 0; i < interp_host_len(call, 0); i++)
        all += interp_host_int_at(call, 0, i);
    return interp_host_give_int(call, all);
}

static int halves(void *context, struct interp_host_call *call)
{
    (void)context;
    int rc = interp_host_give_list(call, 0);
    for (uint64_t i = 0; rc == 0 && i < interp_host_len(call, 0); i++)
        rc = interp_host_push_float(call, interp_host_float_at(call, 0, i) / 2);
    return rc;
}

static int next(void *context, struct interp_host_call *call)
{
    (void)context;
    if (!interp_host_is_some(call, 0))
        return interp_host_give_none(call);
    return interp_host_give_int(call, interp_host_int(call, 0) + 1);
}

static int same(void *context, struct interp_host_call *call)
{
    (void)context;
    if (!interp_host_is_some(call, 0))
        return interp_host_give_none(call);
    return interp_host_give_text(call, interp_host_text(call, 0));
}

static bool is_key(struct interp_host_call *call, const char *key)
{
    return vk_span_equal(interp_host_text(call, 0), vk_span(key, strlen(key)));
}

static int look(void *context, struct interp_host_call *call)
{
    (void)context;
    if (!is_key(call, "a"))
        return interp_host_fail(call, VK_SPAN_LIT("no such key"));
    return interp_host_give_text(call, VK_SPAN_LIT("A"));
}

static int count(void *context, struct interp_host_call *call)
{
    (void)context;
    if (is_key(call, "three"))
        return interp_host_give_int(call, 3);
    return is_key(call, "none") ? interp_host_give_none(call) : -5;
}

static int keep(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_text(call, 0).len ? 0 : interp_host_fail(call, VK_SPAN_LIT("a key is not empty"));
}

static int texts(void *context, struct interp_host_call *call)
{
    char text[32];
    (void)context;
    if (interp_host_int(call, 0) < 0)
        return interp_host_fail(call, VK_SPAN_LIT("less than none"));
    int rc = interp_host_give_list(call, 0);
    for (int64_t i = 0; rc == 0 && i < interp_host_int(call, 0); i++) {
        int len = snprintf(text, sizeof text, "%d", (int)i);
        rc = interp_host_push_text(call, vk_span(text, (size_t)len));
    }
    return rc;
}

static int noted(void *context, struct interp_host_call *call)
{
    (void)context;
    (void)call;
    noted_count++;
    return 0;
}

static int calls(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_int(call, noted_count);
}

static int large(void *context, struct interp_host_call *call)
{
    (void)context;
    size_t len = (size_t)interp_host_int(call, 0);
    char *text = malloc(len);
    if (text == NULL)
        return -VK_ENOMEM;
    memset(text, 'x', len);
    int rc = interp_host_give_text(call, vk_span(text, len));
    free(text);
    return rc;
}

static int small_after(void *context, struct interp_host_call *call)
{
    if (large(context, call) != -VK_ENOMEM)
        return -1;
    return interp_host_give_text(call, VK_SPAN_LIT("small"));
}

static int refused(void *context, struct interp_host_call *call)
{
    char why[40];
    (void)context;
    struct vk_span what = interp_host_text(call, 0);
    int len = snprintf(why, sizeof why, "not \"%.*s\"", (int)what.len, (const char *)what.ptr);
    (void)interp_host_give_int(call, 1); /* and fails after all */
    return interp_host_fail(call, vk_span(why, (size_t)len));
}

static int number(void *context, struct interp_host_call *call)
{
    (void)context;
    (void)call;
    return -7;
}

static int silent(void *context, struct interp_host_call *call)
{
    (void)context;
    (void)call;
    return 0;
}

/* What it is told of its mistakes it does not heed. */
static int confused(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_int(call, 1) == -VK_EINVAL ? interp_host_give_text(call, VK_SPAN_LIT("x")) : -1;
}

static int double_result(void *context, struct interp_host_call *call)
{
    (void)context;
    (void)interp_host_give_int(call, 1);
    return interp_host_give_int(call, 2) == -VK_EINVAL ? 0 : -1;
}

static int not_text(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_text(call, VK_SPAN_LIT("a\xff")) == -VK_EMALFORMED ? 0 : -1;
}

static int asks_wrong(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_int(call, interp_host_int(call, 0) + interp_host_int(call, 1));
}

static int asks_beyond(void *context, struct interp_host_call *call)
{
    (void)context;
    return interp_host_give_int(call, interp_host_int_at(call, 0, 1));
}

static int pushes_wrong(void *context, struct interp_host_call *call)
{
    (void)context;
    (void)interp_host_give_list(call, 0);
    return interp_host_push_text(call, VK_SPAN_LIT("x")) == -VK_EINVAL ? 0 : -1;
}

/* ---- running ---------------------------------------------------------------------- */

static int nothing;

#define FUNCTIONS(X)                                    \
    X(add, "fn(Int, Int) -> Int")                       \
    X(half, "fn(Float)->Float")                         \
    X(opposite, "fn(Bool) -> Bool")                     \
    X(twice, "fn(Duration) -> Duration")                \
    X(mixed, "fn(Int, Str, Float, Bytes, Bool) -> Str") \
    X(join, "fn(List<Str>, Str) -> Str")                \
    X(split, "fn(Str, Str) -> List<Str>")               \
    X(head, "fn(Bytes, Int) -> Bytes")                  \
    X(item, "fn(List<Str>, Int) -> Str")                \
    X(sum, "fn(List<Int>) -> Int")                      \
    X(halves, "fn(List<Float>) -> List<Float>")         \
    X(next, "fn(Int?) -> Int?")                         \
    X(same, "fn(Str?) -> Str?")                         \
    X(look, "fn(Str) -> Result<Str, Str>")              \
    X(count, "fn(Str) -> Result<Int?, Str>")            \
    X(keep, "fn(Str) -> Result<Nil, Str>")              \
    X(texts, "fn(Int) -> Result<List<Str>, Str>")       \
    X(noted, "fn(Str)")                                 \
    X(calls, "fn() -> Int")                             \
    X(large, "fn(Int) -> Str")                          \
    X(small_after, "fn(Int) -> Str")                    \
    X(refused, "fn(Str) -> Int")                        \
    X(number, "fn() -> Int")                            \
    X(silent, "fn() -> Float")                          \
    X(confused, "fn() -> Str")                          \
    X(double_result, "fn() -> Int")                     \
    X(not_text, "fn() -> Str")                          \
    X(asks_wrong, "fn(Str) -> Int")                     \
    X(asks_beyond, "fn(List<Int>) -> Int")              \
    X(pushes_wrong, "fn() -> List<Int>")

static struct interp_host_function functions[] = {
#define ROW(name, text) {#name, text, {0}, name, &nothing},
    FUNCTIONS(ROW)
#undef ROW
};

static void keep_line(void *ctx, struct vk_span name, struct vk_span text)
{
    size_t at = strlen(lines);
    (void)ctx;
    (void)name;
    snprintf(lines + at, sizeof lines - at, "%.*s\n", (int)text.len, (const char *)text.ptr);
}

static bool run(const struct net_bind_host *host, const char *name, uint32_t function)
{
    const struct vkd_trial trial = {.host = host,
                                    .seed = 1,
                                    .heap_bytes = HEAP_BYTES,
                                    .reductions = REDUCTIONS,
                                    .native_tick_ns = NATIVE_TICK_NS,
                                    .log = keep_line};
    struct vkd_outcome outcome;
    bool fails = strncmp(name, "fails: ", 7) == 0;
    lines[0] = 0;
    vkd_trial_run(&trial, function, &outcome);
    bool is_good = outcome.verdict == (fails ? VKD_VERDICT_FAILED : VKD_VERDICT_PASSED) &&
                   (!fails || strstr(lines, name + 7) != NULL);
    if (!is_good)
        printf("%s: it %s\n%s", name, outcome.verdict == VKD_VERDICT_PASSED ? "passed" : "failed", lines);
    return is_good;
}

int main(int argc, char **argv)
{
    struct interp_hosts hosts = {
        .functions = functions, .count = VK_COUNT(functions), .home = home, .is_late = true};
    static struct vkd_loaded l = {.has_tests = true, .seed = 1};
    for (uint32_t i = 0; i < VK_COUNT(functions); i++)
        if (!interp_signature_read(vk_span_text(functions[i].text), &functions[i].signature))
            return 2;
    l.hosts = &hosts;
    if (argc < 2 || !vkd_load_host(argv[1], vkd_trial_natives(), &l))
        return 2;
    const struct interp_services *services = interp_module_services(&l.code.module);
    const struct interp_test *tests = interp_module_at(&l.code.module, services->tests);
    int failed = 0;
    for (uint32_t i = 0; i < services->tests.count; i++)
        failed += !run(&l.host, interp_module_name(&l.code.module, tests[i].name), tests[i].function);
    printf("%u calls of functions of the host in %u tests, %d failed\n", homes, services->tests.count,
           failed);
    vkd_unload(&l);
    return failed > 0 || homes == 0;
}
