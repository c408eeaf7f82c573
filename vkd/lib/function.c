/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a module's functions, each in a process of its own. */
#include "vkd/lib/lib_impl.h"

#include "interp/actor.h"
#include "vk/pool.h"

#define OPTIONS_MIN_BYTES VKD_LIB_BYTES_TO(vk_function_options, deadline_ns) /* of version 0.1 */
#define HEAP_MIN_BYTES    (16u << 10)
#define ARGS_SMALL_BYTES  512u /* arguments that need no memory of the host's */

static int take_options(const struct vk_function_options *given, struct vk_function_options *o)
{
    int rc = vkd_lib_options(o, sizeof *o, OPTIONS_MIN_BYTES, given);
    o->heap_bytes = o->heap_bytes != 0 ? o->heap_bytes : NET_BIND_HEAP_BYTES;
    o->cpu_ns = o->cpu_ns != 0 ? o->cpu_ns : NET_BIND_CPU_NS;
    o->deadline_ns = o->deadline_ns != 0 ? o->deadline_ns : NET_BIND_DEADLINE_NS;
    if (rc == 0 &&
        (o->heap_bytes < HEAP_MIN_BYTES || o->heap_bytes > vk_pool_class_bytes(VK_SLOT_CLASSES - 1)))
        rc = -VK_EINVAL;
    return rc;
}

int vk_function_find(struct vk_module *module, const char *name, const struct vk_function_options *options,
                     struct vk_function **ret_function)
{
    struct vk_function_options o;
    struct interp_exported exported;
    int rc = vkd_lib_begin(module->kernel);
    if (rc == 0)
        rc = take_options(options, &o);
    if (rc == 0)
        rc = interp_exported_find(&module->code.image, vk_span_text(name), &exported);
    if (rc != 0)
        return rc;
    struct vk_function *f = vkd_lib_alloc(module->kernel, sizeof *f);
    if (f == NULL)
        return -VK_ENOMEM;
    *f = (struct vk_function){
        .module = module, .next = module->functions, .exported = exported, .deadline_ns = o.deadline_ns};
    interp_program_init(&f->program, exported.name, &module->code.image, exported.function, o.heap_bytes,
                        o.cpu_ns / INTERP_NS_PER_REDUCTION);
    f->program.entry = &f->exported;
    module->functions = f;
    *ret_function = f;
    return 0;
}

const char *vk_function_type(const struct vk_function *function)
{
    return function->exported.type;
}

void vkd_lib_functions_fini(struct vk_module *module)
{
    for (struct vk_function *f; (f = module->functions) != NULL;) {
        module->functions = f->next;
        vkd_lib_free(module->kernel, f, sizeof *f);
    }
}

/* ---- calling ---- */

struct call {
    struct vk_function *function;
    const struct vk_value *args;
    size_t count;
    vk_answer_fn answer;
    void *context;
    bool now;
};

static int start(const struct call *call, const uint8_t *stream, size_t len, vk_pid *ret_pid)
{
    struct vk_function *f = call->function;
    struct vk_kernel *k = f->module->kernel;
    struct vkd_ask *ask = vkd_lib_ask_new(k, call->answer, call->context);
    if (ask == NULL)
        return -VK_ENOMEM;
    ask->function = f;
    struct proc_spawn spawn = {.program = &f->program.program,
                               .arg = stream,
                               .arg_len = (uint32_t)len,
                               .env = &f->module->hosted.env,
                               .deadline_ns = vkd_lib_deadline(k, f->deadline_ns)};
    f->module->calls++;
    int rc = vkd_lib_start(ask, &spawn, call->now, ret_pid);
    if (rc != 0)
        f->module->calls--;
    return rc;
}

static int start_call(const struct call *call, vk_pid *ret_pid)
{
    struct vk_kernel *k = call->function->module->kernel;
    const struct interp_exported *e = &call->function->exported;
    _Alignas(8) uint8_t small[ARGS_SMALL_BYTES];
    size_t len;
    int rc = vkd_lib_begin(k);
    if (rc == 0)
        rc = vkd_lib_put_args(e, call->args, call->count, small, sizeof small, &len);
    if (rc != 0 || len <= sizeof small)
        return rc != 0 ? rc : start(call, small, len, ret_pid);
    size_t room = len;
    uint8_t *large = vkd_lib_alloc(k, room);
    if (large == NULL)
        return -VK_ENOMEM;
    rc = vkd_lib_put_args(e, call->args, call->count, large, room, &len);
    if (rc == 0)
        rc = start(call, large, len, ret_pid);
    vkd_lib_free(k, large, room);
    return rc;
}

int vk_call(struct vk_function *function, const struct vk_value *args, size_t count, vk_answer_fn answer,
            void *context, vk_pid *ret_pid)
{
    const struct call call = {function, args, count, answer, context, false};
    return start_call(&call, ret_pid);
}

/* ---- and waiting ---- */

struct waited {
    vk_answer_fn answer;
    void *context;
    bool is_there;
};

static void on_answer(void *context, const struct vk_answer *answer)
{
    struct waited *w = context;
    w->is_there = true;
    if (w->answer != NULL)
        w->answer(w->context, answer);
}

int vk_call_wait(struct vk_function *function, const struct vk_value *args, size_t count, vk_answer_fn answer,
                 void *context)
{
    struct vk_kernel *k = function->module->kernel;
    struct waited w = {answer, context, false};
    const struct call call = {function, args, count, on_answer, &w, true};
    vkd_lib_check(k);
    vk_assert(!k->is_stepping);
    k->is_stepping = true;
    proc_kernel_refresh(k->proc);
    int rc = start_call(&call, NULL);
    vkd_lib_asks_answer(k);
    k->is_stepping = false;
    vkd_lib_loop_turn(k);
    while (rc == 0 && !w.is_there)
        vk_step(k, UINT64_MAX);
    return rc;
}
