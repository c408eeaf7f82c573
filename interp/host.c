/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions that the host supplies: linking, arguments, and what becomes of the result. */
#include "interp/host_impl.h"

#include "interp/text/utf8.h"
#include "vk/err.h"
#include "vk/fmt.h"

/* ---- arguments ------------------------------------------------------------------- */

static void mistake(struct interp_host_call *h, const char *what)
{
    if (!h->wrong)
        h->wrong = what;
}

/* A bit for each base that a reading function takes. */
enum {
    TAKES_INT = 1u << INTERP_HOST_INT | 1u << INTERP_HOST_DURATION | 1u << INTERP_HOST_BOOL,
    TAKES_FLOAT = 1u << INTERP_HOST_FLOAT,
    TAKES_TEXT = 1u << INTERP_HOST_STR | 1u << INTERP_HOST_BYTES,
    TAKES_ANY = ~0u >> 1,
};

/* The argument's word, when it is of one of the bases and a list or not; else NULL, and the call fails. */
static const union interp_word *word_of(struct interp_host_call *h, uint32_t index, uint32_t bases,
                                        bool is_list)
{
    const struct interp_signature *signature = &h->link->signature;
    if (VK_LIKELY(index < signature->count)) {
        uint8_t code = signature->params[index];
        if (VK_LIKELY((bases >> INTERP_HOST_BASE(code) & 1) && !(code & INTERP_HOST_LIST) == !is_list))
            return &h->call->args[h->link->places[index]];
    }
    mistake(h, "it asked for an argument that there is not, or that is of another type");
    return NULL;
}

/* What is in an Option; NULL: None. A scalar lies in a variant, whose tag its head counts. */
static const union interp_word *within(const struct interp_host_call *h, const union interp_word *word,
                                       uint8_t code)
{
    if (!(code & INTERP_HOST_OPTION))
        return word;
    if (interp_signature_is_ref(INTERP_HOST_BASE(code)))
        return word->u ? word : NULL;
    const struct interp_object *option = interp_object_at(h->call->run, (uint32_t)word->u);
    return option->count == 0 ? (const union interp_word *)(const void *)(option + 1) : NULL;
}

static const union interp_word *argument(struct interp_host_call *h, uint32_t index, uint32_t bases)
{
    const union interp_word *word = word_of(h, index, bases, false);
    return word ? within(h, word, h->link->signature.params[index]) : NULL;
}

bool interp_host_is_some(struct interp_host_call *h, uint32_t index)
{
    return argument(h, index, TAKES_ANY) != NULL;
}

/* To the verifier a Bool is any word: for the host it is 0 or 1. */
static int64_t int_in(const struct interp_host_call *h, uint32_t index, const union interp_word *word)
{
    bool is_bool = word && INTERP_HOST_BASE(h->link->signature.params[index]) == INTERP_HOST_BOOL;
    return !word ? 0 : is_bool ? word->i != 0 : word->i;
}

int64_t interp_host_int(struct interp_host_call *h, uint32_t index)
{
    return int_in(h, index, argument(h, index, TAKES_INT));
}

double interp_host_float(struct interp_host_call *h, uint32_t index)
{
    const union interp_word *word = argument(h, index, TAKES_FLOAT);
    return word ? word->f : 0;
}

struct vk_span interp_host_text(struct interp_host_call *h, uint32_t index)
{
    const union interp_word *word = argument(h, index, TAKES_TEXT);
    return word ? interp_text_at(h->call->run, word->u) : vk_span("", 0);
}

static const struct interp_list *list_of(struct interp_host_call *h, uint32_t index, uint32_t bases)
{
    const union interp_word *word = word_of(h, index, bases, true);
    return word ? (const void *)interp_read_at(h->call->run, (uint32_t)word->u) : NULL;
}

uint64_t interp_host_len(struct interp_host_call *h, uint32_t index)
{
    const struct interp_list *list = list_of(h, index, TAKES_ANY);
    return list ? list->len : 0;
}

static const union interp_word *item_of(struct interp_host_call *h, uint32_t index, uint64_t at,
                                        uint32_t bases)
{
    const struct interp_list *list = list_of(h, index, bases);
    if (list && at < list->len)
        return &list->items[at];
    mistake(h, "it asked for an item that a list has not");
    return NULL;
}

int64_t interp_host_int_at(struct interp_host_call *h, uint32_t index, uint64_t at)
{
    return int_in(h, index, item_of(h, index, at, TAKES_INT));
}

double interp_host_float_at(struct interp_host_call *h, uint32_t index, uint64_t at)
{
    const union interp_word *item = item_of(h, index, at, TAKES_FLOAT);
    return item ? item->f : 0;
}

struct vk_span interp_host_text_at(struct interp_host_call *h, uint32_t index, uint64_t at)
{
    const union interp_word *item = item_of(h, index, at, TAKES_TEXT);
    return item ? interp_text_at(h->call->run, item->u) : vk_span("", 0);
}

/* ---- failing ------------------------------------------------------------------------- */

int interp_host_fail(struct interp_host_call *h, struct vk_span why)
{
    size_t at = 0, len = why.len < INTERP_HOST_WORDS_MAX ? why.len : INTERP_HOST_WORDS_MAX;
    if (interp_utf8_check(&at, why, why.len + 1) != 0)
        len = at < len ? at : len; /* as far as it is text */
    while (len < why.len && len > 0 && !interp_utf8_is_boundary(why, len))
        len--;
    vk_copy(h->why, why.ptr, len);
    h->why_len = (uint8_t)len;
    h->is_failed = true;
    return -VK_EIO;
}

const char *interp_host_name(const struct interp_host_call *h)
{
    return h->link->name;
}

struct proc_self *interp_host_self(const struct interp_host_call *h)
{
    return interp_self(h->call->run);
}

static uint8_t *words_of(struct interp_host_call *h, struct vk_out *out, uint8_t *memory, size_t len)
{
    vk_out_init(out, memory, len);
    vk_out_fmt(out, "%s: ", h->link->name);
    return memory;
}

/* The process ends: "failed: price: no such item". */
static enum interp_say trap(struct interp_host_call *h, enum interp_trap kind, struct vk_span what)
{
    uint8_t memory[INTERP_HOST_WORDS_MAX + 80];
    struct vk_out out;
    (void)words_of(h, &out, memory, sizeof memory);
    vk_out_put(&out, what);
    struct interp_process *p = h->call->run->p;
    bool before = p->at_once;
    p->at_once = true; /* it is said once, and the function is not called again for the sake of that */
    enum interp_say say = interp_call_trap_text(h->call, kind, vk_out_span(&out));
    p->at_once = before;
    return say;
}

static struct vk_span why_of(struct interp_host_call *h, uint8_t *memory, size_t len)
{
    struct vk_out out;
    if (h->is_failed)
        return vk_span(h->why, h->why_len);
    vk_out_init(&out, memory, len);
    vk_out_fmt(&out, "error %d", h->said);
    return vk_out_span(&out);
}

/* ---- the result ------------------------------------------------------------------------- */

static const struct interp_type *variant_of(const struct interp_image *image, uint16_t type, uint32_t tag,
                                            uint16_t *ret_index)
{
    *ret_index = image->type_words[image->types[type].first + tag];
    return &image->types[*ret_index];
}

/* A variant with that payload, which is in roots[0] when it is a reference. 0: no room. */
static uint32_t wrap(struct interp_host_call *h, uint16_t type, uint32_t tag, union interp_word payload)
{
    struct interp_run *run = h->call->run;
    uint16_t index;
    const struct interp_type *variant = variant_of(run->image, type, tag, &index);
    uint32_t ref =
        interp_alloc_now(run, sizeof(struct interp_object) + 8 * (uint64_t)variant->count, index, tag);
    if (!ref)
        return 0;
    if (variant->refs)
        payload.u = run->p->roots[0];
    if (variant->count)
        memcpy(interp_write_at(run, ref) + sizeof(struct interp_object), &payload, sizeof payload);
    run->p->roots[0] = ref;
    return ref;
}

static enum interp_say no_room(struct interp_host_call *h)
{
    return interp_call_trap(h->call, INTERP_TRAP_MEMORY);
}

/* What was given as a value of that type; false: no room. */
static bool settle(struct interp_host_call *h, uint8_t code, uint16_t type)
{
    const struct interp_image *image = h->call->run->image;
    uint32_t *root = &h->call->run->p->roots[0];
    if (code == INTERP_HOST_NIL)
        h->value.u = 0;
    else if (type != 0 && image->types[type].kind == INTERP_KIND_ENUM)
        h->value.u = wrap(h, type, h->given == INTERP_HOST_GAVE_NONE, h->value);
    else if (h->given == INTERP_HOST_GAVE_NONE)
        h->value.u = *root = 0;
    else if (h->given == INTERP_HOST_GAVE_REF)
        h->value.u = *root;
    return type == 0 || image->types[type].kind != INTERP_KIND_ENUM || h->value.u != 0;
}

static enum interp_say give(struct interp_host_call *h)
{
    const struct interp_image *image = h->call->run->image;
    uint8_t code = h->link->signature.result;
    uint16_t type = h->call->type, of = type;
    if (type == INTERP_TYPE_NONE)
        return INTERP_DONE;
    if (code & INTERP_HOST_RESULT) {
        uint16_t index;
        of = image->type_words[variant_of(image, type, 0, &index)->first];
    }
    if (!settle(h, INTERP_HOST_WITHIN(code), of))
        return no_room(h);
    if (code & INTERP_HOST_RESULT)
        h->value.u = wrap(h, type, 0, h->value);
    h->call->result = h->value;
    return code & INTERP_HOST_RESULT && !h->value.u ? no_room(h) : INTERP_DONE;
}

static enum interp_say failed(struct interp_host_call *h)
{
    uint8_t memory[32];
    struct interp_run *run = h->call->run;
    struct vk_span why = why_of(h, memory, sizeof memory);
    if (!(h->link->signature.result & INTERP_HOST_RESULT))
        return trap(h, INTERP_TRAP_FAIL, why);
    run->p->roots[0] = 0;
    uint32_t text =
        interp_alloc_now(run, interp_text_bytes(why.len), interp_str_type(run), (uint32_t)why.len);
    if (!text)
        return no_room(h);
    if (why.len) /* an empty one may end where the objects do */
        memcpy(interp_write_at(run, interp_text_off(text)), why.ptr, why.len);
    run->p->roots[0] = text;
    h->call->result.u = wrap(h, h->call->type, 1, (union interp_word){.u = 0});
    return h->call->result.u ? INTERP_DONE : no_room(h);
}

static bool is_complete(const struct interp_host_call *h)
{
    return h->given != INTERP_HOST_GAVE_NOTHING ||
           INTERP_HOST_WITHIN(h->link->signature.result) == INTERP_HOST_NIL;
}

/* What most calls come to: nothing to tell, nothing to wrap. */
static bool is_simple(const struct interp_host_call *h)
{
    return h->link->is_plain && h->given != INTERP_HOST_GAVE_NOTHING && h->wrong == NULL &&
           !(h->is_failed | h->is_full) && h->said == 0;
}

static enum interp_say finish(struct interp_host_call *h)
{
    if (VK_LIKELY(is_simple(h))) {
        h->call->result.u = h->given == INTERP_HOST_GAVE_REF ? h->call->run->p->roots[0] : h->value.u;
        return INTERP_DONE;
    }
    if (VK_UNLIKELY(h->wrong != NULL))
        return trap(h, INTERP_TRAP_HOST, vk_span_text(h->wrong));
    if (VK_UNLIKELY(h->is_failed))
        return failed(h);
    if (VK_UNLIKELY(h->is_full))
        return no_room(h);
    if (VK_UNLIKELY(h->said != 0))
        return failed(h);
    if (VK_UNLIKELY(!is_complete(h)))
        return trap(h, INTERP_TRAP_HOST, VK_SPAN_LIT("it gave no result"));
    return give(h);
}

static void call_it(void *arg)
{
    struct interp_host_call *h = arg;
    h->said = h->link->fn(h->link->context, h);
}

static enum interp_say host_native(struct interp_call *call)
{
    const struct interp_host_link *link = call->host;
    struct interp_host_call h; /* the text of a failure is left as it is */
    h.call = call;
    h.link = link;
    h.wrong = NULL;
    h.given = INTERP_HOST_GAVE_NOTHING;
    h.is_failed = h.is_full = false;
    h.why_len = 0;
    h.value.u = 0;
    if (VK_UNLIKELY(!link->fn))
        return trap(&h, INTERP_TRAP_HOST,
                    VK_SPAN_LIT("there is no host here; in a test, give the function a body"));
    if (link->home)
        link->home(call_it, &h);
    else
        call_it(&h);
    enum interp_say say = finish(&h);
    call->run->p->roots[0] = 0;
    return say;
}

/* ---- linking -------------------------------------------------------------------------------- */

uint32_t interp_host_count(const struct interp_module *m)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->counts[INTERP_SECTION_NATIVES]; i++)
        count += m->natives[i].host != 0;
    return count;
}

static const struct interp_host_function *
find(const struct interp_module *m, const struct interp_import *import, const struct interp_hosts *hosts)
{
    struct vk_span name = vk_span_text(interp_module_name(m, import->name));
    for (uint32_t i = 0; hosts && i < hosts->count; i++)
        if (vk_span_equal(vk_span_text(hosts->functions[i].name), name))
            return &hosts->functions[i];
    return NULL;
}

interp_native_fn interp_host_link(const struct interp_module *m, const struct interp_import *import,
                                  const struct interp_hosts *hosts, struct interp_host_link *ret_link,
                                  const char **ret_why)
{
    const struct interp_host_function *found = find(m, import, hosts);
    struct interp_host_link link = {.name = interp_module_name(m, import->name)};
    uint8_t refs = 0, scalars = (uint8_t)m->types[import->signature].refs;
    bool is_read = interp_signature_read(vk_span_text(interp_module_name(m, import->host)), &link.signature);
    vk_assert(is_read); /* by the verifier */
    *ret_why = "the module needs a function that the host does not have";
    if (!found && !(hosts && hosts->is_late))
        return NULL;
    *ret_why = "the host's function has another signature";
    if (found && !interp_signature_is_equal(&found->signature, &link.signature))
        return NULL;
    link.is_plain = !(link.signature.result & (INTERP_HOST_RESULT | INTERP_HOST_OPTION)) &&
                    INTERP_HOST_BASE(link.signature.result) != INTERP_HOST_NIL;
    for (uint32_t i = 0; i < link.signature.count; i++)
        link.places[i] = interp_signature_is_ref(link.signature.params[i]) ? refs++ : scalars++;
    if (found) {
        link.fn = found->fn;
        link.context = found->context;
        link.home = hosts->home;
    }
    *ret_link = link;
    return host_native;
}

bool interp_host_explain(const struct interp_module *m, const struct interp_hosts *hosts, uint32_t at,
                         struct vk_out *out)
{
    if (at >= m->counts[INTERP_SECTION_NATIVES] || m->natives[at].host == 0)
        return false;
    const struct interp_import *import = &m->natives[at];
    const struct interp_host_function *found = find(m, import, hosts);
    const char *name = interp_module_name(m, import->name), *text = interp_module_name(m, import->host);
    if (found)
        vk_out_fmt(out, "it declares the host function %s as %s, and the host has it as %s", name, text,
                   found->text);
    else
        vk_out_fmt(out, "it needs the host function %s, %s, and there is none", name, text);
    return true;
}
