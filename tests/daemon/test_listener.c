/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners as the daemon opens them, on free ports of 127.0.0.1: what holds
 * for the connections that are accepted from them.
 */
#include "vkd/listener.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct proc_addr any_port = {.family = 4, .ip = {127, 0, 0, 1}};

/* One end of a connection to the address; the other is *ret_client. */
static int accept_one(int listener, const struct proc_addr *addr, int *ret_client)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(addr->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *ret_client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(*ret_client, (struct sockaddr *)&to, sizeof to) == 0);
    int fd = accept(listener, NULL, NULL);
    cr_assert(fd >= 0);
    return fd;
}

Test(vkd_listener, what_is_written_to_a_connection_does_not_wait_for_an_acknowledgement)
{
    int listener, client, nodelay = 0;
    socklen_t len = sizeof nodelay;
    struct proc_addr bound;
    cr_assert(vkd_listener_open(&any_port, false, 1, &listener, &bound) == 0);
    int fd = accept_one(listener, &bound, &client);
    cr_assert(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len) == 0);
    cr_expect(nodelay != 0);
    (void)close(fd);
    (void)close(client);
    (void)close(listener);
}

Test(vkd_listener, an_address_with_an_owner_is_refused)
{
    int listeners[2], second;
    struct proc_addr bound, other;
    cr_assert(vkd_listener_open(&any_port, true, 2, listeners, &bound) == 0);
    cr_expect(bound.port != 0);
    cr_expect(vkd_listener_open(&bound, true, 1, &second, &other) != 0);
    (void)close(listeners[0]);
    (void)close(listeners[1]);
}
