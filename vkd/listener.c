/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/listener.h"

#include "vk/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Seconds the kernel holds a connection back that has sent nothing. */
#define DEFER_ACCEPT_S ((int)(NET_HEAD_TIMEOUT_NS / 1000000000ull))

/* Flags of a TCP header. */
#define TCP_SYN 0x02
#define TCP_ACK 0x10

union sockaddr_any {
    struct sockaddr any;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
};

static socklen_t to_sockaddr(const struct proc_addr *addr, union sockaddr_any *to)
{
    memset(to, 0, sizeof *to);
    if (addr->family == 6) {
        to->in6.sin6_family = AF_INET6;
        to->in6.sin6_port = htons(addr->port);
        to->in6.sin6_scope_id = addr->scope;
        memcpy(&to->in6.sin6_addr, addr->ip, sizeof to->in6.sin6_addr);
        return sizeof to->in6;
    }
    to->in4.sin_family = AF_INET;
    to->in4.sin_port = htons(addr->port);
    memcpy(&to->in4.sin_addr, addr->ip, sizeof to->in4.sin_addr);
    return sizeof to->in4;
}

static int set(int fd, int level, int option)
{
    const int one = 1;
    return setsockopt(fd, level, option, &one, sizeof one);
}

/*
 * Any number of sockets with SO_REUSEPORT may share an address, those of a
 * second server too. So the first one binds without it, which fails when the
 * address has an owner, and joins the sharing only then.
 */
static int bind_shared(int fd, const union sockaddr_any *to, socklen_t len_bytes, bool first)
{
    if (!first && set(fd, SOL_SOCKET, SO_REUSEPORT) != 0)
        return -errno;
    if (bind(fd, &to->any, len_bytes) != 0)
        return -errno;
    if (first && set(fd, SOL_SOCKET, SO_REUSEPORT) != 0)
        return -errno;
    return 0;
}

static int prepare(int fd, const struct proc_addr *addr, bool client_first, bool first)
{
    const int defer_s = DEFER_ACCEPT_S;
    union sockaddr_any to;
    socklen_t len_bytes = to_sockaddr(addr, &to);
    /* An IPv6 address means IPv6 alone: [::] beside 0.0.0.0 then works everywhere alike. */
    if (addr->family == 6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0)
        return -errno;
    /* Inherited by connections: what is written goes out at once, and not when the peer has acknowledged what
     * was sent before, which it may put off for 40 ms. */
    if (set(fd, SOL_SOCKET, SO_REUSEADDR) != 0 || set(fd, IPPROTO_TCP, TCP_NODELAY) != 0)
        return -errno;
    int rc = bind_shared(fd, &to, len_bytes, first);
    if (rc != 0)
        return rc;
    if (client_first && setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof defer_s) != 0)
        return -errno;
    return listen(fd, SOMAXCONN) == 0 ? 0 : -errno;
}

static int open_one(const struct proc_addr *addr, bool client_first, bool first, int *ret_fd)
{
    int fd = socket(addr->family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc = prepare(fd, addr, client_first, first);
    if (rc != 0) {
        (void)close(fd); /* nothing was sent through it */
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

static int bound_port(int fd, uint16_t *ret_port)
{
    union sockaddr_any at = {0};
    socklen_t len_bytes = sizeof at;
    if (getsockname(fd, &at.any, &len_bytes) != 0)
        return -errno;
    *ret_port = ntohs(at.any.sa_family == AF_INET6 ? at.in6.sin6_port : at.in4.sin_port);
    return 0;
}

int vkd_listener_open(const struct proc_addr *addr, bool client_first, uint32_t count, int *ret_fds,
                      struct proc_addr *ret_bound)
{
    struct proc_addr bound = *addr;
    for (uint32_t i = 0; i < count; i++) {
        int rc = open_one(&bound, client_first, i == 0, &ret_fds[i]);
        uint32_t opened = rc == 0 ? i + 1 : i;
        if (rc == 0 && i == 0)
            rc = bound_port(ret_fds[0], &bound.port);
        if (rc != 0) {
            while (opened > 0)
                (void)close(ret_fds[--opened]);
            return rc;
        }
    }
    *ret_bound = bound;
    return 0;
}

void vkd_listener_shut(int fd)
{
    /* A filter of a TCP socket sees the TCP header; byte 13 holds the flags. */
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_SYN | TCP_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    static const struct sock_fprog program = {.len = VK_COUNT(code), .filter = code};
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

bool vkd_listener_has_queue(int fd)
{
    struct pollfd queue = {.fd = fd, .events = POLLIN};
    return poll(&queue, 1, 0) == 1 && (queue.revents & POLLIN);
}

const char *vkd_listener_explain(int err, bool by_flag)
{
    switch (err < 0 ? -err : err) {
    case EADDRINUSE:
        return by_flag
                   ? "the address is in use; stop the server that has it (ss -ltnp shows it) or choose "
                     "another --listen"
                   : "the address is in use; stop the server that has it (ss -ltnp shows it) or change it in "
                     "the program: --listen takes the place of the first block's alone";
    case EACCES:
        return "no permission; a port below 1024 needs root or CAP_NET_BIND_SERVICE, or choose a higher one";
    case EADDRNOTAVAIL:
        return "this machine has no such address; ip addr shows those it has";
    case EAFNOSUPPORT:
        return "this kernel has no such address family; choose an IPv4 address";
    case EINVAL:
        return "the address is not usable; a link-local IPv6 address needs its interface, as in "
               "[fe80::1%eth0]:8080";
    case EMFILE:
    case ENFILE:
        return "out of file descriptors; raise the limit (ulimit -n) or use fewer --workers";
    case ENOBUFS:
    case ENOMEM:
        return "the kernel is out of memory for sockets";
    default:
        return strerror(err < 0 ? -err : err);
    }
}
