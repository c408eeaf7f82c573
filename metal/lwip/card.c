/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between the device and lwIP. A frame that comes is given to lwIP
 * where the device has it, as long as few are held so (a peer that is not read
 * would else take the device's memory from all); beyond that it is copied.
 */
#include "metal/lwip/lwip_impl.h"
#include "vk/err.h"

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <lwip/prot/udp.h>
#include <netif/ethernet.h>

enum {
    PIECES_MAX = 32, /* of a frame that is sent; one in more is copied together */
    MTU_MIN = 1280,  /* RFC 8200 */
};

#define CHECKS (NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP)
#define SUMS   (NETIF_CHECKSUM_GEN_UDP | NETIF_CHECKSUM_GEN_TCP)

/* ---- sums ------------------------------------------------------------------- */

/*
 * The ones' complement sum of bytes as words of this machine, eight bytes at
 * a time; lwIP's own loop takes three times as many instructions. Source: RFC 1071, 2 (deferred carries, any
 * order of bytes).
 */
uint16_t metal_lwip_sum(const void *bytes, int len)
{
    const uint8_t *at = bytes;
    uint32_t left = (uint32_t)len;
    uint64_t sum = 0;
    for (; left >= 8; left -= 8, at += 8) {
        uint32_t words[2];
        memcpy(words, at, sizeof(words));
        sum += (uint64_t)words[0] + words[1];
    }
    uint64_t rest = 0;
    memcpy(&rest, at, left);
    sum += (rest >> 32) + (rest & UINT32_MAX);
    sum = (sum >> 32) + (sum & UINT32_MAX);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)((sum >> 16) + (sum & 0xffff));
}

/* ---- out -------------------------------------------------------------------- */

static uint32_t add_words(const uint8_t *bytes, uint32_t len)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    return sum;
}

/*
 * What the device is to add up: the sum of the pseudo header goes into the
 * field first. The heads that lwIP made are in the first piece.
 */
static struct net_dev_sum leave_sum(uint8_t *frame, uint32_t len, uint32_t frame_len)
{
    static const struct net_dev_sum none;
    const uint8_t *ip = frame + NET_DEV_HEAD_BYTES;
    uint32_t head, addrs, addrs_len;
    uint8_t proto;
    if (len < NET_DEV_HEAD_BYTES + IP_HLEN)
        return none;
    if (ip[0] == 0x45 && frame[12] == 0x08 && frame[13] == 0x00) {
        head = IP_HLEN, proto = ip[9], addrs = 12, addrs_len = 8;
    } else if (ip[0] >> 4 == 6 && frame[12] == 0x86 && frame[13] == 0xdd &&
               len >= NET_DEV_HEAD_BYTES + IP6_HLEN) {
        head = IP6_HLEN, proto = ip[6], addrs = 8, addrs_len = 32;
    } else {
        return none;
    }
    uint32_t start = NET_DEV_HEAD_BYTES + head;
    uint32_t offset = proto == IP_PROTO_TCP ? 16 : 6;
    if ((proto != IP_PROTO_TCP && proto != IP_PROTO_UDP) || start + offset + 2 > len)
        return none;
    uint32_t sum = add_words(ip + addrs, addrs_len) + proto + (frame_len - start);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    frame[start + offset] = (uint8_t)(sum >> 8);
    frame[start + offset + 1] = (uint8_t)sum;
    return (struct net_dev_sum){.start = (uint16_t)start, .offset = (uint16_t)offset};
}

static err_t put_out(struct netif *netif, struct pbuf *p)
{
    struct metal_lwip *d = netif->state;
    struct vk_span pieces[PIECES_MAX];
    struct pbuf *whole = NULL;
    uint32_t count = 0;
    if (pbuf_clen(p) > PIECES_MAX) {
        whole = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
        if (whole == NULL)
            return ERR_MEM;
        p = whole;
    }
    struct net_dev_sum sum = {0};
    if (d->caps.can_sum)
        sum = leave_sum(p->payload, p->len, p->tot_len);
    for (const struct pbuf *q = p; q != NULL; q = q->next)
        pieces[count++] = vk_span(q->payload, q->len);
    int err = d->dev->ops->send(d->dev, pieces, count, &sum);
    if (whole != NULL)
        pbuf_free(whole);
    d->frames_out += err == 0;
    d->frames_lost += err != 0;
    d->is_choked = d->is_choked || err == -VK_EAGAIN;
    if (err == 0)
        return ERR_OK;
    return (err_t)(err == -VK_EAGAIN ? ERR_MEM : ERR_IF);
}

/* ---- in --------------------------------------------------------------------- */

static void give_back(struct pbuf *p)
{
    struct metal_lwip *d = metal_lwip_the;
    struct metal_lwip_lent *lent = (struct metal_lwip_lent *)(void *)p;
    d->dev->ops->give(d->dev, lent->buf);
    lent->next = d->lent_free;
    d->lent_free = lent;
}

static struct pbuf *lend(struct metal_lwip *d, struct net_dev_buf *buf)
{
    struct metal_lwip_lent *lent = d->lent_free;
    d->lent_free = lent->next;
    lent->buf = buf;
    lent->pbuf.custom_free_function = give_back;
    u16_t len = (u16_t)buf->len_bytes;
    return pbuf_alloced_custom(PBUF_RAW, len, PBUF_REF, &lent->pbuf, buf->data, len);
}

/* The frame as lwIP's, in the device's memory; NULL: so many are lent already. */
static struct pbuf *lend_frame(struct metal_lwip *d, struct net_dev_buf *frame, uint32_t pieces)
{
    const struct metal_lwip_lent *lent = d->lent_free;
    struct pbuf *p = NULL;
    for (uint32_t i = 0; i < pieces; i++) {
        if (lent == NULL)
            return NULL;
        lent = lent->next;
    }
    for (struct net_dev_buf *buf = frame; buf != NULL;) {
        struct net_dev_buf *next = buf->next;
        struct pbuf *piece = lend(d, buf);
        if (p == NULL)
            p = piece;
        else
            pbuf_cat(p, piece);
        buf = next;
    }
    return p;
}

static void give_frame(struct metal_lwip *d, struct net_dev_buf *frame)
{
    while (frame != NULL) {
        struct net_dev_buf *next = frame->next;
        d->dev->ops->give(d->dev, frame);
        frame = next;
    }
}

/* A copy of the frame, which is given back; NULL: no memory. */
static struct pbuf *copy_frame(struct metal_lwip *d, struct net_dev_buf *frame, uint32_t len)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);
    uint32_t at = 0;
    for (const struct net_dev_buf *buf = frame; p != NULL && buf != NULL; buf = buf->next) {
        memcpy((uint8_t *)p->payload + at, buf->data, buf->len_bytes);
        at += buf->len_bytes;
    }
    give_frame(d, frame);
    return p;
}

static void take_in(struct metal_lwip *d, struct net_dev_buf *frame)
{
    uint32_t len = 0;
    uint32_t pieces = 0;
    for (const struct net_dev_buf *buf = frame; buf != NULL; buf = buf->next) {
        len += buf->len_bytes;
        pieces++;
    }
    d->frames_in++;
    if (len > NET_DEV_HEAD_BYTES + (uint32_t)d->caps.mtu_bytes) {
        give_frame(d, frame);
        d->frames_lost++;
        return;
    }
    bool is_summed = frame->is_summed;
    uint32_t bucket = metal_lwip_bucket_of_frame(d, frame->data, frame->len_bytes);
    struct pbuf *p = lend_frame(d, frame, pieces);
    if (p == NULL)
        p = copy_frame(d, frame, len);
    if (p == NULL) {
        d->frames_lost++;
        return;
    }
    u16_t flags = d->netif.chksum_flags;
    d->netif.chksum_flags = (u16_t)(is_summed ? flags & ~CHECKS : flags | CHECKS);
    metal_lwip_show(d, bucket);
    if (d->netif.input(p, &d->netif) != ERR_OK)
        pbuf_free(p);
    metal_lwip_hide(d);
    d->netif.chksum_flags = flags;
}

void metal_lwip_card_poll(struct metal_lwip *d)
{
    /* Where memory is short, the caller shall read in between. */
    uint32_t most = 2 * metal_lwip_share(d);
    struct net_dev_buf *frame;
    for (uint32_t i = 0; i < most && (frame = d->dev->ops->receive(d->dev)) != NULL; i++)
        take_in(d, frame);
}

/* ---- life ------------------------------------------------------------------- */

static err_t set_up(struct netif *netif)
{
    struct metal_lwip *d = netif->state;
    netif->name[0] = 'v';
    netif->name[1] = 'k';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = put_out;
    netif->mtu = d->caps.mtu_bytes;
    netif->hwaddr_len = NET_DEV_ADDRESS_BYTES;
    memcpy(netif->hwaddr, d->caps.address, NET_DEV_ADDRESS_BYTES);
    netif->flags =
        NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP | NETIF_FLAG_MLD6;
    /* What we send to ourselves carries no sum where the device makes them, and needs no check. */
    netif->chksum_flags = (u16_t)(NETIF_CHECKSUM_ENABLE_ALL & ~(d->caps.can_sum ? CHECKS | SUMS : CHECKS));
    return ERR_OK;
}

VK_SELDOM int metal_lwip_card_init(struct metal_lwip *d)
{
    d->dev->ops->caps(d->dev, &d->caps);
    if (d->caps.mtu_bytes < MTU_MIN)
        return -VK_EINVAL;
    for (uint32_t i = 0; i < METAL_LWIP_LENT_MAX; i++) {
        d->lents[i].next = d->lent_free;
        d->lent_free = &d->lents[i];
    }
    if (netif_add_noaddr(&d->netif, d, set_up, ethernet_input) == NULL)
        return -VK_ENOMEM;
    netif_set_default(&d->netif);
    netif_set_up(&d->netif);
    return 0;
}

void metal_lwip_card_fini(struct metal_lwip *d)
{
    d->dev->ops->flush(d->dev);
    netif_remove(&d->netif);
}
