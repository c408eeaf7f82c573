/* SPDX-License-Identifier: Apache-2.0 */
#include "net/linux/sock.h"

#include "vk/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096, /* the kernel lowers it to net.core.somaxconn */
    DEFER_S = 1,    /* a silent client is accepted after the next retransmission */
};

int net_sock_err(int err)
{
    switch (err) {
    case EAGAIN:
        return -VK_EAGAIN;
    case ENOMEM:
    case ENOBUFS:
        return -VK_ENOMEM;
    case ECANCELED:
    case EINTR:
        return -VK_ECANCELED;
    case ETIMEDOUT:
        return -VK_ETIMEDOUT;
    case EPIPE:
    case ENOTCONN:
    case ESHUTDOWN:
        return -VK_ECLOSED;
    case ECONNRESET:
    case ECONNABORTED:
        return -VK_ERESET;
    case ECONNREFUSED:
        return -VK_EREFUSED;
    case EADDRINUSE:
        return -VK_EADDRINUSE;
    case EACCES:
    case EPERM:
        return -VK_EACCES;
    case EMFILE:
    case ENFILE:
        return -VK_EMFILE;
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
        return -VK_EUNREACH;
    case ENOSYS:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
        return -VK_ENOTSUP;
    case EINVAL:
    case EADDRNOTAVAIL:
    case ENODEV:
    case EBADF:
    case ENOTSOCK:
    case EISCONN:
        return -VK_EINVAL;
    case EFAULT:
        return -VK_EFAULT;
    default:
        return -VK_EIO;
    }
}

socklen_t net_sock_addr(const struct proc_addr *addr, union net_sockaddr *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (addr->family == 4) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(addr->port);
        memcpy(&ret->v4.sin_addr, addr->ip, 4);
        return sizeof(ret->v4);
    }
    if (addr->family == 6) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons(addr->port);
        ret->v6.sin6_scope_id = addr->scope;
        memcpy(&ret->v6.sin6_addr, addr->ip, 16);
        return sizeof(ret->v6);
    }
    return 0;
}

int net_sock_addr_back(const union net_sockaddr *from, struct proc_addr *ret_addr)
{
    memset(ret_addr, 0, sizeof(*ret_addr));
    if (from->any.sa_family == AF_INET) {
        ret_addr->family = 4;
        ret_addr->port = ntohs(from->v4.sin_port);
        memcpy(ret_addr->ip, &from->v4.sin_addr, 4);
        return 0;
    }
    if (from->any.sa_family == AF_INET6) {
        ret_addr->family = 6;
        ret_addr->port = ntohs(from->v6.sin6_port);
        ret_addr->scope = from->v6.sin6_scope_id;
        memcpy(ret_addr->ip, &from->v6.sin6_addr, 16);
        return 0;
    }
    return -VK_EINVAL;
}

static bool set_flag(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static bool set_listener_options(int fd, uint8_t family, bool defer, bool reuseport)
{
    return set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
           (family != 6 || set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
           (!reuseport || set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
           (!defer || set_flag(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_S));
}

int net_sock_listen(const struct proc_addr *addr, bool defer, bool reuseport, int *ret_fd)
{
    union net_sockaddr sa;
    socklen_t len = net_sock_addr(addr, &sa);
    if (len == 0)
        return -VK_EINVAL;
    int fd = socket(sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return net_sock_err(errno);
    if (!set_listener_options(fd, addr->family, defer, reuseport) || bind(fd, &sa.any, len) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int err = net_sock_err(errno);
        (void)close(fd); /* nothing was done with it */
        return err;
    }
    *ret_fd = fd;
    return 0;
}

int net_sock_open(const struct proc_addr *addr, bool nonblock, int *ret_fd)
{
    if (addr->family != 4 && addr->family != 6)
        return -VK_EINVAL;
    int type = SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0);
    int fd = socket(addr->family == 4 ? AF_INET : AF_INET6, type, 0);
    if (fd < 0)
        return net_sock_err(errno);
    if (!set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1)) {
        int err = net_sock_err(errno);
        (void)close(fd); /* nothing was done with it */
        return err;
    }
    *ret_fd = fd;
    return 0;
}

int net_sock_bound(int fd, struct proc_addr *ret_addr)
{
    int listening = 0;
    socklen_t len = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || listening == 0)
        return -VK_EINVAL;
    union net_sockaddr sa = {0};
    len = sizeof(sa);
    if (getsockname(fd, &sa.any, &len) != 0)
        return net_sock_err(errno);
    return net_sock_addr_back(&sa, ret_addr);
}

int net_sock_check_stream(int fd)
{
    int type = 0, listening = 0;
    socklen_t len = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM)
        return -VK_EINVAL;
    len = sizeof(listening);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && !listening ? 0 : -VK_EINVAL;
}

int net_sock_peer(int fd, struct proc_addr *ret_addr)
{
    union net_sockaddr sa = {0};
    socklen_t len = sizeof(sa);
    if (getpeername(fd, &sa.any, &len) != 0)
        return net_sock_err(errno);
    return net_sock_addr_back(&sa, ret_addr);
}

void net_sock_set_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    /* Fails only on what is no socket any more; then there is nothing to reset. */
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

uint64_t net_sock_acked(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return 0;
    return info.tcpi_bytes_acked;
}
