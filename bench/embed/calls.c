/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls between a program and its host cost, by libvk: a function of the
 * host called from the language, over a call of the same function in C; and a
 * function of the program called by the host, which is a process each time.
 * CPU time of the thread; the cases take turns, and medians of the rounds are
 * printed.
 *
 * Usage: calls MODULE [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vk.h>

#define TURNS      1000000 /* of a loop */
#define CALLS      100000u /* of the program by the host */
#define BATCH      64u
#define ROUNDS     11
#define ROUNDS_MAX 101

enum what {
    WHAT_C_EMPTY,
    WHAT_C_CALL,
    WHAT_EMPTY,
    WHAT_INTS,
    WHAT_TEXTS,
    WHAT_RESULTS,
    WHAT_PRICES,
    WHAT_ONE,
    WHAT_BATCH,
    WHAT_GREET,
    WHAT_COUNT
};

static struct vk_kernel *kernel;
static struct vk_function *functions[WHAT_COUNT];
static double times[WHAT_COUNT][ROUNDS_MAX]; /* ns of one turn or call */
static int64_t given;
static uint32_t answers;

static _Noreturn void give_up(const char *what, int rc)
{
    fprintf(stderr, "calls: %s: %s\n", what, vk_error_text(rc));
    exit(1);
}

/* ---- the host's functions ---- */

static int mix(void *context, struct vk_host_call *call)
{
    (void)context;
    return vk_host_give_int(call, vk_host_int(call, 0) ^ vk_host_int(call, 1));
}

static int size(void *context, struct vk_host_call *call)
{
    size_t len;
    (void)context;
    (void)vk_host_text(call, 0, &len);
    return vk_host_give_int(call, (int64_t)len);
}

static int same(void *context, struct vk_host_call *call)
{
    size_t len;
    (void)context;
    const char *text = vk_host_text(call, 0, &len);
    return vk_host_give_text(call, text, len);
}

static int price(void *context, struct vk_host_call *call)
{
    size_t len;
    (void)context;
    (void)vk_host_text(call, 0, &len);
    return vk_host_give_float(call, 1.5 * (double)vk_host_int(call, 1));
}

/* The same in C, by a pointer that the compiler cannot follow, as the library calls. */
static int64_t mix_in_c(int64_t a, int64_t b)
{
    return a ^ b;
}

static int64_t (*volatile mix_pointer)(int64_t a, int64_t b) = mix_in_c;

static int64_t loop_in_c(bool calls)
{
    volatile int64_t x = 0; /* kept in memory in both, so that the empty one is a loop */
    int64_t (*mix_here)(int64_t a, int64_t b) = mix_pointer;
    for (int64_t i = 0; i < TURNS; i++)
        x = calls ? mix_here(x, i) : x ^ i;
    return x;
}

/* ---- measuring ---- */

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void on_answer(void *context, const struct vk_answer *answer)
{
    (void)context;
    if (answer->error != 0)
        give_up(answer->words, answer->error);
    given = answer->value.as.i;
    answers++;
}

static void call(enum what what, struct vk_value arg)
{
    int rc = vk_call_wait(functions[what], &arg, 1, on_answer, NULL);
    if (rc != 0)
        give_up("a call", rc);
}

/* So many calls, each a process, started together and run by one step. */
static void call_batch(void)
{
    const struct vk_value arg = vk_int(1);
    uint32_t wanted = answers + BATCH;
    for (uint32_t i = 0; i < BATCH; i++) {
        int rc = vk_call(functions[WHAT_ONE], &arg, 1, on_answer, NULL, NULL);
        if (rc != 0)
            give_up("a call", rc);
    }
    while (answers != wanted)
        vk_step(kernel, 0);
}

/* How many turns or calls that was. */
static double run(enum what what)
{
    static int64_t in_c;
    if (what == WHAT_C_EMPTY || what == WHAT_C_CALL)
        in_c = loop_in_c(what == WHAT_C_CALL);
    else if (what <= WHAT_PRICES)
        call(what, vk_int(TURNS));
    for (uint32_t i = 0; what == WHAT_BATCH && i < CALLS / BATCH; i++)
        call_batch();
    for (uint32_t i = 0; (what == WHAT_ONE || what == WHAT_GREET) && i < CALLS; i++)
        call(what, what == WHAT_ONE ? vk_int(1) : vk_str("Ada"));
    if (what == WHAT_INTS && given != in_c)
        give_up("the host's function gave something else than in C", -VK_EINVAL);
    return what == WHAT_BATCH ? CALLS / BATCH * BATCH : what >= WHAT_ONE ? CALLS : TURNS;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(enum what what, int rounds)
{
    qsort(times[what], (size_t)rounds, sizeof(double), by_size);
    return times[what][rounds / 2];
}

static void load(const char *path)
{
    static const char *const names[WHAT_COUNT] = {
        [WHAT_EMPTY] = "empty",   [WHAT_INTS] = "ints", [WHAT_TEXTS] = "texts", [WHAT_RESULTS] = "results",
        [WHAT_PRICES] = "prices", [WHAT_ONE] = "one",   [WHAT_GREET] = "greet"};
    struct vk_module *module;
    char why[256] = "";
    const struct vk_module_options options = {.size = sizeof options, .why = why, .why_bytes = sizeof why};
    const struct vk_function_options quotas = {
        .size = sizeof quotas, .cpu_ns = 60000000000u, .deadline_ns = 600000000000u};
    int rc = vk_kernel_create(NULL, &kernel);
    rc = rc ? rc : vk_host_function(kernel, "mix", "fn(Int, Int) -> Int", mix, NULL);
    rc = rc ? rc : vk_host_function(kernel, "size", "fn(Str) -> Int", size, NULL);
    rc = rc ? rc : vk_host_function(kernel, "same", "fn(Str) -> Str", same, NULL);
    rc = rc ? rc : vk_host_function(kernel, "price", "fn(Str, Int) -> Result<Float, Str>", price, NULL);
    rc = rc ? rc : vk_module_load_file(kernel, path, &options, &module);
    for (int i = 0; i < WHAT_COUNT && rc == 0; i++)
        if (names[i] != NULL)
            rc = vk_function_find(module, names[i], &quotas, &functions[i]);
    if (rc != 0)
        give_up(why[0] ? why : path, rc);
}

static void print(int rounds)
{
    double m[WHAT_COUNT];
    for (int i = 0; i < WHAT_COUNT; i++)
        m[i] = median((enum what)i, rounds);
    double c = m[WHAT_C_CALL] - m[WHAT_C_EMPTY];
    printf("CPU ns, medians of %d rounds\n", rounds);
    printf("a C call through a pointer           %7.1f\n", c);
    static const char *const labels[] = {"fn(Int, Int) -> Int", "fn(Str) -> Int", "fn(Str) -> Str",
                                         "fn(Str, Int) -> Result"};
    for (int i = WHAT_INTS; i <= WHAT_PRICES; i++)
        printf("host fn, %-22s      %7.1f  %7.1f over a C call\n", labels[i - WHAT_INTS],
               m[i] - m[WHAT_EMPTY], m[i] - m[WHAT_EMPTY] - c);
    printf("a turn of the loop without a call    %7.1f\n", m[WHAT_EMPTY]);
    printf("vk_call_wait, fn(Int) -> Int         %7.1f  %7.1f C calls\n", m[WHAT_ONE], m[WHAT_ONE] / c);
    printf("vk_call_wait, fn(Str) -> Str         %7.1f  %7.1f C calls\n", m[WHAT_GREET], m[WHAT_GREET] / c);
    printf("vk_call by %u and vk_step            %7.1f  %7.1f C calls\n", BATCH, m[WHAT_BATCH],
           m[WHAT_BATCH] / c);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS;
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    load(argv[1]);
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < WHAT_COUNT; i++) {
            double begin = now_ns(), count = run((enum what)i);
            times[i][round] = (now_ns() - begin) / count;
        }
    print(rounds);
    vk_kernel_destroy(kernel);
    return 0;
}
