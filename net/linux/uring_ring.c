/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the ring: the best set-up flags this kernel takes, the provided
 * buffers, the restrictions, and only then enabling it.
 */
#include "net/linux/uring_impl.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SQ_ENTRIES = 2048,
    CQ_ENTRIES = 16384,
    BUFS = 2048,
};

/* Setup flags, best first; each step is what an older kernel knows. */
static const unsigned setup_flags[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, /* 6.1 */
    IORING_SETUP_SINGLE_ISSUER,                              /* 6.0 */
    0,                                                       /* 5.19 */
};

static int setup_err(int err)
{
    if (err == ENOSYS || err == EINVAL)
        return -VK_ENOTSUP;
    return net_sock_err(err);
}

static int setup(struct net_ring *r, const struct net_io_options *options)
{
    int err = 0;
    size_t first = options->without & NET_IO_NO_DEFER_TASKRUN ? 2 : 0;
    for (size_t i = first; i < VK_COUNT(setup_flags); i++) {
        struct io_uring_params p = {
            .cq_entries = options->cq_entries != 0 ? options->cq_entries : CQ_ENTRIES,
            .flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED |
                     IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | setup_flags[i],
        };
        unsigned entries = options->sq_entries != 0 ? options->sq_entries : SQ_ENTRIES;
        err = -io_uring_queue_init_params(entries, &r->ring, &p);
        if (err == 0) {
            r->links = setup_flags[i] & IORING_SETUP_DEFER_TASKRUN;
            r->ready = true;
            return p.features & IORING_FEAT_EXT_ARG ? 0 : -VK_ENOTSUP;
        }
        if (err != EINVAL)
            break;
    }
    return setup_err(err);
}

/* The hot path works on the rings itself; entries are always submitted in order. */
static void take_rings(struct net_ring *r)
{
    struct io_uring_sq *sq = &r->ring.sq;
    struct io_uring_cq *cq = &r->ring.cq;
    r->sq_head = sq->khead;
    r->sq_tail = sq->ktail;
    r->sq_flags = sq->kflags;
    r->sq_mask = *sq->kring_mask;
    r->sq_entries = *sq->kring_entries;
    r->sqes = sq->sqes;
    r->cq_head = cq->khead;
    r->cq_tail = cq->ktail;
    r->cq_mask = *cq->kring_mask;
    r->cqes = cq->cqes;
    for (uint32_t i = 0; i < r->sq_entries; i++)
        sq->array[i] = i;
}

static int map_bufs(struct net_ring *r, uint32_t count)
{
    size_t ring_bytes = VK_ALIGN_UP((size_t)count * sizeof(struct io_uring_buf), 4096u);
    r->br_bytes = ring_bytes + (size_t)count * NET_URING_BUF_BYTES;
    void *map = mmap(NULL, r->br_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return -VK_ENOMEM;
    r->br = map;
    r->bufs = (uint8_t *)map + ring_bytes;
    r->bufs_count = count;
    struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)map, .ring_entries = count};
    int err = io_uring_register_buf_ring(&r->ring, &reg, 0);
    if (err != 0)
        return setup_err(-err);
    io_uring_buf_ring_init(r->br);
    for (uint32_t i = 0; i < count; i++)
        io_uring_buf_ring_add(r->br, r->bufs + (size_t)i * NET_URING_BUF_BYTES, NET_URING_BUF_BYTES,
                              (unsigned short)i, (int)(count - 1), (int)i);
    io_uring_buf_ring_advance(r->br, (int)count);
    return 0;
}

/*
 * io_uring goes round seccomp, so the ring itself refuses all but what this
 * driver does. liburing 2.3 declares io_uring_register_restrictions without
 * exporting it.
 */
static int restrict_ring(struct net_ring *r)
{
    static const uint8_t codes[] = {
        IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_RECV,         IORING_OP_SEND,
        IORING_OP_CLOSE,  IORING_OP_READ,    IORING_OP_ASYNC_CANCEL,
    };
    struct io_uring_restriction res[VK_COUNT(codes) + 2];
    memset(res, 0, sizeof(res));
    for (size_t i = 0; i < VK_COUNT(codes); i++) {
        res[i].opcode = IORING_RESTRICTION_SQE_OP;
        res[i].sqe_op = codes[i];
    }
    res[VK_COUNT(codes)].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    res[VK_COUNT(codes)].sqe_flags = IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_HARDLINK;
    res[VK_COUNT(codes) + 1].opcode = IORING_RESTRICTION_REGISTER_OP;
    res[VK_COUNT(codes) + 1].register_op = IORING_REGISTER_EVENTFD;
    int err = io_uring_register((unsigned)r->ring.ring_fd, IORING_REGISTER_RESTRICTIONS, res, VK_COUNT(res));
    return err < 0 ? setup_err(-err) : 0;
}

static int enable_ring(struct net_ring *r)
{
    int err = io_uring_register((unsigned)r->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    return err < 0 ? setup_err(-err) : 0;
}

/* A registered ring descriptor saves the look-up in each enter; works without. */
static void register_ring_fd(struct net_ring *r)
{
    if (io_uring_register_ring_fd(&r->ring) == 1) {
        r->enter_fd = r->ring.enter_ring_fd;
        r->enter_flags = IORING_ENTER_REGISTERED_RING;
    }
}

int net_ring_init(struct net_ring *r, const struct net_io_options *options)
{
    uint32_t bufs = options->buffers != 0 ? options->buffers : BUFS;
    vk_assert((bufs & (bufs - 1)) == 0 && bufs <= 32768);
    int err = setup(r, options);
    if (err == 0) {
        take_rings(r);
        err = map_bufs(r, bufs);
    }
    if (err == 0) {
        r->enter_fd = r->ring.ring_fd;
        if (!(options->without & NET_IO_NO_REG_RING))
            register_ring_fd(r);
        err = restrict_ring(r);
    }
    if (err == 0)
        err = enable_ring(r);
    if (err != 0)
        net_ring_fini(r);
    r->multi_recv = !(options->without & NET_IO_NO_MULTI_RECV);
    return err;
}

/*
 * The ring's own descriptor will not do: a poll that sleeps there is not woken
 * by work that waits to be done by our thread (DEFER_TASKRUN).
 */
int net_ring_fd(struct net_ring *r)
{
    if (r->has_event)
        return r->event_fd;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return setup_err(errno);
    int err = io_uring_register_eventfd(&r->ring, fd);
    if (err != 0) {
        (void)close(fd); /* nothing was written */
        return setup_err(-err);
    }
    r->event_fd = fd;
    r->has_event = true;
    return fd;
}

void net_ring_quieten(const struct net_ring *r)
{
    uint64_t count;
    if (VK_UNLIKELY(r->has_event))
        (void)!read(r->event_fd, &count, sizeof count); /* fails when it is quiet */
}

void net_ring_fini(struct net_ring *r)
{
    if (r->ready)
        io_uring_queue_exit(&r->ring);
    if (r->has_event)
        (void)close(r->event_fd); /* nothing is lost with it */
    if (r->br != NULL)
        (void)munmap(r->br, r->br_bytes); /* fails only for a range that is no mapping */
    memset(r, 0, sizeof(*r));
}
