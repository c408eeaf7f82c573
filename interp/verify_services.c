/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SERVICES section: every array lies inside it, they are no longer than it
 * together, and every function it names exists and takes and gives what its
 * place asks for, so that whoever hosts a program may read the section as it is.
 */
#include "interp/signature.h"
#include "interp/verify_impl.h"
#include "vk/limits.h"
#include "vk/pool.h"

/*
 * Whether an array of elements of that size lies in the section; they are
 * aligned to 8 in it. All together have room there too: arrays that share
 * elements could take their product to check.
 */
static bool check_array(struct verify *v, const struct interp_array *array, size_t size)
{
    uint32_t end = verify_count(v, INTERP_SECTION_SERVICES);
    if (array->first % 8 || array->first > end || array->count > (end - array->first) / size)
        return verify_refuse(v, "an array of the services lies outside their section");
    if (array->count > v->services_left / size)
        return verify_refuse(v, "arrays of the services overlap");
    v->services_left -= array->count * (uint32_t)size;
    return true;
}

static const void *entry_of(const struct verify *v, const struct interp_array *array, uint32_t index,
                            size_t size)
{
    return v->m->services + array->first + index * size;
}

static bool check_name(struct verify *v, uint32_t name)
{
    if (name >= verify_count(v, INTERP_SECTION_NAMES))
        return verify_refuse(v, "a name of the services lies outside the names");
    return true;
}

/* A function of the services: its signature; NULL: refused. */
static const struct interp_type *signature_of(struct verify *v, uint32_t function)
{
    if (function >= verify_count(v, INTERP_SECTION_FUNCTIONS)) {
        verify_refuse(v, "a function of the services does not exist");
        return NULL;
    }
    return &v->m->types[v->m->functions[function].signature];
}

/* A function without parameters; gives: its result, INTERP_TYPE_NONE for nothing. */
static bool check_root(struct verify *v, uint32_t function, uint16_t gives)
{
    const struct interp_type *signature = signature_of(v, function);
    if (!signature)
        return false;
    if (signature->count != 0 || signature->of != gives)
        return verify_refuse(v, "a function of the services takes or gives something else");
    return true;
}

static bool check_let(struct verify *v, const struct interp_let *let)
{
    uint32_t constants = verify_count(v, let->is_ref ? INTERP_SECTION_REFS : INTERP_SECTION_CONSTANTS);
    if (!check_name(v, let->name))
        return false;
    if (let->is_ref > 1 || let->constant >= constants)
        return verify_refuse(v, "a top-level value of a constant that does not exist");
    if (!let->is_ref)
        return check_root(v, let->function, 0);
    const struct interp_ref *ref = &v->m->refs[let->constant];
    if (!ref->late)
        return verify_refuse(v, "a top-level value of a constant that is not late");
    return check_root(v, let->function, ref->type);
}

static bool check_test(struct verify *v, const struct interp_test *test)
{
    return check_name(v, test->name) && check_root(v, test->function, INTERP_TYPE_NONE);
}

static bool check_block(struct verify *v, const struct interp_block *block)
{
    if (!check_name(v, block->address) || !check_array(v, &block->routes, sizeof(struct interp_route)))
        return false;
    if (block->port > 65535)
        return verify_refuse(v, "a port above 65535");
    if (block->crash != INTERP_NOWHERE && !check_root(v, block->crash, INTERP_TYPE_NONE))
        return false;
    for (uint32_t i = 0; i < block->routes.count; i++) {
        const struct interp_route *route = entry_of(v, &block->routes, i, sizeof *route);
        if (!check_name(v, route->pattern) || !check_root(v, route->function, INTERP_TYPE_NONE))
            return false;
    }
    return true;
}

static bool check_lets(struct verify *v, const struct interp_services *s, uint32_t *ret_at)
{
    if (!check_array(v, &s->lets, sizeof(struct interp_let)))
        return false;
    for (uint32_t i = 0; i < s->lets.count; i++) {
        *ret_at = i;
        if (!check_let(v, entry_of(v, &s->lets, i, sizeof(struct interp_let))))
            return false;
    }
    return true;
}

static bool check_tests(struct verify *v, const struct interp_services *s, uint32_t *ret_at)
{
    if (!check_array(v, &s->tests, sizeof(struct interp_test)))
        return false;
    for (uint32_t i = 0; i < s->tests.count; i++) {
        *ret_at = i;
        if (!check_test(v, entry_of(v, &s->tests, i, sizeof(struct interp_test))))
            return false;
    }
    return true;
}

static bool check_blocks(struct verify *v, const struct interp_services *s, uint32_t *ret_at)
{
    if (!check_array(v, &s->blocks, sizeof(struct interp_block)))
        return false;
    for (uint32_t i = 0; i < s->blocks.count; i++) {
        *ret_at = i;
        if (!check_block(v, entry_of(v, &s->blocks, i, sizeof(struct interp_block))))
            return false;
    }
    return true;
}

static bool check_actor(struct verify *v, const struct interp_actor *actor)
{
    if (!check_name(v, actor->name) || !check_root(v, actor->function, INTERP_TYPE_NONE) ||
        !check_array(v, &actor->methods, sizeof(struct interp_method)))
        return false;
    if (actor->timers > INTERP_TIMERS_MAX || actor->methods.count > INTERP_ACTORS_MAX)
        return verify_refuse(v, "an actor with too many timers or methods");
    if (vk_pool_class_for(actor->heap_bytes) == VK_SLOT_CLASSES)
        return verify_refuse(v, "an actor's heap of more than 256 MiB");
    for (uint32_t i = 0; i < actor->methods.count; i++) {
        const struct interp_method *method = entry_of(v, &actor->methods, i, sizeof *method);
        if (!check_name(v, method->name))
            return false;
    }
    return true;
}

static bool check_actors(struct verify *v, const struct interp_services *s, uint32_t *ret_at)
{
    if (!check_array(v, &s->actors, sizeof(struct interp_actor)))
        return false;
    if (s->actors.count > INTERP_ACTORS_MAX)
        return verify_refuse(v, "too many actors");
    for (uint32_t i = 0; i < s->actors.count; i++) {
        *ret_at = i;
        if (!check_actor(v, entry_of(v, &s->actors, i, sizeof(struct interp_actor))))
            return false;
    }
    return true;
}

static bool check_supervisor(struct verify *v, const struct interp_services *s,
                             const struct interp_supervisor *supervisor)
{
    if (!check_array(v, &supervisor->children, sizeof(struct interp_child)))
        return false;
    if (supervisor->children.count == 0 || supervisor->children.count > PROC_CHILDREN_MAX)
        return verify_refuse(v, "a supervisor of no actor, or of too many");
    if (supervisor->strategy > INTERP_STRATEGY_ALL || supervisor->max > PROC_RESTARTS_MAX)
        return verify_refuse(v, "a supervisor of an unknown strategy, or with too many restarts");
    for (uint32_t i = 0; i < supervisor->children.count; i++) {
        const struct interp_child *child = entry_of(v, &supervisor->children, i, sizeof *child);
        if (!check_name(v, child->name) || !check_root(v, child->function, INTERP_TYPE_NONE))
            return false;
        if (child->actor >= s->actors.count)
            return verify_refuse(v, "a supervised actor that does not exist");
    }
    return true;
}

static bool check_supervisors(struct verify *v, const struct interp_services *s, uint32_t *ret_at)
{
    if (!check_array(v, &s->supervisors, sizeof(struct interp_supervisor)))
        return false;
    for (uint32_t i = 0; i < s->supervisors.count; i++) {
        *ret_at = i;
        if (!check_supervisor(v, s, entry_of(v, &s->supervisors, i, sizeof(struct interp_supervisor))))
            return false;
    }
    return true;
}

static bool check_store(struct verify *v, const struct interp_store *store)
{
    if (!check_name(v, store->name))
        return false;
    if (store->entries == 0 || store->entries > INTERP_STORE_ENTRIES_MAX)
        return verify_refuse(v, "a store of no entries, or of too many");
    if (store->bytes < INTERP_STORE_BYTES_MIN || store->bytes > INTERP_STORE_BYTES_MAX)
        return verify_refuse(v, "a store of too few bytes, or of too many");
    return true;
}

static bool check_stores(struct verify *v, const struct interp_services *s, uint32_t *ret_at)
{
    if (!check_array(v, &s->stores, sizeof(struct interp_store)))
        return false;
    if (s->stores.count > INTERP_STORES_MAX)
        return verify_refuse(v, "too many stores");
    for (uint32_t i = 0; i < s->stores.count; i++) {
        *ret_at = i;
        if (!check_store(v, entry_of(v, &s->stores, i, sizeof(struct interp_store))))
            return false;
    }
    return true;
}

static bool check_export(struct verify *v, const struct interp_export *export)
{
    struct interp_signature signature;
    if (!check_name(v, export->name) || !check_name(v, export->signature) ||
        !signature_of(v, export->function))
        return false;
    if (!interp_signature_read(vk_span_text(v->m->names + export->signature), &signature))
        return verify_refuse(v, "the signature of a function for the host is none");
    if (!interp_signature_fits(v->m, &signature, v->m->functions[export->function].signature))
        return verify_refuse(v, "the signature of a function for the host is not that of its type");
    return true;
}

static bool check_exports(struct verify *v, const struct interp_services *s, uint32_t *ret_at)
{
    if (!check_array(v, &s->exports, sizeof(struct interp_export)))
        return false;
    for (uint32_t i = 0; i < s->exports.count; i++) {
        *ret_at = i;
        if (!check_export(v, entry_of(v, &s->exports, i, sizeof(struct interp_export))))
            return false;
    }
    return true;
}

bool interp_verify_services(struct verify *v, uint32_t *ret_at)
{
    const struct interp_services *s = (const void *)v->m->services;
    *ret_at = 0;
    if (verify_count(v, INTERP_SECTION_SERVICES) == 0)
        return true;
    if (verify_count(v, INTERP_SECTION_SERVICES) < sizeof *s)
        return verify_refuse(v, "the services are shorter than their head");
    v->services_left = verify_count(v, INTERP_SECTION_SERVICES) - (uint32_t)sizeof *s;
    return check_name(v, s->name) && check_lets(v, s, ret_at) && check_tests(v, s, ret_at) &&
           check_blocks(v, s, ret_at) && check_actors(v, s, ret_at) && check_supervisors(v, s, ret_at) &&
           check_stores(v, s, ret_at) && check_exports(v, s, ret_at);
}
