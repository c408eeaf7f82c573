/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Natives that search texts, and what is made of what they find. Searches and
 * their results take turns: the search is kept in work[], the list or text
 * under way in roots[0], a piece that is being copied in roots[1].
 */
#include "interp/natives_impl.h"
#include "interp/text/find.h"
#include "interp/text/utf8.h"

enum step { FIRST, SEARCHES, MAKES };

/* What is kept of a native under way; it fits into work[]. */
struct search {
    struct interp_find find;
    size_t from;    /* of the piece that comes next */
    uint64_t count; /* pieces found while counting */
    size_t copied;  /* bytes of the piece in roots[1] that are there */
    size_t piece;   /* where that one begins */
};
_Static_assert(sizeof(struct search) <= sizeof(((struct interp_process *)NULL)->work), "kept over turns");
_Static_assert(sizeof(struct interp_replace) <= sizeof(((struct interp_process *)NULL)->work), "likewise");

static void *kept(const struct interp_call *call)
{
    return call->run->p->work;
}

static enum interp_say again(struct interp_call *call, enum step step)
{
    call->step = step;
    return INTERP_AGAIN;
}

/* ---- places --------------------------------------------------------------------- */

/* The index of the second text in the first, or -1. */
enum interp_say interp_text_find(struct interp_call *call)
{
    struct interp_find *find = kept(call);
    size_t turn = interp_call_turn(call);
    if (call->step == FIRST)
        *find = (struct interp_find){0};
    struct vk_span text = interp_call_text(call, 0);
    size_t begun = find->at;
    int rc = interp_find(find, text, interp_call_text(call, 1), turn);
    interp_call_charge(call, rc == -VK_EAGAIN ? turn : (find->at < text.len ? find->at : text.len) - begun);
    if (rc == -VK_EAGAIN)
        return again(call, SEARCHES);
    call->result.i = rc ? -1 : (int64_t)find->at;
    return INTERP_DONE;
}

/* A turn's part of the comparison; work[0] is how far it is. */
static enum interp_say is_part(struct interp_call *call, bool at_end)
{
    struct vk_span text = interp_call_text(call, 0), what = interp_call_text(call, 1);
    uint64_t *at = call->run->p->work, turn = interp_call_turn(call);
    call->result.u = false;
    if (what.len > text.len)
        return INTERP_DONE;
    if (call->step == 0)
        *at = 0;
    size_t left = what.len - *at, n = left < turn ? left : turn, skip = at_end ? text.len - what.len : 0;
    interp_call_charge(call, n);
    if (n > 0 && memcmp(text.ptr + skip + *at, what.ptr + *at, n) != 0)
        return INTERP_DONE;
    *at += n;
    call->step = 1;
    call->result.u = n == left;
    return n == left ? INTERP_DONE : INTERP_AGAIN;
}

enum interp_say interp_str_starts_with(struct interp_call *call)
{
    return is_part(call, false);
}

enum interp_say interp_str_ends_with(struct interp_call *call)
{
    return is_part(call, true);
}

/* ---- replacing -------------------------------------------------------------------- */

/* A turn's part, measured or written. */
static int replaced(struct interp_call *call, uint8_t *dst)
{
    struct interp_replace *replace = kept(call);
    size_t begun = replace->pass.in, turn = interp_call_turn(call);
    int rc = interp_replace(replace, interp_call_text(call, 0), interp_call_text(call, 1),
                            interp_call_text(call, 2), dst, turn);
    interp_call_charge(call, rc ? turn : replace->pass.in - begun + 63);
    return rc;
}

enum interp_say interp_str_replace(struct interp_call *call)
{
    struct interp_run *run = call->run;
    struct interp_replace *replace = kept(call);
    if (call->step == FIRST)
        *replace = (struct interp_replace){0};
    if (call->step != MAKES) {
        if (replaced(call, NULL))
            return again(call, SEARCHES);
        uint64_t len = replace->pass.out;
        uint32_t ref = len > UINT32_MAX
                           ? 0
                           : interp_alloc(run, interp_text_bytes(len), interp_str_type(run), (uint32_t)len);
        if (!ref)
            return interp_call_trap(call, INTERP_TRAP_MEMORY);
        run->p->roots[0] = ref;
        *replace = (struct interp_replace){0};
    }
    if (replaced(call, run->heap + interp_text_off(run->p->roots[0])))
        return again(call, MAKES);
    call->result.u = run->p->roots[0];
    run->p->roots[0] = 0;
    return INTERP_DONE;
}

/* ---- pieces ------------------------------------------------------------------------- */

enum by { BY_TEXT, BY_LINE, BY_CHAR };

static struct vk_span separator(const struct interp_call *call, enum by by)
{
    return by == BY_TEXT ? interp_call_text(call, 1) : VK_SPAN_LIT("\n");
}

/*
 * The piece that begins at s->from: its end in *ret_end; s->from is behind it
 * and its separator then, and beyond the text's end after the last one.
 * Returns 0; -VK_EAGAIN; -VK_ENOENT when there is none.
 */
static int next_piece(struct interp_call *call, struct search *s, enum by by, size_t *left, size_t *ret_end)
{
    struct vk_span text = interp_call_text(call, 0), needle = separator(call, by);
    size_t begun = s->from, at = s->from;
    if (s->from > text.len || (s->from == text.len && by != BY_TEXT))
        return -VK_ENOENT;
    if (by == BY_CHAR) {
        (void)interp_utf8_next(text, &at);
        *ret_end = s->from = at;
        *left -= *left < 16 ? *left : 16;
        return 0;
    }
    int rc = interp_find(&s->find, text, needle, *left);
    if (rc == -VK_EAGAIN) {
        *left = 0;
        return rc;
    }
    *ret_end = rc ? text.len : s->find.at;
    s->from = rc ? text.len + 1 : s->find.at + needle.len;
    if (!rc)
        interp_find_again(&s->find, needle);
    if (by == BY_LINE && *ret_end > begun && text.ptr[*ret_end - 1] == '\r')
        *ret_end -= 1;
    size_t cost = *ret_end - begun + 16;
    *left -= *left < cost ? *left : cost;
    return 0;
}

/* A Str of that piece at the list's end, its bytes still to be copied; false: out of memory. */
static bool add_piece(struct interp_call *call, struct search *s, size_t from, size_t end)
{
    struct interp_run *run = call->run;
    uint32_t len = (uint32_t)(end - from);
    uint32_t ref = interp_alloc(run, interp_text_bytes(len), interp_str_type(run), len);
    if (!ref)
        return false;
    struct interp_list *list = (void *)interp_write_at(run, run->p->roots[0]);
    list->items[list->len++].u = ref;
    run->p->roots[1] = ref;
    s->piece = from;
    s->copied = 0;
    return true;
}

/* The rest of the piece under way; false when the turn ends before it does. */
static bool copy_piece(struct interp_call *call, struct search *s, size_t *left)
{
    struct interp_run *run = call->run;
    uint32_t ref = run->p->roots[1];
    if (!ref)
        return true;
    size_t rest = interp_text(run, ref).len - s->copied, count = rest < *left ? rest : *left;
    vk_copy(run->heap + interp_text_off(ref) + s->copied,
            interp_call_text(call, 0).ptr + s->piece + s->copied, count);
    s->copied += count;
    *left -= count;
    if (count < rest)
        return false;
    run->p->roots[1] = 0;
    return true;
}

static int count_pieces(struct interp_call *call, struct search *s, enum by by, size_t *left)
{
    size_t end;
    int rc = 0;
    while (rc == 0 && *left > 0) {
        rc = next_piece(call, s, by, left, &end);
        s->count += rc == 0;
    }
    return rc == 0 ? -VK_EAGAIN : rc;
}

static int make_pieces(struct interp_call *call, struct search *s, enum by by, size_t *left)
{
    size_t end;
    while (*left > 0) {
        if (!copy_piece(call, s, left))
            return -VK_EAGAIN;
        const struct search before = *s;
        int rc = next_piece(call, s, by, left, &end);
        if (rc)
            return rc;
        if (!add_piece(call, s, before.from, end)) {
            *s = before; /* this piece again, after the collection */
            return -VK_ENOMEM;
        }
    }
    return -VK_EAGAIN;
}

static bool make_list(struct interp_call *call, struct search *s)
{
    struct interp_run *run = call->run;
    uint64_t bytes = interp_list_bytes(s->count);
    uint32_t ref = bytes > UINT32_MAX ? 0 : interp_alloc(run, bytes, call->type, (uint32_t)s->count);
    if (!ref)
        return false;
    ((struct interp_list *)(void *)interp_write_at(run, ref))->len = 0;
    run->p->roots[0] = ref;
    run->p->roots[1] = 0;
    *s = (struct search){0};
    return true;
}

/* Counted first, so that the list is made once, of the right room. */
static enum interp_say pieces(struct interp_call *call, enum by by)
{
    struct search *s = kept(call);
    size_t turn = interp_call_turn(call), left = turn;
    int rc = -VK_ENOENT;
    if (call->step == FIRST)
        *s = (struct search){0};
    if (call->step != MAKES) {
        rc = count_pieces(call, s, by, &left);
        if (rc == -VK_ENOENT && !make_list(call, s))
            return interp_call_trap(call, INTERP_TRAP_MEMORY);
        call->step = rc == -VK_ENOENT ? MAKES : SEARCHES;
    }
    if (call->step == MAKES)
        rc = make_pieces(call, s, by, &left);
    interp_call_charge(call, turn - left + 63);
    if (rc == -VK_EAGAIN)
        return INTERP_AGAIN;
    if (rc == -VK_ENOMEM) {
        interp_call_restart(call, MAKES);
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    }
    call->result.u = call->run->p->roots[0];
    call->run->p->roots[0] = 0;
    return INTERP_DONE;
}

/* By an empty text: into characters. */
enum interp_say interp_str_split(struct interp_call *call)
{
    return pieces(call, interp_call_text(call, 1).len ? BY_TEXT : BY_CHAR);
}

enum interp_say interp_str_lines(struct interp_call *call)
{
    return pieces(call, BY_LINE);
}

enum interp_say interp_str_chars(struct interp_call *call)
{
    return pieces(call, BY_CHAR);
}
