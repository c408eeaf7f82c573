/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: sources become the trees that docs/language.md describes. Method:
 * expressions are printed back with a parenthesis around every operation, so
 * that precedence, newlines and the forms of braces show; single fields of
 * declarations are looked at.
 */
#include "compiler/parse_impl.h"

#include "tests/unit/test.h"

static struct vkc_program program;
static struct vkc_text out;

static const struct vkc_module *parse(const char *text)
{
    vkc_program_init(&program);
    struct vkc_source *source = vkc_source_add(&program.sources, "t.vk", text, strlen(text));
    CHECK(source != NULL);
    return vkc_program_parse(&program, source);
}

static void print(const struct vkc_expr *e);

static void print_args(const struct vkc_args *args)
{
    for (uint32_t i = 0; i < args->count; i++) {
        vkc_text_put(&out, i > 0 ? ", " : "");
        if (args->items[i].name.name != NULL)
            vkc_text_print(&out, "%s:", args->items[i].name.name->text);
        print(args->items[i].value);
    }
}

static void print_more(const struct vkc_expr *e)
{
    switch (e->kind) {
    case VKC_EXPR_JSON:
        vkc_text_put(&out, e->json.status != NULL ? "(json! " : "(json ");
        print(e->json.value);
        vkc_text_put(&out, ")");
        break;
    case VKC_EXPR_OBJECT:
        vkc_text_put(&out, "<");
        print_args(&e->object);
        vkc_text_put(&out, ">");
        break;
    case VKC_EXPR_RECORD:
        vkc_text_print(&out, "%s<", e->record.path.names[e->record.path.count - 1].name->text);
        print_args(&e->record.fields);
        vkc_text_put(&out, ">");
        break;
    case VKC_EXPR_AWAIT:
        vkc_text_put(&out, e->await.is_try ? "(try await " : "(await ");
        print(e->await.operand);
        vkc_text_put(&out, e->await.timeout != NULL ? " timeout)" : ")");
        break;
    case VKC_EXPR_LIST:
        vkc_text_print(&out, "list%u", e->list.count);
        break;
    case VKC_EXPR_MAP:
        vkc_text_print(&out, "map%u", e->map.count);
        break;
    case VKC_EXPR_BLOCK:
        vkc_text_print(&out, "block%u", e->block.count);
        break;
    case VKC_EXPR_IF:
        vkc_text_print(&out, "if%u%s", e->branch.count, e->branch.otherwise != NULL ? "+" : "");
        break;
    default:
        vkc_text_print(&out, "kind%u", e->kind);
        break;
    }
}

static void print(const struct vkc_expr *e)
{
    static const char *const ops[] = {"*",  "/",  "%", "+",  "-", "<<", ">>", "&",  "^", "|",
                                      "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??"};
    switch (e->kind) {
    case VKC_EXPR_INT:
        vkc_text_print(&out, "%lld", (long long)e->number);
        break;
    case VKC_EXPR_NAME:
        vkc_text_put(&out, e->name.name->text);
        break;
    case VKC_EXPR_UNARY:
        vkc_text_print(&out, "(%c", "-!~"[e->unary.op]);
        print(e->unary.operand);
        vkc_text_put(&out, ")");
        break;
    case VKC_EXPR_BINARY:
        vkc_text_put(&out, "(");
        print(e->binary.left);
        vkc_text_print(&out, " %s ", ops[e->binary.op]);
        print(e->binary.right);
        vkc_text_put(&out, ")");
        break;
    case VKC_EXPR_FIELD:
        print(e->field.object);
        vkc_text_print(&out, ".%s", e->field.name.name->text);
        break;
    case VKC_EXPR_INDEX:
        print(e->index.object);
        vkc_text_put(&out, "[");
        print(e->index.index);
        vkc_text_put(&out, "]");
        break;
    case VKC_EXPR_CALL:
        print(e->call.callee);
        vkc_text_put(&out, "(");
        print_args(&e->call.args);
        vkc_text_put(&out, ")");
        break;
    case VKC_EXPR_PASS:
        print(e->operand);
        vkc_text_put(&out, "?");
        break;
    default:
        print_more(e);
        break;
    }
}

/* The value of `let x = TEXT`, printed. */
static void check_expr(const char *text, const char *wanted)
{
    struct vkc_text source = {0};
    vkc_text_print(&source, "let x = %s\n", text);
    const struct vkc_module *module = parse(source.bytes);
    CHECK_EQ(program.diags.errors, 0);
    CHECK_EQ(module->decls_count, 1);
    vkc_text_clear(&out);
    print(module->decls[0]->let->let.value);
    if (strcmp(out.bytes, wanted) != 0)
        cr_assert_fail("%s gives %s, not %s", text, out.bytes, wanted);
    vkc_text_fini(&source);
    vkc_program_fini(&program);
}

TEST(parse, operators_bind_as_the_table_says)
{
    check_expr("a + b * c - d", "((a + (b * c)) - d)");
    check_expr("a << b + c & d ^ e | f == g", "(((((a << (b + c)) & d) ^ e) | f) == g)");
    check_expr("a || b && c == d", "(a || (b && (c == d)))");
    check_expr("a ?? b ?? c || d", "(a ?? (b ?? (c || d)))");
    check_expr("-a.b[1](c)? * !d", "((-a.b[1](c)?) * (!d))");
    check_expr("- -a", "(-(-a))");
    check_expr("a >> b > c", "((a >> b) > c)");
    check_expr("await a.b(c) + d", "((await a.b(c)) + d)");
    check_expr("try await a.b(c) timeout: d", "(try await a.b(c) timeout)");
    check_expr("-9223372036854775808", "-9223372036854775808");
}

TEST(parse, lines_go_on_where_the_reference_says)
{
    check_expr("a +\n b", "(a + b)");
    check_expr("a\n .b\n ?? c\n && d", "(a.b ?? (c && d))");
    check_expr("f(a\n + b\n)", "f((a + b))");
    check_expr("f(a: 1, b: 2,)", "f(a:1, b:2)");
}

TEST(parse, braces_are_blocks_maps_records_or_objects)
{
    check_expr("{}", "map0");
    check_expr("{ a: b, c: d }", "map2");
    check_expr("{ a }", "block1");
    check_expr("{ await a timeout: b }", "block1");
    check_expr("{ c + await a timeout: b }", "block1");
    check_expr("L { a, b: c }", "L<a:a, b:c>");
    check_expr("m.L { a }", "L<a:a>");
    check_expr("if a { L { b } } else if c { d } else { e }", "if2+");
    check_expr("json { a: { b }, c }", "(json <a:<b:b>, c:c>)");
    check_expr("json 404 { a: b }.h(c)", "(json! <a:b>).h(c)");
    check_expr("json (a).h(b)", "(json a).h(b)");
    check_expr("json a + b", "(json (a + b))");
    check_expr("json [0]", "(json list1)");
    check_expr("json[0]", "json[0]");
    check_expr("json - a", "(json - a)");
    check_expr("json.a", "json.a");
}

TEST(parse, texts_lose_their_indentation)
{
    const struct vkc_module *module = parse("let x = \"\"\"\r\n    a\r\n\r\n      {b} \\t\r\n    \"\"\"\n");
    CHECK_EQ(program.diags.errors, 0);
    const struct vkc_expr *str = module->decls[0]->let->let.value;
    CHECK_EQ(str->str.count, 3);
    CHECK_EQ(str->str.parts[0].len_bytes, 5);
    CHECK_MEM(str->str.parts[0].bytes, "a\n\n  ", 5);
    CHECK(str->str.parts[1].expr != NULL);
    CHECK_EQ(str->str.parts[2].len_bytes, 3);
    CHECK_MEM(str->str.parts[2].bytes, " \t\n", 3);
    vkc_program_fini(&program);
}

TEST(parse, routes_are_segments_and_query_parameters)
{
    const struct vkc_module *module =
        parse("http on 80, heap: 1m, cpu: 5ms { GET \"/a/{b: Int}/?{c}&{d: Int = 1}\" => e }\n");
    CHECK_EQ(program.diags.errors, 0);
    const struct vkc_decl *decl = module->decls[0];
    CHECK_EQ(decl->kind, VKC_DECL_HTTP);
    CHECK(decl->http.options.heap_bytes == 1u << 20 && decl->http.options.cpu_ns == 5000000);
    CHECK_EQ(decl->http.options.deadline_span.start, 0);
    const struct vkc_clause *clause = &decl->http.clauses[0];
    CHECK_EQ(clause->segments_count, 3);
    CHECK(!clause->segments[0].is_capture && clause->segments[0].len_bytes == 1);
    CHECK(clause->segments[1].is_capture && clause->segments[1].capture.type != NULL);
    CHECK(!clause->segments[2].is_capture && clause->segments[2].len_bytes == 0);
    CHECK_EQ(clause->query.count, 2);
    CHECK(clause->query.items[0].type == NULL && clause->query.items[1].value != NULL);
    vkc_program_fini(&program);
}

TEST(parse, an_error_costs_its_own_statement_only)
{
    const struct vkc_module *module =
        parse("fn f() {\n  let = 1\n  let b = 2\n  c d\n  e\n}\nrecord R { x: Int }\n");
    CHECK_EQ(program.diags.errors, 2);
    CHECK_EQ(module->decls_count, 2);
    const struct vkc_stmts *block = &module->decls[0]->fn.body->block;
    CHECK_EQ(block->count, 4);
    CHECK_EQ(block->items[0]->kind, VKC_STMT_BAD);
    CHECK_EQ(block->items[1]->kind, VKC_STMT_LET);
    CHECK_EQ(block->items[2]->kind, VKC_STMT_BAD);
    CHECK_EQ(block->items[3]->kind, VKC_STMT_EXPR);
    vkc_program_fini(&program);
}

TEST(parse, spans_and_documentation)
{
    const struct vkc_module *module = parse("// x\n/// one\n/// two\npub fn f(a: Int) -> Int { a }\n");
    const struct vkc_decl *decl = module->decls[0];
    CHECK(decl->is_pub && decl->doc_count == 2 && decl->doc_first == 1);
    struct vkc_place place = vkc_source_place(&program.sources, decl->name.span.start);
    CHECK_EQ(place.line, 4);
    CHECK_EQ(place.column, 8);
    CHECK_EQ(decl->span.end - decl->span.start, 29);
    vkc_program_fini(&program);
}

TEST(parse, suggestions_are_near)
{
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, "recrod", 6);
    vkc_nearest_offer(&nearest, "enum");
    vkc_nearest_offer(&nearest, "record");
    CHECK(nearest.best != NULL && strcmp(nearest.best, "record") == 0);
    vkc_nearest_init(&nearest, "xyz", 3);
    vkc_nearest_offer(&nearest, "record");
    vkc_nearest_offer(&nearest, "fn");
    CHECK(nearest.best == NULL);
}
