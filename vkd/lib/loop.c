/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lets a kernel run. In a loop of the host's nothing may be left to a
 * later step that the descriptor does not tell of: what a tick submitted goes
 * to the system before the step ends.
 */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"

void vk_step(struct vk_kernel *kernel, uint64_t wait_ns)
{
    vkd_lib_check(kernel);
    vk_assert(!kernel->is_stepping);
    kernel->is_stepping = true;
    proc_kernel_step(kernel->proc, kernel->loop != NULL ? 0 : wait_ns);
    for (uint32_t i = 0; i < VK_LIB_TICKS_MAX && vk_timeout_ns(kernel) == 0; i++)
        proc_kernel_step(kernel->proc, 0);
    kernel->is_stepping = false;
    vkd_lib_loop_turn(kernel);
}

/* ---- the end in good order ---- */

static void on_unlisten(struct proc_kernel *proc, struct proc_timer *timer)
{
    const struct vk_kernel *k = VK_CONTAINER(timer, struct vk_kernel, unlisten);
    (void)proc;
    for (struct net_server *s = NULL; (s = vkd_lib_server_next(k, s)) != NULL;)
        net_server_unlisten(s);
}

int vk_drain(struct vk_kernel *kernel, uint64_t timeout_ns)
{
    int rc = vkd_lib_begin(kernel);
    if (rc != 0)
        return rc;
    uint64_t now_ns = proc_now_ns(kernel->proc);
    uint64_t deadline_ns = timeout_ns < UINT64_MAX - now_ns ? now_ns + timeout_ns : UINT64_MAX;
    for (struct net_server *s = NULL; (s = vkd_lib_server_next(kernel, s)) != NULL;)
        net_server_drain(s, deadline_ns);
    kernel->is_draining = true;
    kernel->drain_ns = deadline_ns;
    kernel->unlisten.fire = on_unlisten;
    proc_timer_set(kernel->proc, &kernel->unlisten, now_ns + NET_DRAIN_ARRIVAL_NS);
    return 0;
}

static bool is_drained(const struct vk_kernel *k)
{
    for (const struct net_server *s = NULL; (s = vkd_lib_server_next(k, s)) != NULL;)
        if (!net_server_is_idle(s))
            return false;
    return k->asks_open == 0;
}

bool vk_is_drained(const struct vk_kernel *kernel)
{
    vkd_lib_check(kernel);
    return is_drained(kernel);
}

/* ---- its own loop ---- */

int vk_run(struct vk_kernel *kernel)
{
    vkd_lib_check(kernel);
    vk_assert(!kernel->is_stepping);
    if (kernel->loop != NULL)
        return -VK_EINVAL;
    kernel->is_stepping = true;
    while (!atomic_exchange(&kernel->is_stopped, false) && !(kernel->is_draining && is_drained(kernel)))
        proc_kernel_step(kernel->proc, UINT64_MAX);
    kernel->is_stepping = false;
    return 0;
}

void vk_stop(struct vk_kernel *kernel)
{
    atomic_store(&kernel->is_stopped, true);
    kernel->io->ops->wake(kernel->io);
}

int vk_fd(const struct vk_kernel *kernel)
{
    vkd_lib_check(kernel);
    return net_io_fd(kernel->io);
}

uint64_t vk_timeout_ns(const struct vk_kernel *kernel)
{
    vkd_lib_check(kernel);
    if (net_io_is_due(kernel->io))
        return 0;
    uint64_t due_ns = net_io_due_ns(kernel->io), timer_ns = proc_kernel_next_ns(kernel->proc);
    due_ns = timer_ns < due_ns ? timer_ns : due_ns;
    if (due_ns == 0 || due_ns == UINT64_MAX)
        return due_ns;
    uint64_t now_ns = kernel->io->ops->now(kernel->io);
    return due_ns > now_ns ? due_ns - now_ns : 0;
}
