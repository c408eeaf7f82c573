/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what checking hands to lowering is right: solved types, owners of
 * lists, captures, instances, waits. Method: small programs; the places where
 * SHARE is to be emitted are printed as "line:column", in order of the tree.
 */
#include "compiler/walk.h"

#include "tests/unit/test.h"

#include <stdio.h>

static struct vkc_program program;
static struct vkc_text out;

static struct vkc_checked *check(const char *text)
{
    vkc_program_init(&program);
    struct vkc_source *source = vkc_source_add(&program.sources, "t.vk", text, strlen(text));
    CHECK(source != NULL);
    (void)vkc_program_parse(&program, source); /* kept in the program */
    struct vkc_checked *checked = vkc_analyse(&program, NULL, NULL);
    if (program.diags.errors > 0) {
        vkc_diags_print(&program.diags, false, &out);
        fprintf(stderr, "%s", out.bytes);
    }
    CHECK(program.diags.errors == 0);
    return checked;
}

static void done(void)
{
    vkc_text_fini(&out);
    vkc_program_fini(&program);
}

static const struct vkc_body *body_of(const struct vkc_checked *checked, const char *name)
{
    for (uint32_t i = 0; i < checked->bodies_count; i++) {
        const struct vkc_body *body = checked->bodies[i];
        if (body->outer == NULL && body->symbol != NULL && vkc_name_is(body->symbol->name, name))
            return body;
    }
    CHECK(false);
    return NULL;
}

static bool note_shares(const struct vkc_expr *expr, const void *context)
{
    (void)context;
    struct vkc_place place = vkc_source_place(&program.sources, expr->span.start);
    if (expr->shares)
        vkc_text_print(&out, "%u:%u ", place.line, place.column);
    return false;
}

/* Where the function `f` of a program makes second owners. */
static bool shares(const char *text, const char *wanted)
{
    const struct vkc_seek seek = {note_shares, NULL, NULL};
    (void)vkc_any(body_of(check(text), "f")->code, &seek); /* prints */
    bool is_same = strcmp(out.bytes != NULL ? out.bytes : "", wanted) == 0;
    if (!is_same)
        fprintf(stderr, "%s: shares at %s\n", text, out.bytes != NULL ? out.bytes : "none");
    done();
    return is_same;
}

TEST(compiler_owner, last_use_moves)
{
    CHECK(shares("fn f() -> List<Int> {\n  let a = [1]\n  var b = a\n  b.push(2)\n  b\n}\n", ""));
    CHECK(shares("fn f() -> Int {\n  let a = [1]\n  var b = a\n  b.push(2)\n  a.len\n}\n", "3:11 "));
}

TEST(compiler_owner, accumulator_in_a_loop_moves)
{
    CHECK(shares(
        "fn add(xs: List<Int>, n: Int) -> List<Int> {\n  var a = xs\n  a.push(n)\n  a\n}\n"
        "fn f() -> List<Int> {\n  var all: List<Int> = []\n  for i in 0..9 { all = add(all, i) }\n  all\n}\n",
        ""));
    CHECK(shares(
        "fn add(xs: List<Int>, n: Int) -> List<Int> {\n  var a = xs\n  a.push(n)\n  a\n}\n"
        "fn f() -> Int {\n  var all: List<Int> = []\n  for i in 0..9 { let b = add(all, i) }\n  all.len\n}\n",
        "8:31 "));
}

TEST(compiler_owner, reading_parameters_borrow)
{
    const char *text = "fn sum(xs: List<Int>) -> Int {\n  var n = 0\n  for x in xs { n += x }\n  n\n}\n"
                       "fn twice(xs: List<Int>) -> Int { sum(xs) + sum(xs) }\n"
                       "fn keep(xs: List<Int>) -> List<Int> { xs }\n"
                       "fn f() -> Int {\n  let a = [1]\n  twice(a) + sum(a) + keep(a).len + a.len\n}\n";
    struct vkc_checked *checked = check(text);
    CHECK(body_of(checked, "sum")->borrows[0]);
    CHECK(body_of(checked, "twice")->borrows[0]);
    CHECK(!body_of(checked, "keep")->borrows[0]);
    done();
    CHECK(shares(text, "10:28 "));
}

TEST(compiler_owner, fields_and_elements_have_an_owner)
{
    CHECK(shares("record R { xs: List<Int> }\nfn f(r: R, all: List<List<Int>>) {\n  var a = r.xs\n"
                 "  var b = all[0]\n  a.push(1)\n  b.push(r.xs.len)\n}\n",
                 "3:11 4:11 "));
}

TEST(compiler_owner, loop_over_what_it_changes)
{
    CHECK(shares("fn f() {\n  var a = [1]\n  for x in a { a.push(x) }\n}\n", "3:12 "));
    CHECK(shares("fn f() {\n  var a = [1]\n  for x in a { log(\"{x}\") }\n  a.push(1)\n}\n", ""));
}

TEST(compiler_owner, captured_variables_are_kept)
{
    CHECK(shares(
        "fn f() -> Int {\n  var a = [1]\n  let g = fn() { a.push(2) }\n  let b = a\n  g()\n  b.len\n}\n",
        "4:11 "));
    CHECK(shares("fn f() -> Int {\n  var a = [1]\n  a.fold(0, fn(n, x) {\n  a.push(x)\n  n + 1\n})\n}\n",
                 "3:3 "));
}

TEST(compiler_types, captures_and_cells)
{
    struct vkc_checked *checked =
        check("fn f() -> Int {\n  let a = 1\n  var b = 2\n  let g = fn() => fn() => a + b\n  g()()\n}\n");
    uint32_t closures = 0;
    for (uint32_t i = 0; i < checked->bodies_count; i++) {
        const struct vkc_body *body = checked->bodies[i];
        if (body->kind != VKC_BODY_CLOSURE)
            continue;
        closures++;
        CHECK(body->captures_count == 2);
        CHECK(!body->captures[0]->needs_cell && body->captures[0]->is_captured);
        CHECK(body->captures[1]->needs_cell);
    }
    CHECK(closures == 2);
    done();
}

TEST(compiler_types, one_instance_for_each_use)
{
    struct vkc_checked *checked = check("fn id<T>(x: T) -> T { x }\nfn list<T>(x: T) -> List<T> { [id(x)] }\n"
                                        "fn f() -> Int { list(1).len + list(\"a\").len + id(2) }\n");
    uint32_t ids = 0;
    for (uint32_t i = 0; i < checked->instances_count; i++) {
        const struct vkc_instance *instance = checked->instances[i];
        ids += vkc_name_is(instance->body->symbol->name, "id");
        for (uint32_t j = 0; j < instance->body->type_params_count; j++)
            CHECK(!instance->args[j]->has_params && !instance->args[j]->has_vars);
    }
    CHECK(ids == 2);
    done();
}

TEST(compiler_types, equal_types_are_one_pointer)
{
    struct vkc_checked *checked =
        check("fn f() -> Int {\n  let a = { \"a\": [Some(1)] }\n  let b: Map<Str, List<Int?>> = {}\n"
              "  a.len + b.len\n}\n");
    const struct vkc_body *body = body_of(checked, "f");
    CHECK(body->locals_count == 2);
    CHECK(body->locals[0]->type == body->locals[1]->type);
    CHECK(!body->locals[0]->type->has_vars);
    done();
}

TEST(compiler_types, waiting_spreads_to_callers)
{
    struct vkc_checked *checked =
        check("fn f() { g() }\nfn g() { sleep(1s) }\nfn h() { log(\"x\") }\nfn k(run: fn(Int)) { run(1) }\n"
              "fn l() { k(fn(n) { sleep(1s) }) }\nfn m(run: fn()) { run() }\nfn s() { let _ = spawn g() }\n");
    CHECK(body_of(checked, "f")->may_wait && body_of(checked, "g")->may_wait);
    CHECK(!body_of(checked, "h")->may_wait);
    CHECK(body_of(checked, "k")->may_wait && body_of(checked, "l")->may_wait);
    CHECK(!body_of(checked, "m")->may_wait);
    CHECK(!body_of(checked, "s")->may_wait);
    done();
}

TEST(compiler_types, lets_are_in_order_of_need)
{
    struct vkc_checked *checked = check("let a = f()\nlet b = c + 1\nlet c = 2\nfn f() -> Int { b }\n");
    CHECK(checked->lets_count == 3);
    CHECK(vkc_name_is(checked->lets[0]->name, "c"));
    CHECK(vkc_name_is(checked->lets[1]->name, "b"));
    CHECK(vkc_name_is(checked->lets[2]->name, "a"));
    done();
}
