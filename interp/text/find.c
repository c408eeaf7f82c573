/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each stage is a loop that can stop after any comparison. Where nothing of
 * the needle is known to fit, the byte at its cut is searched for by words,
 * which is the same as comparing it place by place.
 */
#include "interp/text/find.h"

enum stage {
    BEGIN,
    CUT_LESS,    /* the greatest suffix in the order of bytes */
    CUT_GREATER, /* and in the reverse order; the later of both is where to cut */
    PERIOD,      /* whether the left part repeats at the period of the right one */
    RIGHT,       /* comparing from the cut to the end */
    LEFT,        /* and then from the cut back to what is known */
};

/* A step of the greatest suffix: i is one before it, j where it is compared, k how far, period its period. */
static void cut_step(struct interp_find *f, struct vk_span needle)
{
    uint8_t a = needle.ptr[f->j + f->k], b = needle.ptr[f->i + f->k];
    if (a == b) {
        bool is_whole = f->k == f->period;
        f->j += is_whole ? f->period : 0;
        f->k = is_whole ? 1 : f->k + 1;
        return;
    }
    if ((a < b) == (f->stage == CUT_LESS)) {
        f->j += f->k;
        f->k = 1;
        f->period = f->j - f->i;
        return;
    }
    f->i = f->j++;
    f->k = f->period = 1;
}

static void begin_cut(struct interp_find *f, enum stage stage)
{
    f->stage = (uint8_t)stage;
    f->i = SIZE_MAX; /* one before the needle */
    f->j = 0;
    f->k = 1;
    f->period = 1;
}

static void begin_place(struct interp_find *f, size_t at, size_t memory)
{
    f->at = at;
    f->memory = memory;
    f->i = f->critical > memory ? f->critical : memory;
    f->stage = RIGHT;
}

/* Both greatest suffixes. Keeps cut and period of the first in suffix and memory. */
static void cut(struct interp_find *f, struct vk_span needle, size_t *left)
{
    for (; *left > 0 && f->j + f->k < needle.len; *left -= 1)
        cut_step(f, needle);
    if (f->j + f->k < needle.len)
        return;
    if (f->stage == CUT_LESS) {
        f->suffix = f->i + 1;
        f->memory = f->period;
        begin_cut(f, CUT_GREATER);
        return;
    }
    f->critical = f->i + 1;
    if (f->critical < f->suffix) {
        f->critical = f->suffix;
        f->period = f->memory;
    }
    f->stage = PERIOD;
    f->i = 0;
}

static void compare_period(struct interp_find *f, struct vk_span needle, size_t *left)
{
    for (; *left > 0 && f->i < f->critical; *left -= 1, f->i++) {
        if (needle.ptr[f->i] != needle.ptr[f->i + f->period]) {
            size_t rest = needle.len - f->critical;
            f->period = (f->critical > rest ? f->critical : rest) + 1;
            begin_place(f, 0, 0);
            return;
        }
    }
    if (f->i == f->critical) {
        f->is_periodic = true;
        begin_place(f, 0, 0);
    }
}

/* Moves to the next place where the byte at the cut fits; the caller has seen that there is room for the
 * needle. */
static void skip(struct interp_find *f, struct vk_span text, struct vk_span needle, size_t *left)
{
    size_t places = text.len - needle.len - f->at + 1;
    places = places < *left ? places : *left;
    size_t count = vk_span_find(vk_span(text.ptr + f->at + f->critical, places), needle.ptr[f->critical]);
    f->at += count;
    *left -= count;
}

/* 0 when there is no more room for the needle. */
static int compare_right(struct interp_find *f, struct vk_span text, struct vk_span needle, size_t *left)
{
    if (f->memory == 0 && f->i == f->critical)
        skip(f, text, needle, left);
    if (text.len - needle.len < f->at)
        return 0;
    for (; *left > 0 && f->i < needle.len; *left -= 1, f->i++) {
        if (needle.ptr[f->i] != text.ptr[f->at + f->i]) {
            *left -= 1;
            begin_place(f, f->at + f->i - f->critical + 1, 0);
            return text.len - needle.len >= f->at;
        }
    }
    if (f->i == needle.len) {
        f->stage = LEFT;
        f->i = f->critical;
    }
    return 1;
}

/* True when all fits. i is one above the byte to compare. */
static bool compare_left(struct interp_find *f, struct vk_span text, struct vk_span needle, size_t *left)
{
    for (; *left > 0 && f->i > f->memory; *left -= 1, f->i--) {
        if (needle.ptr[f->i - 1] != text.ptr[f->at + f->i - 1]) {
            *left -= 1;
            begin_place(f, f->at + f->period, f->is_periodic ? needle.len - f->period : 0);
            return false;
        }
    }
    return f->i <= f->memory;
}

int interp_find(struct interp_find *find, struct vk_span text, struct vk_span needle, size_t bytes_max)
{
    size_t left = bytes_max;
    if (needle.len == 0)
        return 0;
    while (left > 0) {
        if (text.len < needle.len || text.len - needle.len < find->at)
            return -VK_ENOENT;
        switch (find->stage) {
        case BEGIN:
            begin_cut(find, CUT_LESS);
            break;
        case CUT_LESS:
        case CUT_GREATER:
            cut(find, needle, &left);
            break;
        case PERIOD:
            compare_period(find, needle, &left);
            break;
        case RIGHT:
            if (compare_right(find, text, needle, &left) == 0)
                return -VK_ENOENT;
            break;
        default:
            if (compare_left(find, text, needle, &left))
                return 0;
            break;
        }
    }
    return -VK_EAGAIN;
}

void interp_find_again(struct interp_find *find, struct vk_span needle)
{
    begin_place(find, find->at + needle.len, 0);
}

int interp_replace(struct interp_replace *replace, struct vk_span text, struct vk_span needle,
                   struct vk_span with, uint8_t *dst, size_t bytes_max)
{
    struct interp_pass *pass = &replace->pass;
    size_t in = pass->in, out = pass->out;
    for (;;) {
        int rc = needle.len > 0 ? interp_find(&replace->find, text, needle, bytes_max) : -VK_ENOENT;
        size_t until = rc == -VK_ENOENT ? interp_slice_end(text, pass->in, bytes_max) : replace->find.at;
        interp_pass_put(pass, dst, text.ptr + pass->in, until - pass->in);
        pass->in = until;
        if (rc == -VK_ENOENT)
            return interp_pass_stop(pass, text, until);
        if (rc == 0) {
            interp_pass_put(pass, dst, with.ptr, with.len);
            interp_find_again(&replace->find, needle);
            pass->in = replace->find.at;
        }
        if (rc != 0 || pass->out - out + (pass->in - in) >= bytes_max)
            return -VK_EAGAIN;
    }
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int interp_trim(struct vk_span text, size_t *start, size_t *end, size_t bytes_max)
{
    for (; bytes_max > 0; bytes_max--) {
        if (*start < *end && is_space(text.ptr[*start]))
            *start += 1;
        else if (*start < *end && is_space(text.ptr[*end - 1]))
            *end -= 1;
        else
            return 0;
    }
    return -VK_EAGAIN;
}

bool interp_cookie_next(struct vk_span *rest, struct vk_span *ret_name, struct vk_span *ret_value)
{
    while (rest->len > 0) {
        struct vk_span pair = vk_span(rest->ptr, vk_span_find(*rest, ';'));
        *rest = vk_span_skip(*rest, pair.len + (pair.len < rest->len));
        size_t name_len = vk_span_find(pair, '=');
        struct vk_span name = vk_span_trim(vk_span(pair.ptr, name_len));
        if (name_len == pair.len || name.len == 0)
            continue;
        struct vk_span value = vk_span_trim(vk_span_skip(pair, name_len + 1));
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = vk_span(value.ptr + 1, value.len - 2);
        *ret_name = name;
        *ret_value = value;
        return true;
    }
    return false;
}
