/* SPDX-License-Identifier: Apache-2.0 */
/* `vkd init`: a folder with a small service and its tests, to begin with. */
#include "compiler/program.h"
#include "vkd/command.h"
#include "vkd/complain.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_MAX_BYTES 64u

/* "%s" is the name of the service. */
static const char template[] =
    "service %s\n"
    "\n"
    "fn greeting(name: Str) -> Str { \"Hello, {name}!\" }\n"
    "\n"
    "http on 8080 {\n"
    "  GET \"/\"          => text(greeting(\"World\"))\n"
    "  GET \"/hi/{name}\" => text(greeting(name))\n"
    "}\n"
    "\n"
    "test \"greets by name\" {\n"
    "  let reply = GET \"/hi/Ada\"\n"
    "  assert reply.status == 200\n"
    "  assert reply.text() == \"Hello, Ada!\"\n"
    "}\n"
    "\n"
    "test \"nothing is elsewhere\" { assert (GET \"/elsewhere\").status == 404 }\n";

static const char ignored[] = "*.vkb\n";

/* The last part of the path: what names the service. NULL: it cannot. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t len = strlen(name);
    bool is_good = len > 0 && len <= NAME_MAX_BYTES && name[0] >= 'a' && name[0] <= 'z';
    for (size_t i = 0; i < len; i++)
        is_good &= (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
                   name[i] == '_' || name[i] == '-';
    return is_good ? name : NULL;
}

static bool fail(const char *path, const char *why)
{
    vkd_complain("%s: %s", path, why);
    return false;
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* A folder that is there and empty will do. */
static bool make_folder(const char *path)
{
    struct dirent **entries;
    if (mkdir(path, 0777) == 0)
        return true;
    if (errno != EEXIST)
        return fail(path, strerror(errno));
    int count = scandir(path, &entries, is_entry, alphasort);
    if (count < 0)
        return fail(path, errno == ENOTDIR ? "is there already, and is no folder" : strerror(errno));
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return count == 0 || fail(path, "is there already, and is not empty");
}

static bool write_file(const char *folder, const char *name, const char *text)
{
    struct vkc_text path = {0};
    vkc_text_print(&path, "%s/%s", folder, name);
    FILE *to = fopen(path.bytes, "wx");
    bool is_good = to != NULL && fputs(text, to) >= 0;
    if (to != NULL)
        is_good &= fclose(to) == 0;
    if (!is_good)
        (void)fail(path.bytes, strerror(errno));
    vkc_text_fini(&path);
    return is_good;
}

static void make_program(const char *name, struct vkc_text *text)
{
    vkc_text_print(text, template, name);
    for (size_t i = 0; i < text->len && text->bytes[i] != '\n'; i++)
        if (text->bytes[i] == '-')
            text->bytes[i] = '_'; /* a name of the language has none */
}

/* A word of the language names no service. */
static bool is_sound(const struct vkc_text *text)
{
    struct vkc_program program;
    vkc_program_init(&program);
    struct vkc_source *source = vkc_source_add(&program.sources, "main.vk", text->bytes, text->len);
    (void)vkc_program_parse(&program, source); /* kept in the program */
    bool is_good = program.diags.errors == 0;
    vkc_program_fini(&program);
    return is_good;
}

static int make(const char *path, const char *name)
{
    struct vkc_text text = {0};
    int rc = VKD_EXIT_PROGRAM;
    make_program(name, &text);
    if (!is_sound(&text))
        rc = vkd_usage_error(&vkd_command_init, "'%s' is a word of the language: choose another name", name);
    else if (make_folder(path) && write_file(path, "main.vk", text.bytes) &&
             write_file(path, ".gitignore", ignored))
        rc = 0;
    vkc_text_fini(&text);
    if (rc == 0)
        printf("made %s/main.vk; go on with\n\n  vkd test %s\n  vkd run %s/main.vk\n", path, path, path);
    return rc;
}

static int run(int argc, char *const *argv)
{
    int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
    if (first == 1 && argc > 1 && argv[1][0] == '-')
        return vkd_usage_error(&vkd_command_init, "unknown flag '%s'", argv[1]);
    if (argc - first != 1)
        return vkd_usage_error(&vkd_command_init, argc > first ? "one name at a time" : "which name?");
    const char *path = argv[first], *name = name_of(path);
    if (name == NULL)
        return vkd_usage_error(
            &vkd_command_init,
            "'%s' is no name: a small letter, then small letters, digits, _ and -, at most 64", path);
    return make(path, name);
}

const struct vkd_command vkd_command_init = {
    .name = "init",
    .arguments = "NAME",
    .about = "make a folder with a service to begin with",
    .details =
        "NAME is the folder, which must not be there or be empty, and names the service: small letters,\n"
        "digits, _ and -. What is made passes `vkd test` and serves with `vkd run`.\n",
    .run = run,
};
