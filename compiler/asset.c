/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/asset.h"

#include "compiler/pass.h"
#include "compiler/sha256.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- what is known of a file ---------------------------------------------------------- */

/* Content-Type by the end of the name; those of texts say that they are UTF-8 where they are. */
static const struct {
    const char *end, *type;
    bool is_text;
} types[] = {
    {"html", "text/html", true},        {"htm", "text/html", true},
    {"css", "text/css", true},          {"js", "text/javascript", true},
    {"mjs", "text/javascript", true},   {"txt", "text/plain", true},
    {"md", "text/markdown", true},      {"csv", "text/csv", true},
    {"xml", "application/xml", true},   {"json", "application/json", false},
    {"map", "application/json", false}, {"webmanifest", "application/manifest+json", false},
    {"svg", "image/svg+xml", false},    {"png", "image/png", false},
    {"jpg", "image/jpeg", false},       {"jpeg", "image/jpeg", false},
    {"gif", "image/gif", false},        {"webp", "image/webp", false},
    {"avif", "image/avif", false},      {"ico", "image/vnd.microsoft.icon", false},
    {"woff", "font/woff", false},       {"woff2", "font/woff2", false},
    {"ttf", "font/ttf", false},         {"otf", "font/otf", false},
    {"mp3", "audio/mpeg", false},       {"ogg", "audio/ogg", false},
    {"mp4", "video/mp4", false},        {"webm", "video/webm", false},
    {"pdf", "application/pdf", false},  {"wasm", "application/wasm", false},
    {"zip", "application/zip", false},
};

static bool is_same_word(const char *a, const char *small)
{
    while (*a != '\0' && (*a >= 'A' && *a <= 'Z' ? *a + 32 : *a) == *small)
        a++, small++;
    return *a == '\0' && *small == '\0';
}

static const char *type_of(struct vkc_arena *arena, const struct vkc_asset *asset)
{
    const char *name = strrchr(asset->path, '/'), *point = strrchr(name != NULL ? name : asset->path, '.');
    for (size_t i = 0; point != NULL && i < VK_COUNT(types); i++) {
        if (!is_same_word(point + 1, types[i].end))
            continue;
        struct vkc_text text = {0};
        bool is_utf8 = types[i].is_text && asset->bad_at == asset->len_bytes;
        vkc_text_print(&text, "%s%s", types[i].type, is_utf8 ? "; charset=utf-8" : "");
        const char *type = vkc_arena_text(arena, text.bytes, text.len);
        vkc_text_fini(&text);
        return type;
    }
    return "application/octet-stream";
}

static uint32_t find_bad(const uint8_t *bytes, uint32_t len_bytes)
{
    uint32_t at = 0;
    while (at < len_bytes) {
        size_t one = vkc_utf8_bytes((const char *)bytes + at, len_bytes - at);
        if (one == 0)
            break;
        at += (uint32_t)one;
    }
    return at;
}

static void make_tag(struct vkc_asset *asset)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[VKC_SHA256_BYTES];
    vkc_sha256(asset->bytes, asset->len_bytes, digest);
    asset->tag[0] = asset->tag[VKC_ASSET_TAG_LEN - 1] = '"';
    for (uint32_t i = 0; i < VKC_ASSET_TAG_LEN - 2; i++)
        asset->tag[1 + i] = digits[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A file that is asked for. */
struct request {
    struct vkc_pass *pass;
    struct vkc_span span; /* of the path in the source */
    const char *name;     /* the path as it is written */
    char *folder;         /* of the source, as the system knows it; freed by who made it */
    char *path;           /* of the file; likewise */
};

static struct vkc_diag *cannot(const struct request *r, const char *why)
{
    return vkc_error(r->pass->diags, r->span, "cannot embed `%s`: %s", r->name, why);
}

/* A relative path of names, none of which leads up; told when it is another. */
static bool check_name(const struct request *r, size_t len)
{
    const char *at = r->name;
    bool is_good = len > 0 && strlen(r->name) == len && strchr(r->name, '\\') == NULL;
    while (is_good) {
        size_t part = strcspn(at, "/");
        is_good = part > 0 && !(part <= 2 && strncmp(at, "..", part) == 0);
        at += part;
        if (*at == '\0')
            break;
        at++;
    }
    if (is_good)
        return true;
    struct vkc_diag *diag = vkc_error(r->pass->diags, r->span, "`%s` is no path of a file to embed", r->name);
    vkc_diag_help(r->pass->diags, diag,
                  "it goes from the folder of this source downwards, as in \"static/logo.png\"; `..` and a "
                  "leading `/` would leave that folder");
    return false;
}

/* Both as the system knows them, so that no link leads out of the folder; told when there is no such file. */
static bool find_file(struct request *r)
{
    const char *source = vkc_source_of(&r->pass->program->sources, r->span.start)->path;
    const char *slash = strrchr(source, '/');
    struct vkc_text text = {0};
    vkc_text_add(&text, source, slash != NULL ? (size_t)(slash + 1 - source) : 0);
    vkc_text_put(&text, slash != NULL ? "." : "./.");
    r->folder = vkc_real_path(text.bytes);
    text.len--;
    text.bytes[text.len] = '\0';
    vkc_text_put(&text, r->name);
    const char *written = text.bytes + (slash != NULL ? 0 : 2);
    r->path = r->folder != NULL ? vkc_real_path(text.bytes) : NULL;
    if (r->path == NULL)
        vkc_diag_help(r->pass->diags, cannot(r, strerror(errno)), "the file would be %s", written);
    vkc_text_fini(&text);
    return r->path != NULL;
}

static bool is_inside(const struct request *r)
{
    size_t len = strlen(r->folder);
    len -= r->folder[len - 1] == '/'; /* the root */
    return strncmp(r->path, r->folder, len) == 0 && r->path[len] == '/';
}

/* Reads what is no longer than a file may be; NULL: told. */
static uint8_t *read_bytes(const struct request *r, uint32_t *ret_len)
{
    struct stat about;
    bool is_there = stat(r->path, &about) == 0, is_file = is_there && S_ISREG(about.st_mode);
    FILE *file = is_file ? vkc_file_open(r->path) : NULL;
    if (file == NULL) {
        const char *other = is_there && S_ISDIR(about.st_mode) ? "it is a folder" : "it is no file";
        (void)cannot(r, is_there && !is_file ? other : strerror(errno));
        return NULL;
    }
    uint8_t *bytes = vkc_grow(NULL, VKC_ASSET_MAX_BYTES + 1u);
    size_t len = fread(bytes, 1, VKC_ASSET_MAX_BYTES + 1u, file);
    bool is_read = !ferror(file);
    vkc_file_close(file);
    *ret_len = (uint32_t)len;
    if (is_read && len <= VKC_ASSET_MAX_BYTES)
        return bytes;
    if (is_read)
        vkc_error(r->pass->diags, r->span, "`%s` has more than %u MiB, the most that one file may have",
                  r->name, VKC_ASSET_MAX_BYTES >> 20);
    else
        (void)cannot(r, strerror(errno));
    vkc_free(bytes);
    return NULL;
}

static struct vkc_asset *add(const struct request *r, const uint8_t *bytes, uint32_t len)
{
    struct vkc_program *program = r->pass->program;
    struct vkc_asset *asset = VKC_NEW(&program->arena, struct vkc_asset);
    *asset = (struct vkc_asset){.len_bytes = len, .next = program->assets};
    asset->path = vkc_arena_text(&program->arena, r->path, strlen(r->path));
    asset->bytes = vkc_arena_copy(&program->arena, bytes, len);
    asset->bad_at = find_bad(asset->bytes, len);
    asset->type = type_of(&program->arena, asset);
    make_tag(asset);
    program->assets = asset;
    program->assets_bytes += len;
    return asset;
}

static struct vkc_asset *read_asset(struct request *r)
{
    struct vkc_program *program = r->pass->program;
    uint32_t len;
    if (!is_inside(r)) {
        vkc_diag_help(r->pass->diags, cannot(r, "it is a link that leads out of the folder of this source"),
                      "put the file itself there");
        return NULL;
    }
    for (struct vkc_asset *known = program->assets; known != NULL; known = known->next)
        if (strcmp(known->path, r->path) == 0)
            return known;
    uint8_t *bytes = read_bytes(r, &len);
    if (bytes == NULL)
        return NULL;
    struct vkc_asset *asset = NULL;
    if (program->assets_bytes + len <= VKC_ASSETS_MAX_BYTES)
        asset = add(r, bytes, len);
    else
        vkc_error(r->pass->diags, r->span,
                  "with `%s` the files of this program have more than %u MiB together", r->name,
                  VKC_ASSETS_MAX_BYTES >> 20);
    vkc_free(bytes);
    return asset;
}

static struct vkc_asset *find(struct vkc_pass *pass, const struct vkc_expr *path)
{
    struct request r = {.pass = pass, .span = path->span};
    size_t len = path->str.count > 0 ? path->str.parts[0].len_bytes : 0;
    r.name = vkc_arena_text(&pass->program->arena, len > 0 ? path->str.parts[0].bytes : "", len);
    if (pass->load == NULL || pass->program->has_no_files) {
        (void)cannot(&r, "no files can be read here");
        return NULL;
    }
    struct vkc_asset *asset = check_name(&r, len) && find_file(&r) ? read_asset(&r) : NULL;
    vkc_free(r.folder);
    vkc_free(r.path);
    return asset;
}

void vkc_asset_find(struct vkc_pass *pass, struct vkc_call *call, struct vkc_span span)
{
    const char *name = call->builtin->name->text;
    const struct vkc_expr *path = call->count == 1 ? call->args[0].value : NULL;
    if (path == NULL || path->kind == VKC_EXPR_BAD)
        return; /* told */
    bool is_plain = path->kind == VKC_EXPR_STR && path->str.count <= 1 &&
                    (path->str.count == 0 || path->str.parts[0].expr == NULL);
    if (!is_plain) {
        struct vkc_diag *diag = vkc_error(pass->diags, path->span,
                                          "`%s` takes a path that is written out, without `{...}`", name);
        vkc_diag_help(pass->diags, diag, "the file is read when the program is compiled");
        return;
    }
    struct vkc_asset *asset = find(pass, path);
    call->asset = asset;
    if (asset == NULL || call->builtin->id != VKC_BUILTIN_EMBED || asset->bad_at == asset->len_bytes)
        return;
    struct vkc_diag *diag = vkc_error(
        pass->diags, span, "a `Str` is UTF-8, and this file is not, from byte %u on", asset->bad_at);
    vkc_diag_help(pass->diags, diag, "`embed_bytes(...)` gives its bytes, `asset(...)` serves it as it is");
}
