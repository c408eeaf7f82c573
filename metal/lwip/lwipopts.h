/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How lwIP is built for the driver. Memory comes from the region that creation
 * was given (mem.c), so lwIP's own pool sizes mean nothing here.
 */
#ifndef METAL_LWIP_LWIPOPTS_H
#define METAL_LWIP_LWIPOPTS_H

#include "vk/limits.h"

#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET          0
#define LWIP_NETCONN         0
#define LWIP_STATS           0
#define LWIP_RAW             0
#define LWIP_HOOK_FILENAME   "metal/lwip/hooks.h"

/* ---- memory ---- */

#define MEM_ALIGNMENT   8
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define mem_clib_malloc metal_lwip_malloc
#define mem_clib_calloc metal_lwip_calloc
#define mem_clib_free   metal_lwip_free

/* ---- Ethernet, addresses ---- */

#define LWIP_IPV4                    1
#define LWIP_IPV6                    1
#define LWIP_ARP                     1
#define ARP_QUEUEING                 1 /* a burst of connections to one machine waits for its address together */
#define ARP_QUEUE_LEN                16
#define ARP_TABLE_SIZE               32
#define ETHARP_TABLE_MATCH_NETIF     0
#define LWIP_ND6_NUM_NEIGHBORS       16
#define LWIP_ND6_NUM_DESTINATIONS    32
#define LWIP_DHCP                    1
#define LWIP_DHCP_MAX_DNS_SERVERS    2
#define DHCP_DOES_ARP_CHECK          0 /* the server knows whom it gave what; the probe costs half a second */
#define LWIP_DNS                     1
#define DNS_MAX_SERVERS              2
#define DNS_TABLE_SIZE               8 /* METAL_LWIP_LOOKUPS_MAX */
#define LWIP_NETIF_LOOPBACK          1
#define LWIP_HAVE_LOOPIF             1
#define IP_REASSEMBLY                0 /* TCP never fragments, and answers of name servers fit a frame */
#define IP_FRAG                      0
#define LWIP_IPV6_REASS              0
#define LWIP_IPV6_FRAG               0
#define LWIP_SUPPORT_CUSTOM_PBUF     1
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1

/* ---- TCP ---- */

#define TCP_MSS            1460
#define LWIP_WND_SCALE     1
#define TCP_RCV_SCALE      2
#define TCP_WND            (METAL_LWIP_WINDOW_MAX * TCP_MSS) /* conn.c makes less of it where memory is little */
#define TCP_SND_BUF        TCP_WND
#define TCP_SND_QUEUELEN   (2 * METAL_LWIP_WINDOW_MAX)
#define TCP_SNDLOWAT       (4 * TCP_MSS) /* of sockets, which there are none of */
#define TCP_LISTEN_BACKLOG 0             /* its limit of 255 refuses bursts; hooks.h bounds those half open */
#define SO_REUSE           1
/* lwIP's own may begin at 0xffff, and goes on with port 0, which it refuses. */
#define TCP_LOCAL_PORT_RANGE_START        0xc000
#define TCP_LOCAL_PORT_RANGE_END          0xffff
#define TCP_ENSURE_LOCAL_PORT_RANGE(port) ((u16_t)(0xc000 + ((port)&0x3fff) % 0x3fff))
#define LWIP_TCP_SACK_OUT                 1
#define TCP_OOSEQ_MAX_BYTES               TCP_WND
#define TCP_OOSEQ_MAX_PBUFS               64

/*
 * A finer clock than lwIP's 250 ms: retransmission after 300 ms at the
 * earliest instead of 1.5 s. It runs only while there are connections.
 */
#define TCP_TMR_INTERVAL 50

/*
 * Also the time without a sign of life after which data behind a close is
 * given up (2 x TCP_MSL), so it is longer than TIME_WAIT would need;
 * METAL_LWIP_TIME_WAIT_MAX bounds how many connections wait in it.
 */
#define TCP_MSL 5000

#endif
