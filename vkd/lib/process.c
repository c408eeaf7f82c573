/* SPDX-License-Identifier: Apache-2.0 */
/* Starting processes, asking them, and their ends. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"
#include "vkd/lib/courier.h"

#define SPAWN_MIN_BYTES VKD_LIB_BYTES_TO(vk_spawn_options, context) /* of version 0.1 */

int vkd_lib_start(struct vkd_ask *ask, struct proc_spawn *spawn, bool now, vk_pid *ret_pid)
{
    struct vk_kernel *k = ask->kernel;
    struct proc_process *process;
    spawn->copy_arg = !now;
    spawn->runs_now = now;
    spawn->origin = (struct proc_object){&vkd_lib_kind_ask, ask};
    int rc = proc_spawn(k->proc, spawn, &process);
    if (rc != 0) {
        vkd_lib_ask_free(ask);
        return rc;
    }
    if (ask->target == 0)
        ask->about = proc_name(process);
    if (ret_pid != NULL)
        *ret_pid = proc_name(process);
    if (now)
        proc_run_now(k->proc, process);
    else
        proc_run_soon(k->proc, process);
    return 0;
}

uint64_t vkd_lib_deadline(const struct vk_kernel *kernel, uint64_t after_ns)
{
    uint64_t now_ns = proc_now_ns(kernel->proc);
    if (after_ns == 0)
        return 0;
    return after_ns < UINT64_MAX - now_ns ? now_ns + after_ns : UINT64_MAX;
}

int vk_spawn(struct vk_program *program, const void *arg, size_t arg_bytes,
             const struct vk_spawn_options *options, vk_pid *ret_pid)
{
    struct vk_kernel *k = program->kernel;
    struct vk_spawn_options o;
    int rc = vkd_lib_begin(k);
    if (rc == 0)
        rc = vkd_lib_options(&o, sizeof o, SPAWN_MIN_BYTES, options);
    if (rc == 0 && arg_bytes > program->program.heap_bytes)
        rc = -VK_ETOOBIG;
    if (rc != 0)
        return rc;
    struct vkd_ask *ask = vkd_lib_ask_new(k, o.answer, o.context);
    if (ask == NULL)
        return -VK_ENOMEM;
    ask->is_spawn = true;
    struct proc_spawn spawn = {.program = &program->program,
                               .arg = arg,
                               .arg_len = (uint32_t)arg_bytes,
                               .deadline_ns = vkd_lib_deadline(k, o.deadline_ns)};
    return vkd_lib_start(ask, &spawn, false, ret_pid);
}

int vk_send(struct vk_kernel *kernel, vk_pid pid, const void *bytes, size_t len_bytes)
{
    int rc = vkd_lib_begin(kernel);
    if (rc != 0)
        return rc;
    if (len_bytes > PROC_MESSAGE_MAX_BYTES)
        return -VK_ETOOBIG;
    return proc_send(kernel->proc, pid, bytes, (uint32_t)len_bytes);
}

int vk_request(struct vk_kernel *kernel, vk_pid pid, const void *bytes, size_t len_bytes, uint64_t timeout_ns,
               vk_answer_fn answer, void *context)
{
    int rc = vkd_lib_begin(kernel);
    if (rc != 0)
        return rc;
    if (len_bytes > PROC_MESSAGE_MAX_BYTES)
        return -VK_ETOOBIG;
    struct vkd_ask *ask = vkd_lib_ask_new(kernel, answer, context);
    if (ask == NULL)
        return -VK_ENOMEM;
    ask->target = ask->about = pid;
    ask->timeout_ns = timeout_ns;
    struct proc_spawn spawn = {.program = &vkd_courier_call, .arg = bytes, .arg_len = (uint32_t)len_bytes};
    return vkd_lib_start(ask, &spawn, false, NULL);
}

int vk_monitor(struct vk_kernel *kernel, vk_pid pid, vk_answer_fn answer, void *context)
{
    int rc = vkd_lib_begin(kernel);
    if (rc != 0)
        return rc;
    struct vkd_ask *ask = vkd_lib_ask_new(kernel, answer, context);
    if (ask == NULL)
        return -VK_ENOMEM;
    ask->target = ask->about = pid;
    ask->is_monitor = true;
    struct proc_spawn spawn = {.program = &vkd_courier_monitor};
    return vkd_lib_start(ask, &spawn, false, NULL);
}

int vk_kill(struct vk_kernel *kernel, vk_pid pid)
{
    int rc = vkd_lib_begin(kernel);
    if (rc != 0)
        return rc;
    struct proc_process *process = proc_process_named(kernel->proc, pid);
    if (process == NULL)
        return -VK_EDIED;
    proc_end(kernel->proc, process, PROC_REASON_KILLED);
    return 0;
}
