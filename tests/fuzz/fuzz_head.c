/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parser accepts lies inside the head, is found again by the scan,
 * is the same without vectors, and means the same when it is written out anew
 * from its parts, in one canonical form.
 */
#include "net/head.h"
#include "net/scan.h"

#include "tests/fuzz/fuzz.h"

uint32_t scalar_net_head_parse(struct net_head *head, const uint8_t *bytes, size_t len_bytes);

static void check_range(struct net_range range, size_t size)
{
    FUZZ_CHECK((size_t)range.off + range.len <= size);
}

static void check_value(const uint8_t *data, struct net_range value)
{
    for (uint32_t i = 0; i < value.len; i++) {
        uint8_t c = data[value.off + i];
        FUZZ_CHECK(c == '\t' || (c >= ' ' && c != 127));
        FUZZ_CHECK((c != ' ' && c != '\t') || (i != 0 && i + 1u != value.len));
    }
}

static void check_head(const struct net_head *head, const uint8_t *data, size_t size)
{
    check_range(head->method_text, size);
    check_range(head->target, size);
    check_range(head->path, size);
    check_range(head->query, size);
    check_range(head->host, size);
    check_range(head->upgrade, size);
    FUZZ_CHECK(head->fields_count <= NET_FIELDS_MAX && head->target.len <= NET_TARGET_MAX_BYTES);
    FUZZ_CHECK(head->length_bytes == 0 || head->body == NET_BODY_LENGTH);
    FUZZ_CHECK(head->minor == 0 || (head->flags & NET_HEAD_HAS_HOST));
    FUZZ_CHECK(head->minor == 1 || head->body != NET_BODY_CHUNKED);
    if (head->form == NET_FORM_ORIGIN || head->form == NET_FORM_ABSOLUTE)
        FUZZ_CHECK(head->path.len > 0 && data[head->path.off] == '/');
    for (uint32_t i = 0; i < head->fields_count; i++) {
        check_range(head->fields[i].name, size);
        check_range(head->fields[i].value, size);
        FUZZ_CHECK(head->fields[i].name.len > 0);
        check_value(data, head->fields[i].value);
        struct vk_span value, name = net_head_span(data, head->fields[i].name);
        FUZZ_CHECK(net_head_field(head, data, name, &value));
    }
    struct net_scan scan = {0};
    size_t len;
    FUZZ_CHECK(net_scan_head(&scan, data, size, &len) == 0 && scan.start == 0 && len == size);
}

static void check_same(const struct net_head *a, const struct net_head *b)
{
    FUZZ_CHECK(memcmp(a, b, offsetof(struct net_head, fields)) == 0);
    FUZZ_CHECK(memcmp(a->fields, b->fields, a->fields_count * sizeof(a->fields[0])) == 0);
}

static size_t write_anew(const struct net_head *head, const uint8_t *data, uint8_t *out, size_t room)
{
    struct vk_out o;
    vk_out_init(&o, out, room);
    vk_out_put(&o, net_head_span(data, head->method_text));
    VK_OUT_LIT(&o, " ");
    vk_out_put(&o, net_head_span(data, head->target));
    vk_out_put(&o, head->minor ? VK_SPAN_LIT(" HTTP/1.1\r\n") : VK_SPAN_LIT(" HTTP/1.0\r\n"));
    for (uint32_t i = 0; i < head->fields_count; i++) {
        vk_out_put(&o, net_head_span(data, head->fields[i].name));
        VK_OUT_LIT(&o, ": ");
        vk_out_put(&o, net_head_span(data, head->fields[i].value));
        VK_OUT_LIT(&o, "\r\n");
    }
    VK_OUT_LIT(&o, "\r\n");
    FUZZ_CHECK(vk_out_status(&o) == 0);
    return vk_out_span(&o).len;
}

static void check_written_anew(const struct net_head *head, const uint8_t *data)
{
    static uint8_t out[NET_HEAD_MAX_BYTES + 4 * NET_FIELDS_MAX];
    static struct net_head again;
    size_t len = write_anew(head, data, out, sizeof(out));
    if (len > NET_HEAD_MAX_BYTES)
        return;
    uint8_t *copy = fuzz_copy(out, len);
    FUZZ_CHECK(net_head_parse(&again, copy, len) == 0);
    free(copy);
    FUZZ_CHECK(again.method == head->method && again.minor == head->minor && again.form == head->form &&
               again.body == head->body && again.flags == head->flags &&
               again.length_bytes == head->length_bytes && again.fields_count == head->fields_count &&
               again.path.len == head->path.len && again.query.len == head->query.len &&
               again.host.len == head->host.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct net_head head, scalar;
    memset(&head, 0x11, sizeof(head));
    memset(&scalar, 0x77, sizeof(scalar));
    uint32_t status = net_head_parse(&head, data, size);
    FUZZ_CHECK(scalar_net_head_parse(&scalar, data, size) == status);
    FUZZ_CHECK(status == 0 || status == 400 || status == 414 || status == 417 || status == 431 ||
               status == 501 || status == 505);
    if (status != 0)
        return 0;
    check_same(&head, &scalar);
    check_head(&head, data, size);
    check_written_anew(&head, data);
    return 0;
}
