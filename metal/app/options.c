/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/app/options.h"

#include "vk/addr.h"
#include "vk/err.h"
#include "vk/fmt.h"
#include "vk/limits.h"

struct parser {
    struct app_options *options;
    struct vk_out why;
};

static int complain(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(struct parser *p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vk_out_vfmt(&p->why, format, arguments);
    va_end(arguments);
    return -VK_EINVAL;
}

/* ---- values -------------------------------------------------------------------- */

static bool parse_number(struct vk_span text, uint64_t max, uint64_t *ret_value)
{
    return vk_span_to_u64(text, ret_value) == 0 && *ret_value <= max;
}

static int set_listen(struct parser *p, struct vk_span value)
{
    struct vk_addr addr = {.family = 4};
    uint64_t port = 0;
    int rc = 0;
    if (vk_span_find(value, ':') < value.len) {
        rc = vk_addr_parse(value, &addr);
        port = addr.port;
    } else if (!parse_number(value, UINT16_MAX, &port)) {
        port = 0;
    }
    if (rc == -VK_EMALFORMED || addr.scope.len > 0)
        return complain(p,
                        "expected listen=PORT, listen=10.0.2.15:PORT or listen=[fd00::2]:PORT; the machine "
                        "has one card, so a link-local address needs no %%");
    if (port == 0)
        return complain(p, "a port is a number from 1 to 65535");
    p->options->listen = (struct proc_addr){.family = addr.family, .port = (uint16_t)port};
    memcpy(p->options->listen.ip, addr.ip, sizeof addr.ip);
    p->options->has_listen = true;
    return 0;
}

/* What stands in it is the driver's to understand. */
static int set_ip(struct parser *p, struct vk_span value)
{
    if (value.len == 0 || value.len >= sizeof p->options->ip)
        return complain(p, "expected ip=dhcp, or as in ip=10.0.2.15/24,router=10.0.2.2,dns=10.0.2.3");
    memset(p->options->ip, 0, sizeof p->options->ip);
    memcpy(p->options->ip, value.ptr, value.len);
    return 0;
}

static int set_guard(struct parser *p, struct vk_span value)
{
    char name[24] = "";
    if (value.len < sizeof name)
        memcpy(name, value.ptr, value.len);
    return vk_guard_parse(name, &p->options->guard) == 0
               ? 0
               : complain(p, "expected auto, mprotect, mprotect+kernel, pkey or off");
}

static int set_number(struct parser *p, struct vk_span value, uint32_t max, uint32_t *ret_number)
{
    uint64_t number;
    if (!parse_number(value, max, &number) || number == 0)
        return complain(p, "expected a number from 1 to %u", max);
    *ret_number = (uint32_t)number;
    return 0;
}

static int set_slots(struct parser *p, struct vk_span value)
{
    return set_number(p, value, VKD_SLOTS_MAX, &p->options->slots);
}

static int set_stats(struct parser *p, struct vk_span value)
{
    return set_number(p, value, APP_STATS_MAX_S, &p->options->stats_s);
}

/* ---- words ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*set)(struct parser *p, struct vk_span value);
} words[] = {
    {"listen", set_listen}, {"ip", set_ip}, {"guard", set_guard}, {"slots", set_slots}, {"stats", set_stats},
};

static int take_word(struct parser *p, struct vk_span word, uint32_t *seen)
{
    size_t len = vk_span_find(word, '=');
    struct vk_span name = vk_span(word.ptr, len);
    if (vk_span_equal(name, VK_SPAN_LIT("virtio_mmio.device")) ||
        vk_span_equal(word, VK_SPAN_LIT("console=virtio")) || vk_span_equal(word, VK_SPAN_LIT("pci=off")))
        return 0; /* the machine's, as often as it has devices; metal/console.c's; and Firecracker's */
    uint32_t i = 0;
    while (i < VK_COUNT(words) && !vk_span_equal(name, vk_span_text(words[i].name)))
        i++;
    vk_out_fmt(&p->why, "%.*s: ", (int)(word.len < 64 ? word.len : 64), (const char *)word.ptr);
    if (i == VK_COUNT(words) || len == word.len)
        return complain(p, "unknown option; there are listen=, ip=, guard=, slots= and stats=");
    if (*seen & 1u << i)
        return complain(p, "it is given twice");
    *seen |= 1u << i;
    int rc = words[i].set(p, vk_span_skip(word, len + 1));
    if (rc == 0)
        p->why.at = p->why.base;
    return rc;
}

int app_options_parse(struct app_options *options, const char *command_line, char why[APP_WHY_BYTES])
{
    struct parser p = {.options = options};
    struct vk_span left = vk_span_text(command_line);
    uint32_t seen = 0;
    int rc = 0;
    *options = (struct app_options){.ip = "dhcp", .guard = VK_GUARD_MPROTECT};
    vk_out_init(&p.why, why, APP_WHY_BYTES - 1);
    while (left.len > 0 && rc == 0) {
        size_t len = vk_span_find(left, ' ');
        if (len > 0)
            rc = take_word(&p, vk_span(left.ptr, len), &seen);
        left = vk_span_skip(left, len < left.len ? len + 1 : len);
    }
    why[vk_out_span(&p.why).len] = '\0';
    return rc;
}
