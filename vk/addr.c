/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/addr.h"

#include "vk/err.h"
#include "vk/url.h"

#define GROUPS       8u /* of an IPv6 address, of two bytes each */
#define GROUP_DIGITS 4u
#define NO_GAP       (GROUPS + 1)

/* One of the four decimals: 0 to 255, no leading zero. */
static bool read_decimal(struct vk_span text, uint8_t *ret_value)
{
    uint64_t value;
    bool has_zero = text.len > 1 && text.ptr[0] == '0';
    if (text.len > 3 || has_zero || vk_span_to_u64(text, &value) != 0 || value > UINT8_MAX)
        return false;
    *ret_value = (uint8_t)value;
    return true;
}

static bool read_ip4(struct vk_span text, uint8_t ip[4])
{
    for (uint32_t i = 0; i < 4; i++) {
        size_t len = vk_span_find(text, '.');
        if ((len == text.len) != (i == 3) || !read_decimal(vk_span(text.ptr, len), &ip[i]))
            return false;
        text = vk_span_skip(text, i < 3 ? len + 1 : len);
    }
    return true;
}

/* An IPv6 address on its way: the groups read, and before which of them `::` stood. */
struct groups {
    uint8_t bytes[VK_ADDR_IP_BYTES];
    uint32_t count;
    uint32_t gap; /* NO_GAP: nowhere */
};

/* One to four hexadecimal digits, or an IPv4 address in place of the last two groups. */
static bool read_group(struct groups *g, struct vk_span text, bool is_last)
{
    uint32_t value = 0;
    if (is_last && vk_span_find(text, '.') < text.len) {
        g->count += 2;
        return g->count <= GROUPS && read_ip4(text, g->bytes + 2 * (g->count - 2));
    }
    if (text.len == 0 || text.len > GROUP_DIGITS || g->count == GROUPS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t digit = vk_hex_value(text.ptr[i]);
        if (digit > 15)
            return false;
        value = value << 4 | digit;
    }
    g->bytes[2 * g->count] = (uint8_t)(value >> 8);
    g->bytes[2 * g->count + 1] = (uint8_t)value;
    g->count++;
    return true;
}

/* The groups between the colons; text is not empty. */
static bool read_groups(struct groups *g, struct vk_span text)
{
    while (text.len > 0) {
        size_t len = vk_span_find(text, ':');
        if (!read_group(g, vk_span(text.ptr, len), len == text.len))
            return false;
        if (len == text.len)
            return true;
        text = vk_span_skip(text, len + 1);
        if (text.len == 0)
            return false; /* a single colon at the end */
        if (text.ptr[0] != ':')
            continue;
        if (g->gap != NO_GAP)
            return false;
        g->gap = g->count;
        text = vk_span_skip(text, 1);
    }
    return true;
}

static bool read_ip6(struct vk_span text, uint8_t ip[VK_ADDR_IP_BYTES])
{
    struct groups g = {.gap = NO_GAP};
    if (vk_span_starts_with(text, VK_SPAN_LIT("::"))) {
        g.gap = 0;
        text = vk_span_skip(text, 2);
    }
    if ((text.len == 0 && g.gap == NO_GAP) || !read_groups(&g, text))
        return false;
    if (g.gap == NO_GAP ? g.count != GROUPS : g.count == GROUPS)
        return false; /* `::` stands for one group at least */
    uint32_t head_bytes = 2 * (g.gap == NO_GAP ? g.count : g.gap), tail_bytes = 2 * g.count - head_bytes;
    memset(ip, 0, VK_ADDR_IP_BYTES);
    memcpy(ip, g.bytes, head_bytes);
    memcpy(ip + VK_ADDR_IP_BYTES - tail_bytes, g.bytes + head_bytes, tail_bytes);
    return true;
}

int vk_addr_parse_ip(struct vk_span text, struct vk_addr *ret_addr)
{
    uint8_t ip[VK_ADDR_IP_BYTES] = {0};
    bool is_ip6 = vk_span_find(text, ':') < text.len;
    if (is_ip6 ? !read_ip6(text, ip) : !read_ip4(text, ip))
        return -VK_EMALFORMED;
    ret_addr->family = is_ip6 ? 6 : 4;
    memcpy(ret_addr->ip, ip, sizeof ip);
    return 0;
}

/* The address in front of the port: with brackets when it is an IPv6 one, and with no others. */
static int parse_host(struct vk_span text, struct vk_addr *addr)
{
    bool has_brackets = text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
    if (!has_brackets)
        return vk_span_find(text, ':') < text.len ? -VK_EMALFORMED : vk_addr_parse_ip(text, addr);
    struct vk_span inside = vk_span(text.ptr + 1, text.len - 2);
    size_t len = vk_span_find(inside, '%');
    if (len + 1 == inside.len)
        return -VK_EMALFORMED; /* a % and nothing behind it */
    addr->scope = vk_span_skip(inside, len < inside.len ? len + 1 : len);
    int rc = vk_addr_parse_ip(vk_span(inside.ptr, len), addr);
    return rc == 0 && addr->family != 6 ? -VK_EMALFORMED : rc;
}

int vk_addr_parse(struct vk_span text, struct vk_addr *ret_addr)
{
    struct vk_addr addr = {0};
    size_t colon = text.len;
    uint64_t port;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || parse_host(vk_span(text.ptr, colon - 1), &addr) != 0)
        return -VK_EMALFORMED;
    int rc = vk_span_to_u64(vk_span_skip(text, colon), &port);
    if (rc != 0 || port > UINT16_MAX)
        return rc != 0 ? rc : -VK_ERANGE;
    addr.port = (uint16_t)port;
    *ret_addr = addr;
    return 0;
}
