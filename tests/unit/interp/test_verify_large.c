/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: as much as the format allows is taken, and one more is refused.
 * Method: a small module whose tables are replaced by large ones, laid out
 * here; where the count alone is looked at, only that is changed.
 */
#include "interp/verify.h"
#include "tests/interp/vm.h"
#include "tests/unit/test.h"
#include "vk/err.h"

static struct vm vm;
static _Alignas(8) uint8_t large[(INTERP_FUNCTIONS_MAX + 1) * sizeof(struct interp_function)];
static uint32_t code[2 * (INTERP_FUNCTIONS_MAX + 1)];

static const struct interp_module *small(void)
{
    CHECK_EQ(vm_load(&vm, "type F fn > none\nfunc main F 0\n RET\nend\n"), 0);
    return &vm.module;
}

static void check(const struct interp_module *module, const char *why)
{
    int rc = interp_verify(module, vm.scratch, &vm.refusal);
    if (!why) {
        if (rc)
            test_fail("refused", vm.refusal.why, "");
        return;
    }
    CHECK_EQ(rc, -VK_EMALFORMED);
    if (!vk_span_equal(vk_span_text(vm.refusal.why), vk_span_text(why)))
        test_fail(why, "is refused otherwise: ", vm.refusal.why);
}

static void check_count(enum interp_section section, uint32_t count, const char *why)
{
    struct interp_module module = *small();
    module.counts[section] = count;
    check(&module, why);
}

TEST(interp_verify_large, counts_past_the_most)
{
    check_count(INTERP_SECTION_TYPES, 0, "type 0 is not the scalar");
    check_count(INTERP_SECTION_TYPES, INTERP_TYPES_MAX + 1, "too many types");
    check_count(INTERP_SECTION_CODE, INTERP_CODE_WORDS_MAX + 1, "too many functions or instructions");
    check_count(INTERP_SECTION_DATA, INTERP_DATA_MAX_BYTES + 8,
                "the constant objects are no multiple of 8 bytes, or too many");
}

TEST(interp_verify_large, as_many_types_as_there_may_be)
{
    struct interp_module module = *small();
    struct interp_type *types = (void *)large;
    memset(large, 0, sizeof large);
    memcpy(types, module.types, module.counts[INTERP_SECTION_TYPES] * sizeof *types);
    for (uint32_t i = module.counts[INTERP_SECTION_TYPES]; i < INTERP_TYPES_MAX; i++)
        types[i].kind = INTERP_KIND_HANDLE;
    module.types = types;
    module.counts[INTERP_SECTION_TYPES] = INTERP_TYPES_MAX;
    check(&module, NULL);
}

TEST(interp_verify_large, as_many_functions_as_there_may_be)
{
    struct interp_module module = *small();
    struct interp_function *functions = (void *)large;
    for (uint32_t i = 0; i <= INTERP_FUNCTIONS_MAX; i++) {
        functions[i] = module.functions[0];
        functions[i].code = 2 * i + 1;
        code[2 * i] = module.code[0];
        code[2 * i + 1] = module.code[1];
    }
    module.functions = functions;
    module.code = code;
    module.counts[INTERP_SECTION_CODE] = VK_COUNT(code);
    module.counts[INTERP_SECTION_FUNCTIONS] = INTERP_FUNCTIONS_MAX;
    check(&module, NULL);
    module.counts[INTERP_SECTION_FUNCTIONS]++;
    check(&module, "too many functions or instructions");
}

/* Entries that are all zero: without a name, of function 0, of nothing. */
static struct interp_module module_with(struct interp_array *array_in_head, uint32_t count, uint32_t size)
{
    struct interp_module module = *small();
    *array_in_head = (struct interp_array){sizeof(struct interp_services), count};
    module.services = large;
    module.counts[INTERP_SECTION_SERVICES] = (uint32_t)sizeof(struct interp_services) + count * size;
    return module;
}

TEST(interp_verify_large, as_many_actors_and_methods_as_there_may_be)
{
    struct interp_services *head = (void *)large;
    struct interp_actor *actor = (void *)(head + 1);
    memset(large, 0, sizeof large);
    for (uint32_t over = 0; over <= 1; over++) {
        struct interp_module module = module_with(&head->actors, INTERP_ACTORS_MAX + over, sizeof *actor);
        check(&module, over ? "too many actors" : NULL);
    }
    for (uint32_t over = 0; over <= 1; over++) {
        struct interp_module module = module_with(&head->actors, 1, sizeof *actor);
        uint32_t count = INTERP_ACTORS_MAX + over;
        actor->methods = (struct interp_array){sizeof *head + sizeof *actor, count};
        module.counts[INTERP_SECTION_SERVICES] += count * (uint32_t)sizeof(struct interp_method);
        check(&module, over ? "an actor with too many timers or methods" : NULL);
    }
}
