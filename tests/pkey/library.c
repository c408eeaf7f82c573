/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: libvk guarded by protection keys, as a host has it. A native program
 * does not write to the heap of another one, a function of the host's runs
 * with the host's rights, and threads may have native programs beside each
 * other, which they may not under another guard. Method: a host with two
 * kernels in two threads.
 *
 * Usage: library MODULE   that of tests/embed/forged.vk
 */
#include "include/vk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 0x5eed

static volatile uint64_t
    *of_another; /* in the heap of the process that sits; programs may write to globals */
static int failures;

static void check(int is_good, const char *what)
{
    if (is_good)
        return;
    printf("failed: %s\n", what);
    failures++;
}

static enum vk_said answer(struct vk_self *self, struct vk_fiber *fiber)
{
    uint32_t len;
    if (fiber->step != 0)
        return VK_SAID_END;
    fiber->step = 1;
    (void)vk_native_arg(self, &len);
    uint8_t *text = vk_native_alloc(self, 8);
    if (text == NULL)
        return VK_SAID_FAIL;
    memcpy(text, "answered", 8);
    const struct vk_op op = {
        .code = VK_OP_WRITE, .handle = VK_HANDLE_ORIGIN, .off = vk_native_off(self, text), .len = 8};
    return vk_native_submit(self, fiber, &op) ? VK_SAID_WAIT : VK_SAID_FAIL;
}

/* It sleeps, and then looks whether its heap is as it was. */
static enum vk_said sit(struct vk_self *self, struct vk_fiber *fiber)
{
    static const struct vk_op nap = {.code = VK_OP_SLEEP, .arg = 50000000};
    if (fiber->step == 0) {
        uint64_t *here = vk_native_alloc(self, sizeof *here);
        if (here == NULL)
            return VK_SAID_FAIL;
        *here = KEPT;
        of_another = here;
        fiber->step = 1;
    }
    if (!vk_native_wait(self, fiber, &nap))
        return VK_SAID_WAIT;
    return *of_another == KEPT ? VK_SAID_END : VK_SAID_FAIL;
}

static enum vk_said stray(struct vk_self *self, struct vk_fiber *fiber)
{
    (void)self, (void)fiber;
    *of_another = 1;
    return VK_SAID_END;
}

static const vk_step_fn answer_steps[] = {answer}, sit_steps[] = {sit}, stray_steps[] = {stray};

struct told {
    int count, error;
    enum vk_reason reason;
    int64_t value;
    char text[16];
};

static void on_answer(void *context, const struct vk_answer *a)
{
    struct told *t = context;
    t->count++;
    t->error = a->error;
    t->reason = a->reason;
    t->value = a->value.as.i;
    memcpy(t->text, a->bytes, a->bytes_len < 15 ? a->bytes_len : 15);
}

static void start(struct vk_kernel *kernel, const char *name, const vk_step_fn *steps, struct told *told)
{
    struct vk_program *program = NULL;
    const struct vk_native native = {.size = sizeof native,
                                     .name = name,
                                     .steps = steps,
                                     .steps_count = 1,
                                     .state_bytes = sizeof(struct vk_fiber)};
    const struct vk_spawn_options options = {.size = sizeof options, .answer = on_answer, .context = told};
    check(vk_native_create(kernel, &native, &program) == 0, "a native program in each thread");
    check(program != NULL && vk_spawn(program, "", 0, &options, NULL) == 0, "a process");
}

static void wait_for(struct vk_kernel *kernel, const struct told *told)
{
    for (int i = 0; i < 1000 && told->count == 0; i++)
        vk_step(kernel, 10000000);
}

/* One of two processes writes to the heap of the other one, which goes on. */
static void breach(struct vk_kernel *kernel)
{
    struct told sitting = {0}, straying = {0};
    start(kernel, "sit", sit_steps, &sitting);
    vk_step(kernel, 0);
    start(kernel, "stray", stray_steps, &straying);
    wait_for(kernel, &straying);
    wait_for(kernel, &sitting);
    check(straying.count == 1 && straying.error == -VK_EDIED && straying.reason == VK_REASON_FAULT,
          "a fault is told");
    check(sitting.count == 1 && sitting.error == 0, "the heap of another process is as it was");
}

/* With the host's rights: it allocates, and writes to memory that is closed to processes. */
static int truths(void *context, struct vk_host_call *call)
{
    char *memory = malloc(100000);
    memset(memory, 1, 100000);
    *(int64_t *)context += vk_host_int(call, 0) + memory[99999];
    free(memory);
    return vk_host_give_int(call, *(int64_t *)context);
}

static void ask_host(struct vk_kernel *kernel, const char *path)
{
    struct told told = {0};
    struct vk_module *module = NULL;
    struct vk_function *ask = NULL;
    const struct vk_value five = vk_int(5);
    int64_t sum = 10;
    check(vk_host_function(kernel, "truths", "fn(Int, Int?, List<Int>) -> Int", truths, &sum) == 0, "supply");
    if (vk_module_load_file(kernel, path, NULL, &module) != 0 ||
        vk_function_find(module, "ask", NULL, &ask) != 0) {
        check(0, "the module");
        return;
    }
    for (int i = 0; i < 3; i++)
        check(vk_call_wait(ask, &five, 1, on_answer, &told) == 0, "a call");
    check(told.count == 3 && told.error == 0 && told.value == 28 && sum == 28,
          "what the host's function gives");
}

static void *live(void *path)
{
    const struct vk_options options = {.size = sizeof options, .guarding = VK_GUARDING_PKEY, .warm_max = 1};
    struct vk_kernel *kernel = NULL;
    int rc = vk_kernel_create(&options, &kernel);
    if (rc != 0) {
        printf("vk_kernel_create: %s\n", vk_error_text(rc));
        failures++;
        return NULL;
    }
    check(strcmp(vk_kernel_guard(kernel), "pkey") == 0, "the guard is that of keys");
    struct told told = {0};
    start(kernel, "answer", answer_steps, &told);
    wait_for(kernel, &told);
    check(told.count == 1 && told.error == 0 && strcmp(told.text, "answered") == 0, "an answer");
    breach(kernel);
    ask_host(kernel, path);
    vk_kernel_destroy(kernel);
    return NULL;
}

/* The first thread's kernel has native programs as long as the second one lives. */
static void *live_beside(void *path)
{
    pthread_t other;
    const struct vk_options options = {.size = sizeof options, .guarding = VK_GUARDING_PKEY, .warm_max = 1};
    struct vk_kernel *kernel = NULL;
    check(vk_kernel_create(&options, &kernel) == 0, "a kernel");
    if (kernel == NULL)
        return NULL;
    breach(kernel);
    check(pthread_create(&other, NULL, live, path) == 0 && pthread_join(other, NULL) == 0, "a thread");
    breach(kernel);
    vk_kernel_destroy(kernel);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    (void)live(argv[1]);
    (void)live_beside(argv[1]);
    printf("libvk with protection keys: %d failures\n", failures);
    return failures != 0;
}
