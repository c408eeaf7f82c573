/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: header, one entry per pattern, the nodes of the tree, the text of
 * literal segments. A path leads to each node by one way only, so a search
 * with backtracking visits no node twice and is never deeper than a pattern.
 */
#include "net/route.h"

#include "net/chars.h"
#include "net/query.h"
#include "vk/fmt.h"

struct header {
    uint32_t nodes_off; /* from the start of the table */
    uint32_t texts_off;
    uint32_t nodes_count;
    uint32_t methods; /* of all patterns */
};

/* One per pattern; those that end at the same node form a list. */
struct entry {
    uint32_t method;
    uint32_t next; /* pattern + 1; 0: none */
};

struct node {
    uint32_t text_off; /* from texts_off */
    uint16_t text_len;
    uint16_t methods; /* of the patterns that end here */
    uint32_t entry;   /* pattern + 1; 0: none */
    uint32_t child;   /* first literal child; 0: none, since the root is nobody's child */
    uint32_t next;    /* next literal with the same parent */
    uint32_t number;  /* the {name:Int} child */
    uint32_t any;     /* the {name} child */
};

_Static_assert(NET_METHOD_COUNT <= 16, "method bits fit a node");
_Static_assert(sizeof(struct header) == 16 && sizeof(struct entry) == 8 && sizeof(struct node) == 28,
               "no holes");

VK_INLINE struct entry *table_entries(const void *table)
{
    return (struct entry *)((uint8_t *)(uintptr_t)table + sizeof(struct header));
}

VK_INLINE struct node *table_nodes(const void *table)
{
    return (struct node *)((uint8_t *)(uintptr_t)table + ((const struct header *)table)->nodes_off);
}

VK_INLINE uint8_t *table_texts(const void *table)
{
    return (uint8_t *)(uintptr_t)table + ((const struct header *)table)->texts_off;
}

/* The segment after the slash at path.ptr: its bytes up to the next slash or the end. */
VK_INLINE struct vk_span first_segment(struct vk_span path, bool *ret_is_encoded)
{
    size_t len = 1;
    bool is_encoded = false;
    for (; len < path.len && path.ptr[len] != '/'; len++)
        is_encoded |= path.ptr[len] == '%';
    *ret_is_encoded = is_encoded;
    return vk_span(path.ptr + 1, len - 1);
}

/* ---- building ---------------------------------------------------------------- */

struct builder {
    void *table;
    struct node *nodes;
    uint8_t *texts;
    uint32_t nodes_count;
    uint32_t texts_len;
};

static void patterns_size(const struct vk_span *patterns, uint32_t count, size_t *ret_nodes,
                          size_t *ret_text_bytes)
{
    size_t nodes = 1, text_bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        text_bytes += patterns[i].len;
        for (size_t k = 0; k < patterns[i].len; k++)
            nodes += patterns[i].ptr[k] == '/';
    }
    *ret_nodes = nodes;
    *ret_text_bytes = text_bytes;
}

VK_SELDOM size_t net_route_room(const struct vk_span *patterns, uint32_t count)
{
    size_t nodes, text_bytes;
    patterns_size(patterns, count, &nodes, &text_bytes);
    return sizeof(struct header) + count * sizeof(struct entry) + nodes * sizeof(struct node) + text_bytes;
}

static uint32_t add_node(struct builder *b, struct vk_span text)
{
    struct node *node = &b->nodes[b->nodes_count];
    memset(node, 0, sizeof(*node));
    node->text_off = b->texts_len;
    node->text_len = (uint16_t)text.len;
    if (text.len > 0)
        memcpy(b->texts + b->texts_len, text.ptr, text.len);
    b->texts_len += (uint32_t)text.len;
    return b->nodes_count++;
}

static bool is_text(const uint8_t *texts, const struct node *node, struct vk_span text)
{
    return node->text_len == text.len && memcmp(texts + node->text_off, text.ptr, text.len) == 0;
}

static uint32_t literal_child(struct builder *b, uint32_t parent, struct vk_span text)
{
    uint32_t child = b->nodes[parent].child;
    while (child != 0 && !is_text(b->texts, &b->nodes[child], text))
        child = b->nodes[child].next;
    if (child == 0) {
        child = add_node(b, text);
        b->nodes[child].next = b->nodes[parent].child;
        b->nodes[parent].child = child;
    }
    return child;
}

/* The child for {name:Int}, or for {name}. */
static uint32_t capture_child(struct builder *b, uint32_t parent, bool is_number)
{
    const struct node *node = &b->nodes[parent];
    uint32_t child = is_number ? node->number : node->any;
    if (child != 0)
        return child;
    child = add_node(b, vk_span(NULL, 0));
    *(is_number ? &b->nodes[parent].number : &b->nodes[parent].any) = child;
    return child;
}

static bool is_number_capture(struct vk_span segment)
{
    static const char end[] = ":Int}";
    size_t len = sizeof end - 1;
    return segment.len > len && memcmp(segment.ptr + segment.len - len, end, len) == 0;
}

/* The segments of one pattern, as far as the checks need to remember them. */
struct names {
    struct vk_span seen[NET_ROUTE_CAPTURES_MAX];
    uint32_t count;
};

/* {name}, {name:Int}: letters, digits and "_", once per pattern. */
static int check_name(struct names *names, struct vk_span segment)
{
    size_t end_len = is_number_capture(segment) ? 5 : 1;
    if (segment.len < 2 + end_len || segment.ptr[segment.len - 1] != '}')
        return -VK_EMALFORMED;
    struct vk_span name = vk_span(segment.ptr + 1, segment.len - 1 - end_len);
    for (size_t i = 0; i < name.len; i++) {
        bool is_alnum =
            net_char_is(name.ptr[i], NET_CHAR_DIGIT) || (uint8_t)((name.ptr[i] | 0x20) - 'a') < 26;
        if (!is_alnum && name.ptr[i] != '_')
            return -VK_EMALFORMED;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        if (vk_span_equal(names->seen[i], name))
            return -VK_EMALFORMED;
    }
    if (names->count == NET_ROUTE_CAPTURES_MAX)
        return -VK_ETOOBIG;
    names->seen[names->count++] = name;
    return 0;
}

static int check_path(struct vk_span path)
{
    struct names names = {.count = 0};
    uint32_t segments = 0;
    if (path.len == 0 || path.ptr[0] != '/')
        return -VK_EMALFORMED;
    while (path.len > 0) {
        bool is_encoded;
        struct vk_span segment = first_segment(path, &is_encoded);
        path = vk_span_skip(path, 1 + segment.len);
        if (++segments > NET_ROUTE_SEGMENTS_MAX || segment.len > UINT16_MAX)
            return -VK_ETOOBIG;
        if (segment.len == 0 && path.len > 0)
            return -VK_EMALFORMED;
        if (segment.len > 0 && segment.ptr[0] == '{') {
            int err = check_name(&names, segment);
            if (err)
                return err;
        } else if (!net_chars_all(segment.ptr, segment.len, NET_CHAR_PATH)) {
            return -VK_EMALFORMED;
        }
    }
    return 0;
}

/* Split and check a pattern. */
static int read_pattern(struct vk_span pattern, enum net_method *ret_method, struct vk_span *ret_path)
{
    size_t len = vk_span_find(pattern, ' ');
    enum net_method method = net_method_parse(vk_span(pattern.ptr, len));
    if (len == pattern.len || method == NET_METHOD_OTHER)
        return -VK_EMALFORMED;
    *ret_method = method;
    *ret_path = vk_span_skip(pattern, len + 1);
    return check_path(*ret_path);
}

static int add_pattern(struct builder *b, uint32_t pattern, enum net_method method, struct vk_span path)
{
    uint32_t at = 0;
    while (path.len > 0) {
        bool is_encoded;
        struct vk_span segment = first_segment(path, &is_encoded);
        path = vk_span_skip(path, 1 + segment.len);
        bool is_any = segment.len > 0 && segment.ptr[0] == '{';
        at = is_any ? capture_child(b, at, is_number_capture(segment)) : literal_child(b, at, segment);
    }
    struct node *node = &b->nodes[at];
    uint32_t bit = 1u << method;
    if (node->methods & bit)
        return -VK_EINVAL;
    table_entries(b->table)[pattern] = (struct entry){method, node->entry};
    node->entry = pattern + 1;
    node->methods = (uint16_t)(node->methods | bit);
    ((struct header *)b->table)->methods |= bit;
    return 0;
}

VK_SELDOM int net_route_build(const struct vk_span *patterns, uint32_t count, void *table, size_t room_bytes,
                              size_t *ret_len_bytes, uint32_t *ret_bad)
{
    size_t nodes_max, text_bytes, room_needed = net_route_room(patterns, count);
    patterns_size(patterns, count, &nodes_max, &text_bytes);
    *ret_bad = 0;
    if (room_needed > room_bytes || room_needed > UINT32_MAX)
        return -VK_ENOSPC;
    struct header *header = table;
    header->nodes_off = (uint32_t)(sizeof(struct header) + count * sizeof(struct entry));
    header->texts_off = header->nodes_off + (uint32_t)(nodes_max * sizeof(struct node));
    header->methods = 0;
    struct builder b = {table, table_nodes(table), table_texts(table), 0, 0};
    (void)add_node(&b, vk_span(NULL, 0)); /* the root */
    for (uint32_t i = 0; i < count; i++) {
        enum net_method method;
        struct vk_span path;
        int err = read_pattern(patterns[i], &method, &path);
        if (err == 0)
            err = add_pattern(&b, i, method, path);
        if (err) {
            *ret_bad = i;
            return err;
        }
    }
    header->nodes_count = b.nodes_count;
    header->texts_off = header->nodes_off + b.nodes_count * (uint32_t)sizeof(struct node);
    memmove(table_texts(table), b.texts, b.texts_len); /* down over the nodes not needed */
    *ret_len_bytes = header->texts_off + b.texts_len;
    return 0;
}

/* ---- finding ------------------------------------------------------------------- */

struct search {
    const void *table;
    const struct node *nodes;
    const uint8_t *texts;
    struct net_route_match *match;
    uint32_t method;
};

/* The path is used up at this node: is there a route for the method? */
static bool finish(struct search *s, const struct node *node)
{
    uint32_t method = s->method;
    if (method == NET_METHOD_HEAD && !(node->methods & 1u << method))
        method = NET_METHOD_GET;
    if (!(node->methods & 1u << method)) {
        s->match->allow |= node->methods;
        return false;
    }
    const struct entry *entries = table_entries(s->table);
    uint32_t route = node->entry - 1;
    while (entries[route].method != method)
        route = entries[route].next - 1;
    s->match->route = route;
    return true;
}

/* Whether the segment is a 64-bit number, its percent-encoding resolved. */
static bool is_number(struct vk_span segment)
{
    uint8_t text[VK_FMT_U64_BYTES + 1];
    size_t len;
    uint64_t magnitude;
    if (net_pct_decode(segment, 0, text, sizeof text, &len))
        return false;
    bool is_negative = len > 0 && text[0] == '-';
    size_t sign = is_negative || (len > 0 && text[0] == '+');
    return vk_span_to_u64(vk_span(text + sign, len - sign), &magnitude) == 0 &&
           magnitude <= (uint64_t)INT64_MAX + is_negative;
}

static bool descend(struct search *s, const struct node *node, struct vk_span path);

/* A segment that the route names goes on at that node. */
static bool capture(struct search *s, uint32_t child, struct vk_span segment, struct vk_span rest)
{
    s->match->captures[s->match->captures_count++] = segment;
    if (descend(s, &s->nodes[child], rest))
        return true;
    s->match->captures_count--;
    return false;
}

static bool descend(struct search *s, const struct node *node, struct vk_span path)
{
    if (path.len == 0)
        return finish(s, node);
    bool is_encoded;
    struct vk_span segment = first_segment(path, &is_encoded);
    struct vk_span rest = vk_span_skip(path, 1 + segment.len);
    for (uint32_t i = node->child; i != 0; i = s->nodes[i].next) {
        const struct node *child = &s->nodes[i];
        bool is_same = VK_UNLIKELY(is_encoded)
                           ? net_pct_equal(segment, 0, vk_span(s->texts + child->text_off, child->text_len))
                           : is_text(s->texts, child, segment);
        if (!is_same)
            continue;
        if (descend(s, child, rest))
            return true;
        break;
    }
    if (segment.len == 0)
        return false;
    if (node->number != 0 && is_number(segment) && capture(s, node->number, segment, rest))
        return true;
    return node->any != 0 && capture(s, node->any, segment, rest);
}

static uint32_t allow_of(uint32_t methods)
{
    if (methods & 1u << NET_METHOD_GET)
        methods |= 1u << NET_METHOD_HEAD;
    return methods | 1u << NET_METHOD_OPTIONS;
}

uint32_t net_route_find(const void *table, enum net_method method, struct vk_span path,
                        struct net_route_match *match)
{
    match->allow = 0;
    match->captures_count = 0;
    if (VK_UNLIKELY(method == NET_METHOD_OTHER || (path.len == 0 && method != NET_METHOD_OPTIONS)))
        return 501;
    if (VK_UNLIKELY(path.len == 0)) {
        match->allow = allow_of(((const struct header *)table)->methods);
        return 204;
    }
    struct search search = {table, table_nodes(table), table_texts(table), match, method};
    if (path.ptr[0] == '/' && descend(&search, search.nodes, path))
        return 0;
    if (match->allow == 0)
        return 404;
    match->allow = allow_of(match->allow);
    return method == NET_METHOD_OPTIONS ? 204 : 405;
}
