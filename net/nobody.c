/* SPDX-License-Identifier: Apache-2.0 */
#include "net/nobody.h"

static void ignore_event(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                         const struct proc_io_event *event)
{
    (void)kernel, (void)sink, (void)kind, (void)event;
}

/* 16 kinds of 16 sinks in turn. */
uint64_t net_nobody_tag(struct net_nobody *nobody)
{
    uint32_t n = nobody->tags++;
    return proc_tag(&nobody->sinks[n % VK_COUNT(nobody->sinks)], n / VK_COUNT(nobody->sinks) % 16);
}

static void submit(struct net_nobody *nobody, struct proc_io_req req)
{
    struct proc_io *io = proc_kernel_io(nobody->kernel);
    req.tag = net_nobody_tag(nobody);
    if (VK_LIKELY(io->ops->submit(io, &req) != -VK_EOVERFLOW) || nobody->unclosed_count == NET_UNCLOSED_MAX)
        return;
    nobody->unclosed[nobody->unclosed_count++] = req;
    proc_timer_set(nobody->kernel, &nobody->retry, proc_now_ns(nobody->kernel) + NET_RETRY_NS);
}

static void retry(struct proc_kernel *kernel, struct proc_timer *timer)
{
    (void)kernel;
    struct net_nobody *nobody = VK_CONTAINER(timer, struct net_nobody, retry);
    uint32_t count = nobody->unclosed_count;
    nobody->unclosed_count = 0;
    for (uint32_t i = 0; i < count; i++)
        submit(nobody, nobody->unclosed[i]);
}

void net_nobody_init(struct net_nobody *nobody, struct proc_kernel *kernel)
{
    memset(nobody, 0, sizeof *nobody);
    nobody->kernel = kernel;
    nobody->retry.fire = retry;
    for (uint32_t i = 0; i < VK_COUNT(nobody->sinks); i++)
        nobody->sinks[i].on_event = ignore_event;
}

void net_nobody_close(struct net_nobody *nobody, uint32_t io, uint8_t flags)
{
    submit(nobody, (struct proc_io_req){.code = PROC_IO_CLOSE, .conn = io, .flags = flags});
}
