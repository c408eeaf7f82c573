/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel on a libev loop of the host's. Just before the loop waits, the
 * kernel does what is due; what the loop's watchers found meanwhile is among
 * that. An idle watcher keeps the loop from waiting, and from its end, while
 * there is more.
 */
#include "vkd/lib/lib_impl.h"

#include <ev.h>

struct vkd_lib_loop {
    struct vk_kernel *kernel;
    struct ev_loop *loop;
    struct ev_prepare prepare;
    struct ev_idle idle;
    struct ev_timer timer; /* active exactly while the kernel waits for a time */
    struct ev_io io;       /* of a driver that has a descriptor; inactive: it is in the loop itself */
    bool is_holding;       /* io keeps the loop running */
};

/* They exist to have the loop turn, so that on_prepare is called. */
static void on_idle(struct ev_loop *loop, struct ev_idle *idle, int revents)
{
    (void)loop, (void)idle, (void)revents;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
    (void)loop, (void)io, (void)revents;
}

/* The loop's idea of now may be old; a timer that fires early costs a turn. */
static void set_timer(struct vkd_lib_loop *l, uint64_t timeout_ns)
{
    if (timeout_ns == UINT64_MAX) {
        ev_timer_stop(l->loop, &l->timer);
        return;
    }
    l->timer.repeat = (double)timeout_ns * 1e-9;
    ev_timer_again(l->loop, &l->timer);
}

/* As the watchers of open sockets do by themselves where the driver is in the loop. */
static void hold(struct vkd_lib_loop *l)
{
    bool holds = ev_is_active(&l->io) && net_io_stats(l->kernel->io)->conns_live > 0;
    if (holds && !l->is_holding)
        ev_ref(l->loop);
    else if (!holds && l->is_holding)
        ev_unref(l->loop);
    l->is_holding = holds;
}

static void on_prepare(struct ev_loop *loop, struct ev_prepare *prepare, int revents)
{
    struct vkd_lib_loop *l = prepare->data;
    (void)revents;
    if (vk_timeout_ns(l->kernel) == 0)
        vk_step(l->kernel, 0);
    hold(l);
    uint64_t timeout_ns = vk_timeout_ns(l->kernel);
    if (timeout_ns == 0) {
        ev_idle_start(loop, &l->idle);
        return;
    }
    ev_idle_stop(loop, &l->idle);
    set_timer(l, timeout_ns);
}

int vkd_lib_loop_create(struct vk_kernel *kernel, struct ev_loop *loop)
{
    struct vkd_lib_loop *l = vkd_lib_alloc(kernel, sizeof *l);
    if (l == NULL)
        return -VK_ENOMEM;
    l->kernel = kernel;
    l->loop = loop;
    ev_prepare_init(&l->prepare, on_prepare);
    l->prepare.data = l;
    ev_idle_init(&l->idle, on_idle);
    ev_init(&l->timer, on_timer);
    int fd = net_io_fd(kernel->io);
    ev_io_init(&l->io, on_readable, fd, EV_READ);
    if (fd >= 0) {
        ev_io_start(loop, &l->io);
        ev_unref(loop); /* see hold() */
    }
    ev_prepare_start(loop, &l->prepare);
    ev_unref(loop); /* a kernel that waits for nothing does not keep the host's loop running */
    kernel->loop = l;
    return 0;
}

void vkd_lib_loop_turn(struct vk_kernel *kernel)
{
    if (kernel->loop != NULL)
        ev_idle_start(kernel->loop->loop, &kernel->loop->idle);
}

void vkd_lib_loop_destroy(struct vk_kernel *kernel)
{
    struct vkd_lib_loop *l = kernel->loop;
    if (l == NULL)
        return;
    ev_ref(l->loop);
    ev_prepare_stop(l->loop, &l->prepare);
    ev_idle_stop(l->loop, &l->idle);
    ev_timer_stop(l->loop, &l->timer);
    if (ev_is_active(&l->io) && !l->is_holding)
        ev_ref(l->loop);
    ev_io_stop(l->loop, &l->io);
    kernel->loop = NULL;
    vkd_lib_free(kernel, l, sizeof *l);
}
