/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the head. Its last byte is known to be LF, which no class of
 * characters contains, so the inner loops need no bound: they stop there at
 * the latest. No valid head is shorter than a vector block, so a block that
 * ends at the head's end can always be loaded.
 *
 * Targets may hold what browsers send beyond RFC 3986 ("[", "]", "|"; in the
 * query also "\", "^", "`", braces and a stray "%"), never white space,
 * controls, "#", quotes, angle brackets or bytes above 126.
 */
#include "net/head.h"

#include "net/chars.h"

/* The shortest head there is: "A / HTTP/1.0" and two line ends. */
#define HEAD_MIN_BYTES  16u
#define VERSION_BYTES   8u
#define PORT_DIGITS_MAX 5u

_Static_assert(HEAD_MIN_BYTES >= VK_BLOCK_BYTES, "a block ends at the end of any head");
_Static_assert(NET_HEAD_MAX_BYTES <= UINT16_MAX, "offsets fit a net_range");

/* What has been seen and is judged at the end, besides net_head.flags. */
enum {
    SEEN_LENGTH = 1u << 16,
    SEEN_CODING = 1u << 17,      /* Transfer-Encoding: chunked, or a list that ends in it */
    SEEN_CODING_LIST = 1u << 18, /* such a list: valid, but more than we decode */
    SEEN_EXPECT_OTHER = 1u << 19,
    SEEN_UPGRADE = 1u << 20,
};

struct parse {
    const uint8_t *bytes;
    const uint8_t *end;
    struct net_head *head;
    uint32_t facts; /* NET_HEAD_... and SEEN_... */
};

VK_INLINE struct net_range range(const struct parse *parse, const uint8_t *from, const uint8_t *to)
{
    return (struct net_range){(uint16_t)(from - parse->bytes), (uint16_t)(to - from)};
}

VK_INLINE const uint8_t *skip(const uint8_t *p, uint32_t class)
{
    while (net_char_is(*p, class))
        p++;
    return p;
}

/*
 * IS_WORD: whether len bytes at p are the literal `lower` but for case. Good
 * only for literals of letters, digits and "-", at least 4, and for bytes
 * without controls: no other such byte turns into one of those when bit 5 is set.
 */
VK_INLINE bool is_word4(const uint8_t *p, size_t len, const char *lower, size_t lower_len)
{
    const uint32_t fold = 0x20202020;
    return len == lower_len && (((vk_load4(p) | fold) ^ vk_load4(lower)) |
                                ((vk_load4(p + len - 4) | fold) ^ vk_load4(lower + lower_len - 4))) == 0;
}

VK_INLINE bool is_word8(const uint8_t *p, size_t len, const char *lower, size_t lower_len)
{
    const uint64_t fold = UINT64_C(0x2020202020202020);
    if (len != lower_len)
        return false;
    uint64_t diff = (vk_load8(p + len - 8) | fold) ^ vk_load8(lower + lower_len - 8);
    for (size_t i = 0; i + 8 < lower_len; i += 8)
        diff |= (vk_load8(p + i) | fold) ^ vk_load8(lower + i);
    return diff == 0;
}

#define IS_WORD(p, len, lower)                                       \
    (sizeof(lower) <= 8 ? is_word4(p, len, lower, sizeof(lower) - 1) \
                        : is_word8(p, len, lower, sizeof(lower) - 1))

/* ---- host ---------------------------------------------------------------- */

/* Each helper returns where its part ends, or NULL when it is malformed. */

static const uint8_t *skip_pct(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 3 || !net_char_is(p[1], NET_CHAR_HEX) || !net_char_is(p[2], NET_CHAR_HEX))
        return NULL;
    return p + 3;
}

/* An IPv6 address in brackets (RFC 3986, 3.2.2); IPvFuture and zones are refused. */
static const uint8_t *skip_ip6(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = ++p;
    uint32_t colons = 0;
    for (; p < end && (net_char_is(*p, NET_CHAR_HEX) || *p == ':' || *p == '.'); p++)
        colons += *p == ':';
    bool is_good = p < end && *p == ']' && colons >= 2 && p - start <= 45;
    return is_good ? p + 1 : NULL;
}

/* Goes on from p, which is at no host character, or at "%". */
static VK_COLD const uint8_t *skip_reg_name(const uint8_t *p, const uint8_t *end)
{
    while (p != NULL && *p == '%') {
        p = skip_pct(p, end);
        if (p != NULL)
            p = skip(p, NET_CHAR_HOST);
    }
    return p;
}

/*
 * Whether p .. end is uri-host [":" port], both possibly empty. *end is a byte
 * that can be in neither; head_end is the end of what may be read.
 */
VK_INLINE bool is_authority(const uint8_t *p, const uint8_t *end, const uint8_t *head_end,
                            size_t *ret_host_len, size_t *ret_port_len)
{
    const uint8_t *host_end = skip(net_skip_word(p, head_end), NET_CHAR_HOST);
    if (VK_UNLIKELY(*host_end == '%'))
        host_end = skip_reg_name(host_end, end);
    else if (VK_UNLIKELY(*host_end == '[' && host_end == p))
        host_end = skip_ip6(p, end);
    if (VK_UNLIKELY(host_end == NULL))
        return false;
    *ret_host_len = (size_t)(host_end - p);
    *ret_port_len = 0;
    if (host_end == end)
        return true;
    if (VK_UNLIKELY(*host_end != ':'))
        return false;
    uint32_t number = 0;
    const uint8_t *port = host_end + 1;
    for (p = port; net_char_is(*p, NET_CHAR_DIGIT) && p < port + PORT_DIGITS_MAX; p++)
        number = number * 10 + (uint32_t)(*p - '0');
    *ret_port_len = (size_t)(p - port);
    return p == end && number <= 65535;
}

/* ---- request line -------------------------------------------------------- */

/* Path and query from p on; returns where the target ends, or NULL. */
VK_INLINE const uint8_t *parse_path(struct parse *parse, const uint8_t *p)
{
    struct net_head *head = parse->head;
    const uint8_t *start = p;
    for (;;) {
        p = skip(p, NET_CHAR_PATH);
        if (VK_LIKELY(*p != '%'))
            break;
        p = skip_pct(p, parse->end);
        if (p == NULL)
            return NULL;
    }
    head->path = range(parse, start, p);
    head->query = (struct net_range){0, 0};
    if (*p == '?') {
        start = p + 1;
        p = skip(start, NET_CHAR_QUERY);
        head->query = range(parse, start, p);
        parse->facts |= NET_HEAD_HAS_QUERY;
    }
    return p;
}

/* Start of the authority of an absolute-form target, NULL when it is none of http(s). */
static const uint8_t *skip_scheme(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p);
    if (left > 7 && IS_WORD(p, 4, "http") && memcmp(p + 4, "://", 3) == 0)
        return p + 7;
    if (left > 8 && IS_WORD(p, 5, "https") && memcmp(p + 5, "://", 3) == 0)
        return p + 8;
    return NULL;
}

static const uint8_t *parse_absolute(struct parse *parse, const uint8_t *p)
{
    struct net_head *head = parse->head;
    const uint8_t *host = skip_scheme(p, parse->end);
    if (host == NULL)
        return NULL;
    const uint8_t *host_end = host;
    while (*host_end > ' ' && *host_end != '/' && *host_end != '?')
        host_end++;
    size_t host_len, port_len;
    if (!is_authority(host, host_end, parse->end, &host_len, &port_len) || host_len == 0)
        return NULL;
    head->form = NET_FORM_ABSOLUTE;
    head->host = range(parse, host, host_end);
    p = parse_path(parse, host_end);
    if (head->path.len == 0) /* "http://host" means its root: name a slash that is there */
        head->path = range(parse, host - 1, host);
    return p;
}

static const uint8_t *parse_authority(struct parse *parse, const uint8_t *p)
{
    struct net_head *head = parse->head;
    const uint8_t *end = p;
    while (*end > ' ')
        end++;
    size_t host_len, port_len;
    if (!is_authority(p, end, parse->end, &host_len, &port_len) || host_len == 0 || port_len == 0)
        return NULL;
    head->form = NET_FORM_AUTHORITY;
    head->host = range(parse, p, end);
    return end;
}

static const uint8_t *parse_target_rare(struct parse *parse, const uint8_t *p)
{
    struct net_head *head = parse->head;
    head->path = head->query = (struct net_range){0, 0};
    if (head->method == NET_METHOD_CONNECT)
        return parse_authority(parse, p);
    if (*p != '*')
        return parse_absolute(parse, p);
    head->form = NET_FORM_ASTERISK;
    return head->method == NET_METHOD_OPTIONS ? p + 1 : NULL;
}

static VK_COLD uint32_t judge_version(struct parse *parse, const uint8_t *p)
{
    if (parse->end - p < (ptrdiff_t)(VERSION_BYTES + 2) || memcmp(p, "HTTP/", 5) != 0 ||
        !net_char_is(p[5], NET_CHAR_DIGIT) || p[6] != '.' || !net_char_is(p[7], NET_CHAR_DIGIT) ||
        p[8] != '\r' || p[9] != '\n')
        return 400;
    if (p[5] != '1')
        return 505;
    parse->head->minor = p[7] != '0';
    return 0;
}

VK_INLINE const uint8_t *parse_method(struct parse *parse, const uint8_t *p)
{
    struct net_head *head = parse->head;
    if (VK_LIKELY(memcmp(p, "GET ", 4) == 0)) {
        head->method = NET_METHOD_GET;
        head->method_text = range(parse, p, p + 3);
        return p + 4;
    }
    const uint8_t *stop = skip(p, NET_CHAR_TOKEN);
    if (*stop != ' ' || stop == p)
        return NULL;
    head->method_text = range(parse, p, stop);
    head->method = (uint8_t)net_method_parse(vk_span(p, (size_t)(stop - p)));
    return stop + 1;
}

/* Sets *ret_end to the first byte after the line; returns 0 or a status. */
VK_INLINE uint32_t parse_request_line(struct parse *parse, const uint8_t **ret_end)
{
    struct net_head *head = parse->head;
    const uint8_t *target = parse_method(parse, parse->bytes);
    if (target == NULL)
        return 400;
    const uint8_t *p;
    head->form = NET_FORM_ORIGIN;
    head->host = (struct net_range){0, 0};
    if (VK_LIKELY(*target == '/' && head->method != NET_METHOD_CONNECT))
        p = parse_path(parse, target);
    else
        p = parse_target_rare(parse, target);
    if (p == NULL || *p != ' ')
        return 400;
    head->target = range(parse, target, p);
    if (VK_UNLIKELY(head->target.len > NET_TARGET_MAX_BYTES))
        return 414;
    p++;
    head->minor = 1;
    if (VK_UNLIKELY(parse->end - p < (ptrdiff_t)(VERSION_BYTES + 2) || memcmp(p, "HTTP/1.1\r\n", 10) != 0)) {
        uint32_t status = judge_version(parse, p);
        if (status != 0)
            return status;
    }
    *ret_end = p + VERSION_BYTES + 2;
    return 0;
}

/* ---- fields that say how to read the rest --------------------------------- */

/* The next element of a comma-separated list, without white space around it; moves *p behind its comma. */
static struct vk_span next_element(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *from = *p, *to = from;
    while (to < end && *to != ',')
        to++;
    *p = to + (to < end);
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return vk_span(from, (size_t)(to - from));
}

static uint32_t take_connection(struct parse *parse, const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        struct vk_span option = next_element(&p, end);
        if (IS_WORD(option.ptr, option.len, "close"))
            parse->facts |= NET_HEAD_OPT_CLOSE;
        else if (IS_WORD(option.ptr, option.len, "keep-alive"))
            parse->facts |= NET_HEAD_OPT_KEEP;
        else if (IS_WORD(option.ptr, option.len, "upgrade"))
            parse->facts |= NET_HEAD_OPT_UPGRADE;
    }
    return 0;
}

static uint32_t take_host(struct parse *parse, const uint8_t *p, const uint8_t *end)
{
    size_t host_len, port_len;
    if ((parse->facts & NET_HEAD_HAS_HOST) || !is_authority(p, end, parse->end, &host_len, &port_len))
        return 400;
    parse->facts |= NET_HEAD_HAS_HOST;
    if (VK_LIKELY(parse->head->form == NET_FORM_ORIGIN || parse->head->form == NET_FORM_ASTERISK))
        parse->head->host = range(parse, p, end);
    return 0;
}

static uint32_t take_length(struct parse *parse, const uint8_t *p, const uint8_t *end)
{
    if ((parse->facts & SEEN_LENGTH) || p == end)
        return 400;
    uint64_t length = 0;
    for (; p < end; p++) {
        uint32_t digit = (uint32_t)*p - '0';
        if (digit > 9 || length > ((uint64_t)INT64_MAX - digit) / 10)
            return 400;
        length = length * 10 + digit;
    }
    parse->facts |= SEEN_LENGTH;
    parse->head->length_bytes = length;
    return 0;
}

/*
 * chunked must be there once and last, or the end of the body is unknown and
 * the answer is 400 (RFC 9112, 6.3); codings before it are valid, but not ours.
 */
static uint32_t take_coding(struct parse *parse, const uint8_t *p, const uint8_t *end)
{
    bool is_chunked = false;
    if (parse->facts & SEEN_CODING)
        return 400;
    if (p == end || end[-1] == ',')
        return 400;
    while (p < end) {
        struct vk_span coding = next_element(&p, end);
        if (is_chunked || coding.len == 0 || !net_chars_all(coding.ptr, coding.len, NET_CHAR_TOKEN))
            return 400;
        is_chunked = IS_WORD(coding.ptr, coding.len, "chunked");
        if (!is_chunked)
            parse->facts |= SEEN_CODING_LIST;
    }
    parse->facts |= SEEN_CODING;
    return is_chunked ? 0 : 400;
}

static uint32_t take_expect(struct parse *parse, const uint8_t *p, const uint8_t *end)
{
    bool is_continue = IS_WORD(p, (size_t)(end - p), "100-continue");
    parse->facts |= is_continue ? NET_HEAD_EXPECT : SEEN_EXPECT_OTHER;
    return 0;
}

static uint32_t take_upgrade(struct parse *parse, const uint8_t *p, const uint8_t *end)
{
    if (!(parse->facts & SEEN_UPGRADE))
        parse->head->upgrade = range(parse, p, end);
    parse->facts |= SEEN_UPGRADE;
    return 0;
}

/* Look closer at a field when its name is one of the six that frame the message. */
VK_INLINE uint32_t take_field(struct parse *parse, const uint8_t *name, size_t name_len, const uint8_t *p,
                              const uint8_t *end)
{
    switch (name_len) {
    case sizeof("host") - 1:
        return IS_WORD(name, name_len, "host") ? take_host(parse, p, end) : 0;
    case sizeof("expect") - 1:
        return IS_WORD(name, name_len, "expect") ? take_expect(parse, p, end) : 0;
    case sizeof("upgrade") - 1:
        return IS_WORD(name, name_len, "upgrade") ? take_upgrade(parse, p, end) : 0;
    case sizeof("connection") - 1:
        return IS_WORD(name, name_len, "connection") ? take_connection(parse, p, end) : 0;
    case sizeof("content-length") - 1:
        return IS_WORD(name, name_len, "content-length") ? take_length(parse, p, end) : 0;
    case sizeof("transfer-encoding") - 1:
        return IS_WORD(name, name_len, "transfer-encoding") ? take_coding(parse, p, end) : 0;
    default:
        return 0;
    }
}

/* ---- fields ---------------------------------------------------------------- */

/* The ends of the head's lines in order: its controls, found a window at a time. */
struct lines {
    size_t window; /* offset of the window */
    uint64_t mask; /* the controls in it not taken yet */
    uint32_t skip; /* 1 when the next window begins with the LF of a CR taken */
};

/*
 * Offset of the CR that ends the next line; when what is there is another
 * control or CR alone, the caller must not go on. There is a line left.
 */
VK_INLINE size_t next_line_end(struct lines *lines, const uint8_t *bytes, size_t len_bytes)
{
    while (VK_UNLIKELY(lines->mask == 0)) {
        lines->window += NET_WINDOW_BYTES;
        lines->mask = net_window(bytes, lines->window, len_bytes, NET_FIND_CONTROL) & ~(uint64_t)lines->skip;
        lines->skip = 0;
    }
    uint32_t i = (uint32_t)__builtin_ctzll(lines->mask);
    lines->skip = i == NET_WINDOW_BYTES - 1;
    lines->mask &= lines->mask - 1; /* CR */
    lines->mask &= lines->mask - 1; /* its LF; nothing when that is in the next window */
    return lines->window + i;
}

/* One field line up to line_end, where its CR is. */
VK_INLINE uint32_t parse_field(struct parse *parse, struct net_field *field, const uint8_t *name,
                               const uint8_t *line_end)
{
    const uint8_t *name_end = skip(net_skip_word(name, parse->end), NET_CHAR_TOKEN);
    if (VK_UNLIKELY(*name_end != ':' || name_end == name))
        return 400;
    const uint8_t *value = name_end + 1, *value_end = line_end;
    while (*value == ' ' || *value == '\t')
        value++;
    while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t'))
        value_end--;
    field->name = range(parse, name, name_end);
    field->value = range(parse, value, value_end);
    return take_field(parse, name, (size_t)(name_end - name), value, value_end);
}

/* p: the first byte after the request line, which ends at the head's first control. */
VK_INLINE uint32_t parse_fields(struct parse *parse, const uint8_t *p)
{
    const uint8_t *bytes = parse->bytes, *end = parse->end;
    size_t len_bytes = (size_t)(end - bytes);
    struct lines lines = {0, net_window(bytes, 0, len_bytes, NET_FIND_CONTROL), 0};
    struct net_field *field = parse->head->fields;
    (void)next_line_end(&lines, bytes, len_bytes);
    for (; p < end; field++) {
        const uint8_t *line_end = bytes + next_line_end(&lines, bytes, len_bytes);
        if (VK_UNLIKELY(line_end[0] != '\r' || line_end[1] != '\n'))
            return 400;
        if (line_end == p) {
            parse->head->fields_count = (uint16_t)(field - parse->head->fields);
            return p + 2 == end ? 0 : 400;
        }
        if (VK_UNLIKELY(field == parse->head->fields + NET_FIELDS_MAX))
            return 431;
        uint32_t status = parse_field(parse, field, p, line_end);
        if (VK_UNLIKELY(status != 0))
            return status;
        p = line_end + 2;
    }
    return 400; /* no empty line */
}

/* What only all fields together tell, for heads with more than the plainest: 0 or a status. */
static uint32_t judge_rare(struct parse *parse)
{
    struct net_head *head = parse->head;
    uint32_t facts = parse->facts;
    bool is_11 = head->minor == 1;
    if (facts & SEEN_LENGTH)
        head->body = NET_BODY_LENGTH;
    if (facts & SEEN_CODING) {
        if (!is_11 || (facts & SEEN_LENGTH))
            return 400;
        if (facts & SEEN_CODING_LIST)
            return 501;
        head->body = NET_BODY_CHUNKED;
    }
    if (is_11 && (facts & SEEN_EXPECT_OTHER))
        return 417;
    if (!is_11)
        facts &= ~(uint32_t)NET_HEAD_EXPECT;
    if (is_11 && (facts & SEEN_UPGRADE) && (facts & NET_HEAD_OPT_UPGRADE))
        facts |= NET_HEAD_UPGRADE;
    if (!(facts & NET_HEAD_OPT_CLOSE) && (is_11 || (facts & NET_HEAD_OPT_KEEP)))
        facts |= NET_HEAD_KEEP_ALIVE;
    parse->facts = facts;
    return 0;
}

/* Completes the head; returns 0 or a status. */
VK_INLINE uint32_t judge(struct parse *parse)
{
    const uint32_t plain = NET_HEAD_HAS_HOST | NET_HEAD_HAS_QUERY;
    if (VK_LIKELY((parse->facts & ~plain) == 0 && parse->head->minor == 1)) {
        parse->facts |= NET_HEAD_KEEP_ALIVE;
    } else {
        uint32_t status = judge_rare(parse);
        if (status != 0)
            return status;
    }
    parse->head->flags = (uint16_t)parse->facts;
    return parse->head->minor == 0 || (parse->facts & NET_HEAD_HAS_HOST) ? 0 : 400;
}

uint32_t net_head_parse(struct net_head *head, const uint8_t *bytes, size_t len_bytes)
{
    if (VK_UNLIKELY(len_bytes > NET_HEAD_MAX_BYTES))
        return 431;
    if (VK_UNLIKELY(len_bytes < HEAD_MIN_BYTES || bytes[len_bytes - 1] != '\n'))
        return 400;
    struct parse parse = {bytes, bytes + len_bytes, head, 0};
    head->body = NET_BODY_NONE;
    head->length_bytes = 0;
    head->upgrade = (struct net_range){0, 0};
    const uint8_t *p;
    uint32_t status = parse_request_line(&parse, &p);
    if (VK_UNLIKELY(status != 0))
        return status;
    status = parse_fields(&parse, p);
    if (VK_UNLIKELY(status != 0))
        return status;
    return judge(&parse);
}

/* ---- look-up ------------------------------------------------------------------ */

uint32_t net_head_find(const struct net_head *head, const uint8_t *bytes, struct vk_span name, uint32_t from)
{
    uint32_t i = from;
    for (; i < head->fields_count; i++) {
        struct net_range field = head->fields[i].name;
        if (field.len == name.len && net_chars_same(bytes + field.off, name.ptr, name.len))
            return i;
    }
    return head->fields_count;
}

bool net_head_field(const struct net_head *head, const uint8_t *bytes, struct vk_span name,
                    struct vk_span *ret_value)
{
    uint32_t i = net_head_find(head, bytes, name, 0);
    if (i == head->fields_count)
        return false;
    *ret_value = net_head_span(bytes, head->fields[i].value);
    return true;
}
