/* SPDX-License-Identifier: Apache-2.0 */
#include "net/linux/io.h"

#include "net/linux/io_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Two for each descriptor: a closed connection keeps its number until its
 * CLOSE was delivered, and until then the OS may have used its descriptor for
 * the next connection, which must not be lost for want of a number.
 */
static uint32_t conns_possible(uint32_t wanted)
{
    struct rlimit limit;
    uint64_t max = NET_CONNS_CAP - 1;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < max / 2)
        max = 2 * limit.rlim_cur;
    if (wanted != 0 && wanted < max)
        max = wanted;
    return (uint32_t)max;
}

void *net_io_map(size_t len_bytes)
{
    void *map =
        mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return map != MAP_FAILED ? map : NULL;
}

void net_io_unmap(void *map, size_t len_bytes)
{
    if (map != NULL)
        (void)munmap(map, len_bytes); /* fails only for a range that is no mapping */
}

/* Table and addresses in one mapping. */
static int map_table(struct net_io *nio, uint32_t conns_max)
{
    size_t table_bytes = VK_ALIGN_UP(net_table_bytes(conns_max), 4096u);
    nio->map_bytes = table_bytes + ((size_t)conns_max + 1) * sizeof(nio->addrs[0]);
    uint8_t *map = net_io_map(nio->map_bytes);
    if (map == NULL)
        return -VK_ENOMEM;
    nio->map = map;
    nio->addrs = (union net_sockaddr *)(void *)(map + table_bytes);
    net_table_init(&nio->table, conns_max, map);
    return 0;
}

int net_io_init(struct net_io *nio, const struct proc_io_ops *ops, const struct net_io_own *own,
                const struct net_io_options *options)
{
    nio->io.ops = ops;
    nio->own = own;
    nio->wake_fd = -1;
    nio->lost_ns = UINT64_MAX;
    nio->reuseport = options->reuseport;
    nio->now_ns = net_clock_ns();
    int err = map_table(nio, conns_possible(options->conns_max));
    if (err == 0) {
        /* Blocking for uring: before 6.8 a read in the ring failed at once on a non-blocking descriptor. */
        nio->wake_fd = eventfd(0, EFD_CLOEXEC | (nio->nonblock ? EFD_NONBLOCK : 0));
        err = nio->wake_fd < 0 ? net_sock_err(errno) : 0;
    }
    if (err != 0)
        net_io_fini(nio);
    return err;
}

void net_io_fini(struct net_io *nio)
{
    struct net_table *t = &nio->table;
    for (uint32_t i = 1; i < t->conns_fresh; i++) {
        if ((t->conns[i].flags & (NET_IO_CONN_LIVE | NET_IO_CONN_CLOSED)) == NET_IO_CONN_LIVE)
            (void)close(t->conns[i].fd); /* nobody is left to be told */
    }
    if (nio->wake_fd >= 0)
        (void)close(nio->wake_fd);
    net_io_unmap(nio->map, nio->map_bytes);
}

static int add_listener(struct net_io *nio, int fd, uint32_t *ret_conn)
{
    uint32_t index = net_io_conn_new(&nio->table, fd, NET_IO_CONN_LISTENS);
    if (index == 0)
        return -VK_EMFILE;
    *ret_conn = net_io_conn_number(&nio->table, index);
    return 0;
}

int net_io_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                  struct proc_addr *ret_bound)
{
    struct net_io *nio = (struct net_io *)io;
    int fd;
    int err = net_sock_listen(addr, defer, nio->reuseport, &fd);
    if (err != 0)
        return err;
    err = net_sock_bound(fd, ret_bound);
    if (err == 0)
        err = add_listener(nio, fd, ret_conn);
    if (err != 0)
        (void)close(fd); /* nothing was done with it */
    return err;
}

/* A descriptor of the host's enters the table; it stays as it was when it cannot. */
static int adopt(struct net_io *nio, int fd, bool nonblock, uint32_t flags, uint32_t *ret_conn)
{
    int modes = fcntl(fd, F_GETFL);
    if (modes < 0)
        return net_sock_err(errno);
    bool unblocks = nonblock && !(modes & O_NONBLOCK);
    uint32_t index = net_io_conn_new(&nio->table, fd, flags | (unblocks ? NET_IO_CONN_BLOCKED : 0));
    if (index == 0)
        return -VK_EMFILE;
    if (unblocks && fcntl(fd, F_SETFL, modes | O_NONBLOCK) != 0) {
        int err = net_sock_err(errno);
        net_io_conn_free(&nio->table, index);
        return err;
    }
    *ret_conn = net_io_conn_number(&nio->table, index);
    return 0;
}

int net_io_adopt(struct proc_io *io, int fd, uint32_t *ret_conn, struct proc_addr *ret_bound)
{
    int err = net_sock_bound(fd, ret_bound);
    return err != 0 ? err : adopt((struct net_io *)io, fd, true, NET_IO_CONN_LISTENS, ret_conn);
}

int net_io_adopt_stream(struct proc_io *io, int fd, uint32_t *ret_conn)
{
    struct net_io *nio = (struct net_io *)io;
    int err = net_sock_check_stream(fd);
    return err != 0 ? err : adopt(nio, fd, nio->nonblock, 0, ret_conn);
}

void net_io_disown(struct proc_io *io, uint32_t conn)
{
    struct net_io *nio = (struct net_io *)io;
    uint32_t index = net_io_conn_index(&nio->table, conn);
    vk_assert(index != 0);
    const struct net_io_conn *c = &nio->table.conns[index];
    if (c->flags & NET_IO_CONN_BLOCKED)
        (void)fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) & ~O_NONBLOCK); /* as it could be set */
    net_io_conn_free(&nio->table, index);
}

int net_io_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    struct net_io *nio = (struct net_io *)io;
    int fd;
    int err = net_sock_open(addr, nio->nonblock, &fd);
    if (err != 0)
        return err;
    uint32_t index = net_io_conn_new(&nio->table, fd, NET_IO_CONN_OPENED);
    if (index == 0) {
        (void)close(fd); /* nothing was done with it */
        return -VK_EMFILE;
    }
    (void)net_sock_addr(addr, &nio->addrs[index]); /* open refused other families */
    *ret_conn = net_io_conn_number(&nio->table, index);
    return 0;
}

int net_io_peer(struct proc_io *io, uint32_t number, struct proc_addr *ret_addr)
{
    struct net_io *nio = (struct net_io *)io;
    uint32_t index = net_io_conn_index(&nio->table, number);
    if (index == 0 || (nio->table.conns[index].flags & NET_IO_CONN_FD_GONE))
        return -VK_EBADH;
    return net_sock_peer(nio->table.conns[index].fd, ret_addr);
}

uint64_t net_io_taken(struct proc_io *io, uint32_t number)
{
    struct net_io *nio = (struct net_io *)io;
    uint32_t index = net_io_conn_index(&nio->table, number);
    if (index == 0)
        return 0;
    const struct net_io_conn *conn = &nio->table.conns[index];
    /* Behind a send a close may be on its way to the descriptor: it is open as long as the send is. */
    if ((conn->flags & NET_IO_CONN_FD_GONE) && conn->out == 0)
        return 0;
    return net_sock_acked(conn->fd);
}

uint64_t net_io_now(struct proc_io *io)
{
    (void)io;
    return net_clock_ns();
}

void net_io_wake(struct proc_io *io)
{
    struct net_io *nio = (struct net_io *)io;
    uint64_t one = 1;
    int saved = errno; /* may be called from a signal handler */
    /* Fails only when the counter is full, and then the wait ends anyway. */
    (void)!write(nio->wake_fd, &one, sizeof(one));
    errno = saved;
}

int net_io_fd(struct proc_io *io)
{
    struct net_io *nio = (struct net_io *)io;
    return nio->own->fd(nio);
}

bool net_io_is_due(const struct proc_io *io)
{
    const struct net_io *nio = (const struct net_io *)io;
    return nio->table.done_first != 0 || nio->own->is_due(nio);
}

uint64_t net_io_due_ns(const struct proc_io *io)
{
    return net_io_retry_at((const struct net_io *)io);
}

const struct net_io_stats *net_io_stats(const struct proc_io *io)
{
    /* The gauges are written by the tables; io is not const underneath. */
    struct net_io *nio = (struct net_io *)(uintptr_t)io;
    nio->stats.conns_live = nio->table.conns_live;
    nio->stats.ops_live = nio->table.ops_live;
    return &nio->stats;
}

void net_io_accept_starved(struct net_io *nio)
{
    nio->accept_ns = net_clock_ns() + NET_IO_ACCEPT_PAUSE_NS;
    nio->stats.starved++;
}

bool net_io_accept_hold(struct net_io *nio, uint32_t op)
{
    if (VK_LIKELY(nio->accept_ns == 0))
        return false;
    nio->table.ops[op].next = nio->paused;
    nio->paused = op;
    return true;
}

uint32_t net_io_accept_resume(struct net_io *nio)
{
    if (nio->accept_ns != 0 && net_clock_ns() < nio->accept_ns)
        return 0;
    uint32_t first = nio->paused;
    nio->paused = 0;
    nio->accept_ns = 0;
    return first;
}

void net_io_accept_unhold(struct net_io *nio, uint32_t op)
{
    uint32_t *link = &nio->paused;
    while (*link != 0 && *link != op)
        link = &nio->table.ops[*link].next;
    if (*link != 0)
        *link = nio->table.ops[op].next;
}
