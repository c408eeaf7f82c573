/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: patterns, one per line, an empty line, then requests "METHOD path",
 * one per line. The tree finds a route exactly where trying every pattern
 * does, and that one matches; captures lie in the path; a table moved
 * elsewhere says the same. Decoding and queries run over the same bytes.
 */
#include "net/query.h"
#include "net/route.h"

#include "tests/fuzz/fuzz.h"

#define PATTERNS_MAX 32u

static struct vk_span patterns[PATTERNS_MAX];
static uint32_t patterns_count;

static struct vk_span take_line(struct vk_span *text)
{
    size_t len = vk_span_find(*text, '\n');
    struct vk_span line = vk_span(text->ptr, len);
    *text = vk_span_skip(*text, len + (len < text->len));
    return line;
}

static struct vk_span take_segment(struct vk_span *path)
{
    struct vk_span rest = vk_span_skip(*path, 1);
    size_t len = vk_span_find(rest, '/');
    *path = vk_span_skip(rest, len);
    return vk_span(rest.ptr, len);
}

/* Whether the segment is a number of 64 bits: at most one sign and 20 digits, in any encoding. */
static bool is_int(struct vk_span segment)
{
    uint8_t text[21];
    size_t len;
    __int128 value = 0;
    if (net_pct_decode(segment, 0, text, sizeof text, &len) || len == 0)
        return false;
    size_t at = text[0] == '-' || text[0] == '+';
    if (at == len)
        return false;
    for (size_t i = at; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    return text[0] == '-' ? -value >= INT64_MIN : value <= INT64_MAX;
}

static bool is_int_capture(struct vk_span wanted)
{
    struct vk_span end = VK_SPAN_LIT(":Int}");
    return wanted.len > end.len && vk_span_equal(vk_span_skip(wanted, wanted.len - end.len), end);
}

/* Whether a segment is one that a segment of a pattern, text or capture, stands for. */
static bool is_segment(struct vk_span wanted, struct vk_span segment)
{
    if (wanted.len == 0 || wanted.ptr[0] != '{')
        return net_pct_equal(segment, 0, wanted);
    return is_int_capture(wanted) ? is_int(segment) : segment.len > 0;
}

/* Whether a pattern's path matches, one segment after the other. */
static bool is_match(struct vk_span pattern, struct vk_span path)
{
    while (pattern.len > 0 && path.len > 0) {
        struct vk_span wanted = take_segment(&pattern), segment = take_segment(&path);
        if (!is_segment(wanted, segment))
            return false;
    }
    return pattern.len == 0 && path.len == 0;
}

/* Methods of all patterns that match the path. */
static uint32_t methods_of(struct vk_span path)
{
    uint32_t methods = 0;
    for (uint32_t i = 0; i < patterns_count && path.len > 0 && path.ptr[0] == '/'; i++) {
        size_t len = vk_span_find(patterns[i], ' ');
        if (is_match(vk_span_skip(patterns[i], len + 1), path))
            methods |= 1u << net_method_parse(vk_span(patterns[i].ptr, len));
    }
    return methods;
}

static void check_found(const struct net_route_match *match, uint32_t method, struct vk_span path)
{
    FUZZ_CHECK(match->route < patterns_count && match->captures_count <= NET_ROUTE_CAPTURES_MAX);
    struct vk_span pattern = patterns[match->route];
    size_t len = vk_span_find(pattern, ' ');
    uint32_t of_route = net_method_parse(vk_span(pattern.ptr, len));
    FUZZ_CHECK(of_route == method || (method == NET_METHOD_HEAD && of_route == NET_METHOD_GET));
    FUZZ_CHECK(is_match(vk_span_skip(pattern, len + 1), path));
    for (uint32_t i = 0; i < match->captures_count; i++) {
        struct vk_span capture = match->captures[i];
        FUZZ_CHECK(capture.len > 0 && capture.ptr > path.ptr &&
                   capture.ptr + capture.len <= path.ptr + path.len);
    }
}

static void check_request(const void *table, const void *moved, struct vk_span request)
{
    size_t len = vk_span_find(request, ' ');
    uint32_t method = net_method_parse(vk_span(request.ptr, len));
    struct vk_span path = vk_span_skip(request, len + (len < request.len));
    struct net_route_match match, other;
    uint32_t status = net_route_find(table, (enum net_method)method, path, &match);
    FUZZ_CHECK(net_route_find(moved, (enum net_method)method, path, &other) == status &&
               other.allow == match.allow);
    uint32_t methods = methods_of(path);
    uint32_t wanted = 1u << method | (method == NET_METHOD_HEAD ? 1u << NET_METHOD_GET : 0);
    if (status == 0)
        check_found(&match, method, path);
    if (method == NET_METHOD_OTHER || path.len == 0)
        FUZZ_CHECK(status == 501 || status == 204);
    else if (methods == 0)
        FUZZ_CHECK(status == 404 && match.allow == 0);
    else if (methods & wanted)
        FUZZ_CHECK(status == 0);
    else
        FUZZ_CHECK(status == (method == NET_METHOD_OPTIONS ? 204u : 405u) &&
                   (match.allow & methods) == methods);
}

static void check_decoding(struct vk_span text)
{
    uint8_t *out = fuzz_copy(text.ptr, text.len);
    size_t len;
    struct vk_span value;
    if (net_pct_decode(text, VK_URL_PLUS, out, text.len, &len) == 0) {
        FUZZ_CHECK(len <= text.len);
        FUZZ_CHECK(net_pct_equal(text, VK_URL_PLUS, vk_span(out, len)));
    }
    if (net_query_find(text, VK_SPAN_LIT("a"), &value))
        FUZZ_CHECK(value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vk_span text = vk_span(data, size);
    check_decoding(text);
    patterns_count = 0;
    while (text.len > 0 && patterns_count < PATTERNS_MAX) {
        struct vk_span line = take_line(&text);
        if (line.len == 0)
            break;
        patterns[patterns_count++] = line;
    }
    size_t room = net_route_room(patterns, patterns_count), len;
    void *table = malloc(room);
    uint32_t bad;
    FUZZ_CHECK(table != NULL);
    if (net_route_build(patterns, patterns_count, table, room, &len, &bad) == 0) {
        FUZZ_CHECK(len <= room);
        uint8_t *moved = fuzz_copy(table, len);
        while (text.len > 0)
            check_request(table, moved, take_line(&text));
        free(moved);
    } else {
        FUZZ_CHECK(bad < patterns_count);
    }
    free(table);
    return 0;
}
