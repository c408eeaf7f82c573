/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles are capabilities: the only way a process names anything outside its
 * heap. Handle 1 is what it was started for, 2 and up the objects of its
 * environment; all others are entries of one table, good for their owner only.
 */
#include "proc/kernel_impl.h"

#define ENV_FIRST 2u

_Static_assert(ENV_FIRST + PROC_ENV_MAX <= VK_HANDLE_INDEX_MASK, "handles of the table are larger numbers");

static struct proc_handle *table_find(struct proc_kernel *k, const struct proc_process *p, uint32_t handle)
{
    struct proc_handle *h = vk_table_get(&k->handles, handle);
    return h && h->owner == p ? h : NULL;
}

struct proc_object proc_handle_find(struct proc_kernel *kernel, struct proc_process *process, uint32_t handle)
{
    if (VK_LIKELY(handle == PROC_HANDLE_ORIGIN))
        return process->origin;
    if (handle < ENV_FIRST + PROC_ENV_MAX) {
        const struct proc_env *env = process->env;
        if (env && handle >= ENV_FIRST && handle - ENV_FIRST < env->count)
            return env->objects[handle - ENV_FIRST];
        return (struct proc_object){0};
    }
    const struct proc_handle *h = table_find(kernel, process, handle);
    return h ? h->object : (struct proc_object){0};
}

int proc_handle_new(struct proc_kernel *kernel, struct proc_process *process, struct proc_object object,
                    uint32_t *ret_handle)
{
    struct proc_handle *h = vk_table_take(&kernel->handles);
    if (!h)
        return -VK_ENOSPC;
    h->object = object;
    h->owner = process;
    vk_list_push(&process->handles, &h->node);
    *ret_handle = h->entry.handle;
    return 0;
}

/* Out of the table, the object kept. */
static struct proc_object table_take_out(struct proc_kernel *k, struct proc_handle *h)
{
    struct proc_object object = h->object;
    vk_list_remove(&h->node);
    vk_table_give(&k->handles, h);
    return object;
}

int proc_handle_close(struct proc_kernel *kernel, struct proc_process *process, uint32_t handle)
{
    struct proc_object object = {0};
    if (handle == PROC_HANDLE_ORIGIN) {
        object = process->origin;
        process->origin = (struct proc_object){0};
    } else {
        struct proc_handle *h = table_find(kernel, process, handle);
        if (h)
            object = table_take_out(kernel, h);
    }
    if (!object.kind)
        return -VK_EBADH;
    proc_reqs_close(kernel, process, handle);
    if (object.kind->release)
        object.kind->release(kernel, object.object, process);
    return 0;
}

void proc_handles_close_all(struct proc_kernel *kernel, struct proc_process *process)
{
    for (struct vk_node *node; (node = vk_list_first(&process->handles));) {
        struct proc_object object = table_take_out(kernel, VK_CONTAINER(node, struct proc_handle, node));
        if (object.kind->release)
            object.kind->release(kernel, object.object, process);
    }
}

int proc_handle_detach(struct proc_kernel *kernel, struct proc_process *process, uint32_t handle, bool move,
                       struct proc_object *ret_object)
{
    *ret_object = (struct proc_object){0};
    if (handle == 0)
        return 0;
    if (move) {
        struct proc_handle *h = table_find(kernel, process, handle);
        if (!h)
            return handle < ENV_FIRST + PROC_ENV_MAX ? -VK_EPERM : -VK_EBADH;
        *ret_object = table_take_out(kernel, h);
        proc_reqs_close(kernel, process, handle);
        return 0;
    }
    struct proc_object object = proc_handle_find(kernel, process, handle);
    if (!object.kind)
        return -VK_EBADH;
    if (!object.kind->shareable)
        return -VK_EPERM;
    if (object.kind->share)
        object.kind->share(kernel, object.object);
    *ret_object = object;
    return 0;
}

uint32_t proc_handle_attach(struct proc_kernel *kernel, struct proc_process *process,
                            struct proc_object *object)
{
    uint32_t handle = 0;
    if (proc_handle_new(kernel, process, *object, &handle))
        proc_object_release(kernel, object);
    *object = (struct proc_object){0};
    return handle;
}

void proc_done_attach(struct proc_kernel *kernel, struct proc_process *process, struct proc_object *object,
                      struct proc_done *done)
{
    done->handle = proc_handle_attach(kernel, process, object);
    if (done->handle == 0)
        done->flags |= PROC_DONE_LOST;
}

void proc_object_release(struct proc_kernel *kernel, struct proc_object *object)
{
    if (object->kind && object->kind->release)
        object->kind->release(kernel, object->object, NULL);
    *object = (struct proc_object){0};
}
