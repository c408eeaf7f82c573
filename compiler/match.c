/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the arms of a match cover every value, and which of them nothing
 * reaches: usefulness of a row of patterns, with a witness (Maranget, "Warnings
 * for pattern matching", 2007). A list is matched by its length: the lengths
 * 0 .. n that patterns mention, and "longer".
 */
#include "compiler/pass.h"

#define STEPS_MAX 200000u

struct row {
    struct vkc_pattern **cells; /* NULL: anything */
};

struct matrix {
    struct row *rows;
    uint32_t count, room;
    uint32_t width;
};

/* A way to build a value. */
struct ctor {
    enum vkc_pattern_kind kind;
    const struct vkc_symbol *symbol; /* VARIANT, RECORD */
    int64_t number;                  /* INT, DURATION, BOOL; LIST: its length */
    const struct vkc_pattern *text;  /* STR */
    uint32_t arity;
    uint32_t longest; /* LIST: patterns mention none longer; number == longest + 1 stands for all that are */
};

struct solver {
    struct vkc_pass *pass;
    struct vkc_arena arena;
    uint32_t steps;
};

static bool is_wild(const struct vkc_pattern *p)
{
    return p == NULL || p->kind == VKC_PATTERN_ANY || p->kind == VKC_PATTERN_BIND ||
           p->kind == VKC_PATTERN_BAD;
}

static void add_row(struct solver *s, struct matrix *m, struct row row)
{
    VKC_ADD(&s->arena, m->rows, m->count, m->room, row);
}

/* ---- constructors --------------------------------------------------------------------- */

static struct ctor ctor_of(const struct vkc_pattern *p, uint32_t longest)
{
    struct ctor c = {.kind = p->kind, .longest = longest};
    switch (p->kind) {
    case VKC_PATTERN_VARIANT:
    case VKC_PATTERN_RECORD:
        c.symbol = p->of.path.symbol;
        c.arity = c.symbol->slots_count;
        break;
    case VKC_PATTERN_STR:
        c.text = p;
        break;
    case VKC_PATTERN_LIST:
        c.number = p->list.items.count;
        c.arity = p->list.items.count;
        break;
    default:
        c.number = p->number;
        break;
    }
    return c;
}

/* Whether a pattern, not wild, takes values built so. */
static bool takes(const struct vkc_pattern *p, const struct ctor *c)
{
    if (p->kind != c->kind)
        return false;
    switch (p->kind) {
    case VKC_PATTERN_VARIANT:
    case VKC_PATTERN_RECORD:
        return p->of.path.symbol == c->symbol;
    case VKC_PATTERN_STR:
        return p->text.len_bytes == c->text->text.len_bytes &&
               memcmp(p->text.bytes, c->text->text.bytes, p->text.len_bytes) == 0;
    case VKC_PATTERN_LIST:
        return p->list.has_rest ? p->list.items.count <= c->number : p->list.items.count == c->number;
    default:
        return p->number == c->number;
    }
}

/* The row with its first cell replaced by what the constructor holds. */
static void specialize_row(struct solver *s, struct matrix *out, struct vkc_pattern **cells, uint32_t width,
                           const struct ctor *c)
{
    struct vkc_pattern *p = cells[0];
    if (p != NULL && p->kind == VKC_PATTERN_ALT) {
        for (uint32_t i = 0; i < p->alt.count; i++) {
            struct vkc_pattern **copy = VKC_NEW_ARRAY(&s->arena, struct vkc_pattern *, width);
            memcpy(copy, cells, width * sizeof *copy);
            copy[0] = p->alt.items[i];
            specialize_row(s, out, copy, width, c);
        }
        return;
    }
    if (!is_wild(p) && !takes(p, c))
        return;
    struct vkc_pattern **wide = VKC_NEW_ARRAY(&s->arena, struct vkc_pattern *, c->arity + width);
    if (!is_wild(p) && p->kind == VKC_PATTERN_LIST) {
        for (uint32_t i = 0; i < p->list.items.count; i++)
            wide[i] = p->list.items.items[i];
    } else if (!is_wild(p) && (p->kind == VKC_PATTERN_VARIANT || p->kind == VKC_PATTERN_RECORD)) {
        for (uint32_t i = 0; i < p->of.count; i++)
            wide[p->of.fields[i].index] = p->of.fields[i].pattern;
    }
    memcpy(wide + c->arity, cells + 1, (width - 1) * sizeof *wide);
    add_row(s, out, (struct row){wide});
}

static struct matrix specialize(struct solver *s, const struct matrix *m, const struct ctor *c)
{
    struct matrix out = {.width = m->width - 1 + c->arity};
    for (uint32_t i = 0; i < m->count; i++)
        specialize_row(s, &out, m->rows[i].cells, m->width, c);
    return out;
}

static void default_row(struct solver *s, struct matrix *out, struct vkc_pattern **cells)
{
    struct vkc_pattern *p = cells[0];
    if (p != NULL && p->kind == VKC_PATTERN_ALT) {
        for (uint32_t i = 0; i < p->alt.count; i++) {
            if (is_wild(p->alt.items[i])) {
                add_row(s, out, (struct row){cells + 1});
                return;
            }
        }
        return;
    }
    if (is_wild(p))
        add_row(s, out, (struct row){cells + 1});
}

static struct matrix without_first(struct solver *s, const struct matrix *m)
{
    struct matrix out = {.width = m->width - 1};
    for (uint32_t i = 0; i < m->count; i++)
        default_row(s, &out, m->rows[i].cells);
    return out;
}

/* ---- the constructors that a column mentions ---------------------------------------------- */

struct column {
    struct ctor *ctors; /* each once; of lists and of literals that have no end of others the first alone */
    uint32_t count, room;
    uint32_t longest;
};

/* Whether all constructors of a type may be mentioned: lengths of lists are enumerated instead. */
static bool is_finite(enum vkc_pattern_kind kind)
{
    return kind == VKC_PATTERN_VARIANT || kind == VKC_PATTERN_RECORD || kind == VKC_PATTERN_BOOL;
}

static void note_ctor(struct solver *s, struct column *column, const struct vkc_pattern *p)
{
    if (p != NULL && p->kind == VKC_PATTERN_ALT) {
        for (uint32_t i = 0; i < p->alt.count; i++)
            note_ctor(s, column, p->alt.items[i]);
        return;
    }
    if (is_wild(p))
        return;
    if (p->kind == VKC_PATTERN_LIST && p->list.items.count > column->longest)
        column->longest = p->list.items.count;
    if (column->count > 0 && !is_finite(p->kind))
        return;
    for (uint32_t i = 0; i < column->count; i++) {
        if (takes(p, &column->ctors[i]))
            return;
    }
    VKC_ADD(&s->arena, column->ctors, column->count, column->room, ctor_of(p, 0));
}

static struct column column_of(struct solver *s, const struct matrix *m, const struct vkc_pattern *also)
{
    struct column column = {0};
    for (uint32_t i = 0; i < m->count; i++)
        note_ctor(s, &column, m->rows[i].cells[0]);
    note_ctor(s, &column, also);
    return column;
}

static void add_ctor(struct solver *s, struct column *all, struct ctor c)
{
    VKC_ADD(&s->arena, all->ctors, all->count, all->room, c);
}

/* All constructors of the column's type, when those mentioned leave none to "anything else". */
static bool complete(struct solver *s, const struct column *column, struct column *all)
{
    *all = (struct column){0};
    if (column->count == 0)
        return false;
    const struct ctor *first = &column->ctors[0];
    switch (first->kind) {
    case VKC_PATTERN_VARIANT: {
        const struct vkc_symbol *of = first->symbol->outer;
        for (uint32_t i = 0; i < of->members_count; i++)
            add_ctor(s, all,
                     (struct ctor){.kind = VKC_PATTERN_VARIANT,
                                   .symbol = of->members[i],
                                   .arity = of->members[i]->slots_count});
        return column->count == of->members_count;
    }
    case VKC_PATTERN_RECORD:
        add_ctor(s, all, *first);
        return true;
    case VKC_PATTERN_BOOL:
        for (int64_t i = 0; i < 2; i++)
            add_ctor(s, all, (struct ctor){.kind = VKC_PATTERN_BOOL, .number = i});
        return column->count == 2;
    case VKC_PATTERN_LIST:
        for (uint32_t i = 0; i <= column->longest + 1; i++)
            add_ctor(
                s, all,
                (struct ctor){.kind = VKC_PATTERN_LIST, .number = i, .arity = i, .longest = column->longest});
        return true;
    default:
        return false;
    }
}

/* ---- witnesses ----------------------------------------------------------------------------- */

static const char *keep(struct solver *s, struct vkc_text *text)
{
    const char *kept = vkc_arena_text(&s->arena, text->bytes != NULL ? text->bytes : "", text->len);
    vkc_text_fini(text);
    return kept;
}

static const char *ctor_text(struct solver *s, const struct ctor *c, const char *const *parts)
{
    struct vkc_text text = {0};
    bool is_list = c->kind == VKC_PATTERN_LIST, is_record = c->kind == VKC_PATTERN_RECORD;
    if (c->kind == VKC_PATTERN_BOOL)
        vkc_text_put(&text, c->number ? "true" : "false");
    if (c->symbol != NULL && c->symbol->name != NULL)
        vkc_text_put(&text, c->symbol->name->text);
    if (is_list || c->arity > 0)
        vkc_text_put(&text, is_list ? "[" : is_record ? " { " : "(");
    for (uint32_t i = 0; i < c->arity; i++) {
        const struct vkc_name *name = is_record ? c->symbol->slots[i].name : NULL;
        vkc_text_print(&text, "%s%s%s%s", i > 0 ? ", " : "", name != NULL ? name->text : "",
                       name != NULL ? ": " : "", parts[i]);
    }
    if (is_list && c->number > c->longest)
        vkc_text_put(&text, ", ..");
    if (is_list || c->arity > 0)
        vkc_text_put(&text, is_list ? "]" : is_record ? " }" : ")");
    return keep(s, &text);
}

/* One that the column does not mention. */
static const char *other_text(struct solver *s, const struct column *column, const struct column *all)
{
    if (column->count == 0)
        return "_";
    for (uint32_t i = 0; i < all->count; i++) {
        uint32_t j = 0;
        while (j < column->count && (column->ctors[j].symbol != all->ctors[i].symbol ||
                                     column->ctors[j].number != all->ctors[i].number))
            j++;
        if (j < column->count)
            continue;
        const char *parts[VKC_FIELDS_MAX];
        for (uint32_t k = 0; k < all->ctors[i].arity && k < VKC_FIELDS_MAX; k++)
            parts[k] = "_";
        return ctor_text(s, &all->ctors[i], parts);
    }
    return "_";
}

/* Texts of values that no row takes, one a column; NULL: there is none. */
static const char **missing(struct solver *s, const struct matrix *m)
{
    if (++s->steps > STEPS_MAX)
        return NULL;
    if (m->width == 0)
        return m->count == 0 ? VKC_NEW_ARRAY(&s->arena, const char *, 1) : NULL;
    struct column column = column_of(s, m, NULL), all;
    if (complete(s, &column, &all)) {
        for (uint32_t i = 0; i < all.count; i++) {
            const struct ctor *c = &all.ctors[i];
            struct matrix inner = specialize(s, m, c);
            const char **texts = missing(s, &inner);
            if (texts == NULL)
                continue;
            const char **out = VKC_NEW_ARRAY(&s->arena, const char *, m->width);
            out[0] = ctor_text(s, c, texts);
            memcpy(out + 1, texts + c->arity, (m->width - 1) * sizeof *out);
            return out;
        }
        return NULL;
    }
    struct matrix rest = without_first(s, m);
    const char **texts = missing(s, &rest);
    if (texts == NULL)
        return NULL;
    const char **out = VKC_NEW_ARRAY(&s->arena, const char *, m->width);
    out[0] = other_text(s, &column, &all);
    memcpy(out + 1, texts, (m->width - 1) * sizeof *out);
    return out;
}

/* The constructors to look at for a pattern, which take all it does; false: none of the column's. */
static bool ctors_for(struct solver *s, const struct matrix *m, const struct vkc_pattern *p,
                      struct column *all)
{
    /* Any but a list's takes values built its own way alone: the column need not be read. */
    if (is_wild(p) || p->kind == VKC_PATTERN_LIST) {
        struct column column = column_of(s, m, p);
        return complete(s, &column, all);
    }
    *all = (struct column){0};
    add_ctor(s, all, ctor_of(p, 0));
    return true;
}

/* Whether some value is taken by the row and by none of the matrix. */
static bool useful(struct solver *s, const struct matrix *m, struct vkc_pattern **cells)
{
    if (++s->steps > STEPS_MAX)
        return true;
    if (m->width == 0)
        return m->count == 0;
    struct vkc_pattern *p = cells[0];
    if (p != NULL && p->kind == VKC_PATTERN_ALT) {
        for (uint32_t i = 0; i < p->alt.count; i++) {
            struct vkc_pattern **copy = VKC_NEW_ARRAY(&s->arena, struct vkc_pattern *, m->width);
            memcpy(copy, cells, m->width * sizeof *copy);
            copy[0] = p->alt.items[i];
            if (useful(s, m, copy))
                return true;
        }
        return false;
    }
    struct column all;
    if (!ctors_for(s, m, p, &all)) {
        struct matrix rest = without_first(s, m);
        return useful(s, &rest, cells + 1);
    }
    for (uint32_t i = 0; i < all.count; i++) {
        struct matrix one = {.width = m->width - 1 + all.ctors[i].arity};
        if (!is_wild(p) && !takes(p, &all.ctors[i]))
            continue;
        specialize_row(s, &one, cells, m->width, &all.ctors[i]);
        struct matrix inner = specialize(s, m, &all.ctors[i]);
        if (useful(s, &inner, one.rows[0].cells))
            return true;
    }
    return false;
}

/* ---- what it is asked ------------------------------------------------------------------------ */

/* Of patterns in which an error was told nothing more is said. */
static bool is_sound(const struct vkc_pattern *p)
{
    if (p->type != NULL && p->type->kind == VKC_TYPE_ERROR)
        return false;
    switch (p->kind) {
    case VKC_PATTERN_BAD:
        return false;
    case VKC_PATTERN_VARIANT:
    case VKC_PATTERN_RECORD:
        if (p->of.path.symbol == NULL || p->of.count > p->of.path.symbol->slots_count)
            return false;
        if (p->kind == VKC_PATTERN_VARIANT && p->of.count != p->of.path.symbol->slots_count)
            return false;
        for (uint32_t i = 0; i < p->of.count; i++) {
            if (!is_sound(p->of.fields[i].pattern))
                return false;
        }
        return true;
    case VKC_PATTERN_LIST:
        for (uint32_t i = 0; i < p->list.items.count; i++) {
            if (!is_sound(p->list.items.items[i]))
                return false;
        }
        return true;
    case VKC_PATTERN_ALT:
        for (uint32_t i = 0; i < p->alt.count; i++) {
            if (!is_sound(p->alt.items[i]))
                return false;
        }
        return true;
    default:
        return true;
    }
}

static void push_pattern(struct solver *s, struct matrix *m, struct vkc_pattern *pattern)
{
    struct vkc_pattern **cells = VKC_NEW_ARRAY(&s->arena, struct vkc_pattern *, 1);
    cells[0] = pattern;
    add_row(s, m, (struct row){cells});
}

bool vkc_match_useful(struct vkc_pass *pass, struct vkc_pattern *const *rows, uint32_t count,
                      struct vkc_pattern *pattern, struct vkc_type *type)
{
    struct solver s = {.pass = pass};
    struct matrix m = {.width = 1};
    (void)type;
    vkc_arena_init(&s.arena);
    for (uint32_t i = 0; i < count; i++)
        push_pattern(&s, &m, rows[i]);
    bool is_useful = useful(&s, &m, &pattern);
    vkc_arena_fini(&s.arena);
    return is_useful;
}

/* The same as useful(), giving back what it needed to answer. */
static bool answers(struct solver *s, const struct matrix *m, struct vkc_pattern *pattern)
{
    struct solver inner = {.pass = s->pass, .steps = s->steps};
    vkc_arena_init(&inner.arena);
    bool is_useful = useful(&inner, m, &pattern);
    s->steps = inner.steps;
    vkc_arena_fini(&inner.arena);
    return is_useful;
}

static void check_alternatives(struct solver *s, const struct matrix *above, struct vkc_pattern *pattern)
{
    struct matrix m = {.width = 1};
    for (uint32_t i = 0; i < above->count; i++)
        add_row(s, &m, above->rows[i]);
    for (uint32_t i = 0; i < pattern->alt.count; i++) {
        struct vkc_pattern *one = pattern->alt.items[i];
        if (!answers(s, &m, one))
            vkc_error(s->pass->diags, one->span,
                      "nothing reaches this alternative: those before it take all it would");
        push_pattern(s, &m, one);
    }
}

static void check_arm(struct solver *s, const struct matrix *m, const struct vkc_arm *arm)
{
    struct vkc_pattern *pattern = arm->pattern;
    if (!answers(s, m, pattern))
        vkc_error(s->pass->diags, pattern->span, "nothing reaches this arm: those above take all it would");
    else if (pattern->kind == VKC_PATTERN_ALT)
        check_alternatives(s, m, pattern);
}

void vkc_match_check(struct vkc_pass *pass, struct vkc_expr *match)
{
    struct solver s = {.pass = pass};
    struct matrix m = {.width = 1};
    const struct vkc_type *subject = vkc_type_find(match->match.subject->type);
    bool is_checked =
        subject->kind != VKC_TYPE_ERROR && subject->kind != VKC_TYPE_NEVER && match->match.count > 0;
    for (uint32_t i = 0; i < match->match.count; i++)
        is_checked = is_checked && is_sound(match->match.arms[i].pattern);
    if (!is_checked)
        return;
    vkc_arena_init(&s.arena);
    for (uint32_t i = 0; i < match->match.count; i++) {
        const struct vkc_arm *arm = &match->match.arms[i];
        check_arm(&s, &m, arm);
        if (arm->guard == NULL)
            push_pattern(&s, &m, arm->pattern);
    }
    const char **texts = missing(&s, &m);
    struct vkc_span head = {match->span.start, match->match.subject->span.end};
    if (texts != NULL) {
        struct vkc_diag *diag = vkc_error(pass->diags, head, "the match does not cover %s", texts[0]);
        if (strcmp(texts[0], "_") == 0)
            vkc_diag_help(pass->diags, diag, "an arm `_ => ...` takes the rest");
        else
            vkc_diag_help(pass->diags, diag, "add an arm `%s => ...`, or `_ => ...` for the rest", texts[0]);
    } else if (s.steps > STEPS_MAX) {
        vkc_error(pass->diags, head, "this match is too complex to check: split it");
    }
    vkc_arena_fini(&s.arena);
}
