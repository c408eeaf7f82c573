/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first program of the Linux guest that bare metal is compared with: loads
 * the drivers of its network card, gives eth0 an address, and becomes the server.
 *
 *   init ADDRESS COMMAND [ARGUMENTS...]     a network of 256 addresses is assumed
 *
 * The kernel passes what stands behind "--" on its command line. The drivers are
 * /drivers/0, /drivers/1 and so on, in the order in which they need each other.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CARD "eth0"

/* Ends the machine: the kernel panics when its first program ends, and was told to stop then. */
static void need(bool is_good, const char *what)
{
    if (is_good)
        return;
    perror(what);
    exit(1);
}

static void load_drivers(void)
{
    char path[32];
    for (int i = 0;; i++) {
        (void)snprintf(path, sizeof path, "/drivers/%d", i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return;
        need(syscall(SYS_finit_module, fd, "", 0) == 0, path);
        close(fd);
    }
}

static void set_up(int fd, const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_UP};
    (void)strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    need(ioctl(fd, SIOCSIFFLAGS, &request) == 0, name);
}

static void set_address(int fd, unsigned long what, in_addr_t address)
{
    struct ifreq request = {.ifr_name = CARD};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = address};
    memcpy(&request.ifr_addr, &in, sizeof in);
    need(ioctl(fd, what, &request) == 0, "the address of " CARD);
}

static void configure_network(const char *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(fd >= 0, "socket");
    set_up(fd, "lo");
    set_address(fd, SIOCSIFADDR, inet_addr(address));
    set_address(fd, SIOCSIFNETMASK, htonl(0xffffff00));
    set_up(fd, CARD);
    close(fd);
}

int main(int argc, char **argv)
{
    need(argc >= 3, "what stands behind -- on the kernel's command line");
    (void)mount("none", "/proc", "proc", 0, NULL);
    load_drivers();
    configure_network(argv[1]);
    execv(argv[2], argv + 2);
    need(false, argv[2]);
    return 1;
}
