/* SPDX-License-Identifier: Apache-2.0 */
/* Modules: the files that imports name, each once, without cycles; the prelude. */
#include "compiler/pass.h"

static const char prelude_text[] =
    "enum Option<T> { Some(T), None }\n"
    "enum Result<T, E> { Ok(T), Err(E) }\n"
    "enum Json { Null, Bool(Bool), Int(Int), Float(Float), Str(Str), List(List<Json>), Map(Map<Str, Json>) "
    "}\n"
    "enum JsonError { Malformed(at: Int, what: Str), Mismatch(path: Str, what: Str) }\n"
    "enum CallError { Died, Timeout }\n";

enum progress { NEW, OPEN, DONE };

struct loader {
    struct vkc_pass *pass;
    char *folder; /* of the first file, with its last slash, or "" */
    uint32_t room;
};

static uint32_t add_module(struct loader *l, struct vkc_module *module, const char *name)
{
    struct vkc_checked *checked = l->pass->checked;
    struct vkc_checked_module one = {.module = module, .name = name};
    VKC_ADD(&l->pass->program->arena, checked->modules, checked->modules_count, l->room, one);
    return checked->modules_count - 1;
}

static const char *join_path(struct loader *l, const struct vkc_import *import)
{
    struct vkc_text text = {0};
    for (uint32_t i = 0; i < import->path.count; i++)
        vkc_text_print(&text, "%s%s", i > 0 ? "/" : "",
                       import->path.items[i].name != NULL ? import->path.items[i].name->text : "?");
    const char *name = vkc_arena_text(&l->pass->program->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return name;
}

static const char *file_of(struct loader *l, const char *name)
{
    struct vkc_text text = {0};
    vkc_text_print(&text, "%s%s.vk", l->folder, name);
    const char *path = vkc_arena_text(&l->pass->program->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return path;
}

static struct vkc_module *read_module(struct loader *l, const struct vkc_import *import, const char *name)
{
    struct vkc_pass *pass = l->pass;
    const char *why = "no files can be read here", *path = file_of(l, name);
    struct vkc_source *source = NULL;
    if (pass->load != NULL)
        source = pass->load(pass->program, path, &why, pass->load_context);
    if (source != NULL)
        return vkc_program_parse(pass->program, source);
    struct vkc_diag *diag = vkc_error(pass->diags, import->span, "cannot import `%s`: %s", name, why);
    vkc_diag_help(pass->diags, diag, "the file would be %s", path);
    return NULL;
}

static void tell_cycle(struct loader *l, const struct vkc_import *import, uint32_t target)
{
    struct vkc_pass *pass = l->pass;
    const struct vkc_module *module = pass->checked->modules[target].module;
    if (import >= module->imports && import < module->imports + module->imports_count) {
        vkc_error(pass->diags, import->span, "a module cannot import itself");
        return;
    }
    struct vkc_diag *diag = vkc_error(pass->diags, import->span, "`%s` and this module import each other",
                                      pass->checked->modules[target].name);
    vkc_diag_help(pass->diags, diag, "move what both need into a third module");
}

static void load_imports(struct loader *l, uint32_t at);

static void load_import(struct loader *l, struct vkc_import *import)
{
    struct vkc_pass *pass = l->pass;
    const char *name = join_path(l, import);
    for (uint32_t i = 0; i < pass->checked->modules_count; i++) {
        if (strcmp(pass->checked->modules[i].name, name) != 0)
            continue;
        if (pass->checked->modules[i].progress == OPEN)
            tell_cycle(l, import, i);
        import->module = pass->checked->modules[i].module;
        return;
    }
    import->module = read_module(l, import, name);
    if (import->module == NULL)
        return;
    if (import->module->service.name != NULL)
        vkc_error(pass->diags, import->module->service.span,
                  "`service` stands in the program's first file only");
    load_imports(l, add_module(l, import->module, name));
}

static void load_imports(struct loader *l, uint32_t at)
{
    struct vkc_module *module = l->pass->checked->modules[at].module;
    l->pass->checked->modules[at].progress = OPEN;
    for (uint32_t i = 0; i < module->imports_count; i++)
        load_import(l, &module->imports[i]);
    l->pass->checked->modules[at].progress = DONE;
}

/* ---- the names of imports --------------------------------------------------------------- */

static uint32_t index_of(const struct vkc_checked *checked, const struct vkc_module *module)
{
    uint32_t i = 0;
    while (i < checked->modules_count && checked->modules[i].module != module)
        i++;
    return i;
}

static void name_imports(struct vkc_pass *pass, uint32_t at)
{
    struct vkc_module *module = pass->checked->modules[at].module;
    pass->module = at;
    for (uint32_t i = 0; i < module->imports_count; i++) {
        const struct vkc_import *import = &module->imports[i];
        struct vkc_symbol *symbol = vkc_symbol_new(pass, VKC_SYMBOL_MODULE, import->alias);
        symbol->target = import->module != NULL ? index_of(pass->checked, import->module) : UINT32_MAX;
        if (vkc_table_add(pass, at, VKC_SPACE_VALUE, symbol))
            continue;
        struct vkc_diag *diag = vkc_error(pass->diags, import->alias.span, "two imports are named `%s`",
                                          import->alias.name->text);
        vkc_diag_help(pass->diags, diag, "`import %s as other` gives this one another name",
                      import->alias.name->text);
    }
}

/* ---- the prelude ---------------------------------------------------------------------------- */

static void add_simple(struct vkc_pass *pass, const char *name, enum vkc_type_kind kind)
{
    struct vkc_ident ident = {.name = vkc_intern_text(&pass->program->names, name)};
    struct vkc_symbol *symbol = vkc_symbol_new(pass, VKC_SYMBOL_SIMPLE, ident);
    symbol->simple = kind;
    symbol->is_pub = true;
    (void)vkc_table_add(pass, pass->prelude, VKC_SPACE_TYPE, symbol);
}

static void add_prelude(struct loader *l)
{
    static const struct {
        const char *name;
        enum vkc_type_kind kind;
    } simple[] = {
        {"Nil", VKC_TYPE_NIL},     {"Int", VKC_TYPE_INT},           {"Float", VKC_TYPE_FLOAT},
        {"Bool", VKC_TYPE_BOOL},   {"Duration", VKC_TYPE_DURATION}, {"Str", VKC_TYPE_STR},
        {"Bytes", VKC_TYPE_BYTES}, {"Request", VKC_TYPE_REQUEST},   {"Response", VKC_TYPE_RESPONSE},
        {"Reply", VKC_TYPE_REPLY}, {"Stream", VKC_TYPE_STREAM},     {"Crash", VKC_TYPE_CRASH},
        {"List", VKC_TYPE_LIST},   {"Map", VKC_TYPE_MAP},           {"Fiber", VKC_TYPE_FIBER},
        {"Store", VKC_TYPE_STORE},
    };
    struct vkc_program *program = l->pass->program;
    struct vkc_source *source =
        vkc_source_add(&program->sources, "(built in)", prelude_text, sizeof prelude_text - 1);
    l->pass->prelude = add_module(l, vkc_program_parse(program, source), "(built in)");
    l->pass->module = l->pass->prelude;
    for (size_t i = 0; i < VK_COUNT(simple); i++)
        add_simple(l->pass, simple[i].name, simple[i].kind);
}

/* Built-in enums are found by name everywhere, and have no place in a file. */
static void finish_prelude(struct vkc_pass *pass)
{
    struct vkc_checked *checked = pass->checked;
    struct vkc_symbol **const known[] = {&checked->option, &checked->result, &checked->json,
                                         &checked->json_error, &checked->call_error};
    const struct vkc_module *module = checked->modules[pass->prelude].module;
    vkc_resolve_decls(pass, pass->prelude);
    for (uint32_t i = 0; i < module->decls_count; i++) {
        struct vkc_symbol *symbol = module->decls[i]->symbol;
        symbol->span = (struct vkc_span){0, 0};
        symbol->is_pub = true;
        *known[i] = symbol;
        for (uint32_t j = 0; j < symbol->members_count; j++)
            symbol->members[j]->span = (struct vkc_span){0, 0};
    }
    vkc_resolve_types(pass, pass->prelude);
    vkc_builtins_init(&pass->builtins, checked);
}

void vkc_resolve_modules(struct vkc_pass *pass)
{
    struct vkc_module *first = pass->program->modules[0];
    const char *path = first->source->path, *folder = pass->program->folder, *slash = strrchr(path, '/');
    struct loader l = {.pass = pass};
    const char *base = path + (folder != NULL  ? strlen(folder)
                               : slash != NULL ? (size_t)(slash + 1 - path)
                                               : 0);
    l.folder = vkc_arena_text(&pass->program->arena, path, (size_t)(base - path));
    size_t len = strlen(base);
    len -= len > 3 && strcmp(base + len - 3, ".vk") == 0 ? 3 : 0;
    load_imports(&l, add_module(&l, first, vkc_arena_text(&pass->program->arena, base, len)));
    add_prelude(&l);
    pass->is_halted = pass->diags->errors > 0;
    if (pass->is_halted)
        return;
    for (uint32_t i = 0; i < pass->prelude; i++)
        name_imports(pass, i);
    finish_prelude(pass);
    for (uint32_t i = 0; i < pass->prelude; i++)
        vkc_resolve_decls(pass, i);
    for (uint32_t i = 0; i < pass->prelude; i++)
        vkc_resolve_types(pass, i);
}
