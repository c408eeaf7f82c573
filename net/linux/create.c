/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a driver. The only probe that cannot lie is to create the ring. */
#include "net/linux/ev.h"
#include "net/linux/io.h"
#include "net/linux/uring.h"
#include "vk/err.h"

static int create_uring(const struct net_io_options *options, struct proc_io **ret_io)
{
#ifdef NET_HAVE_URING
    return net_uring_create(options, ret_io);
#else
    (void)options;
    (void)ret_io;
    return -VK_ENOTSUP;
#endif
}

static int create_ev(const struct net_io_options *options, struct proc_io **ret_io)
{
#ifdef NET_HAVE_EV
    return net_ev_create(options, ret_io);
#else
    (void)options;
    (void)ret_io;
    return -VK_ENOTSUP;
#endif
}

static const char *why_not_uring(int err)
{
#ifndef NET_HAVE_URING
    (void)err;
    return "io_uring is not compiled in";
#else
    switch (err) {
    case -VK_EACCES:
        return "io_uring is refused here (seccomp filter or kernel.io_uring_disabled)";
    case -VK_ENOTSUP:
        return "this kernel lacks io_uring or a feature of it that is needed (Linux 5.19)";
    case -VK_ENOMEM:
        return "no memory for the rings of io_uring (ulimit -l?)";
    case -VK_EMFILE:
        return "no descriptor for io_uring";
    default:
        return "io_uring cannot be set up";
    }
#endif
}

int net_io_create(enum net_io_kind kind, const struct net_io_options *options, struct proc_io **ret_io,
                  const char **ret_why)
{
    *ret_why = NULL;
    if (kind == NET_IO_EV)
        return create_ev(options, ret_io);
    int err = create_uring(options, ret_io);
    if (err == 0 || kind == NET_IO_URING)
        return err;
    *ret_why = why_not_uring(err);
    return create_ev(options, ret_io);
}
