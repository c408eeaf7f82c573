/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The third seam: Ethernet frames. A TCP/IP stack above asks a network device
 * to send frames, takes those that came, and sleeps until there is a reason
 * not to. Virtio cards (metal) and a simulated wire (sim) implement it.
 *
 * One thread, no call-backs. A frame is the bytes from the destination address
 * to the end of the payload, without preamble and check sequence.
 */
#ifndef NET_DEV_H
#define NET_DEV_H

#include "vk/base.h"
#include "vk/bytes.h"

#define NET_DEV_ADDRESS_BYTES 6u
#define NET_DEV_HEAD_BYTES    14u /* of a frame: two addresses and a type */

/* What a device can do; constant while it lives, a reset included. */
struct net_dev_caps {
    uint8_t address[NET_DEV_ADDRESS_BYTES];
    uint16_t mtu_bytes; /* largest payload of a frame; 68 or more */
    bool can_sum;       /* send completes a check sum (struct net_dev_sum) */
};

/*
 * A check sum left to the device: the 16-bit ones' complement sum from byte
 * `start` of the frame to its end goes to byte start + offset, where the sum
 * of the pseudo header stands already (virtio 1.2, 5.1.6.2).
 */
struct net_dev_sum {
    uint16_t start;  /* 0: none is left to do */
    uint16_t offset; /* start + offset + 2 <= length of the frame */
};

/* A piece of a received frame: memory of the device's, lent until it is given back. */
struct net_dev_buf {
    struct net_dev_buf *next; /* the frame goes on there; NULL: its last piece */
    uint8_t *data;
    uint32_t len_bytes; /* 1 or more */
    bool is_summed;     /* first piece: its TCP or UDP check sum is known to be right */
};

struct net_dev; /* its first member is `const struct net_dev_ops *ops` */

struct net_dev_ops {
    const char *name; /* "virtio-net", "wire" */

    void (*caps)(const struct net_dev *dev, struct net_dev_caps *ret_caps);

    /*
     * Send a frame gathered from pieces; their bytes are copied. May hold it
     * back until flush. -VK_EAGAIN: no room now, try after the next wait;
     * -VK_EINVAL: longer than head and MTU, or empty. A frame that was taken
     * may still be lost, as on any wire.
     */
    int (*send)(struct net_dev *dev, const struct vk_span *pieces, uint32_t count,
                const struct net_dev_sum *sum);

    /* Let go of what send held back: once after a batch. */
    void (*flush)(struct net_dev *dev);

    /* The next frame that came, in order of arrival; NULL: none now. Never blocks. */
    struct net_dev_buf *(*receive)(struct net_dev *dev);

    /* Give one piece of a frame back (not the pieces behind it), in any order and at any time. */
    void (*give)(struct net_dev *dev, struct net_dev_buf *buf);

    /* The device's clock: monotonic, ns. */
    uint64_t (*now)(struct net_dev *dev);

    /*
     * Sleep until a frame may be there or deadline_ns of the clock has come;
     * may end early. Flushes first.
     */
    void (*wait)(struct net_dev *dev, uint64_t deadline_ns);
};

struct net_dev {
    const struct net_dev_ops *ops;
};

#endif
