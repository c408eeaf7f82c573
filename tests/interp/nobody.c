/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: natives of HTTP that are called where there is no request, and those
 * of tests with what is no method and no reply, which the verifier lets through
 * and no compiler makes, end their process with a trap.
 * Method: a module for each, assembled from its signature, in a process of no
 * service.
 */
#include "net/bind/http.h"
#include "net/bind/test.h"
#include "tests/interp/vm.h"
#include "vk/fmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_BYTES 65536u

static struct vm vm;
static _Alignas(4096) uint8_t heap[HEAP_BYTES];

/* Natives that need nobody: they look at their arguments alone, or give the handle that others then find
 * useless. */
static const char *const others[] = {"http.check_field", "http.check_redirect", "http.cookie_line",
                                     "http.form_next",   "http.stream",         "http.respond_end"};

static bool is_other(const char *name)
{
    for (size_t i = 0; i < VK_COUNT(others); i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return false;
}

static const char *type_of(char letter)
{
    return letter == 'S'   ? "Str"
           : letter == 'B' ? "Bytes"
           : letter == 'L' ? "Strs"
           : letter == 'H' ? "Out"
                           : "int";
}

static const char *result_of(char letter)
{
    return letter == 'O'   ? "MaybeStr"
           : letter == 'P' ? "MaybeBytes"
           : letter == '-' ? "none"
                           : type_of(letter);
}

/* A function that calls it, with something of each type. */
static void write_module(struct vk_out *out, const struct interp_native *native)
{
    const char *params = native->signature, *result = strchr(params, '>') + 1;
    uint32_t at = 20;
    vk_out_fmt(out,
               "type Str str\ntype Bytes bytes\ntype Strs list Str\ntype Out handle stream\n"
               "type MaybeStr opt Str\ntype MaybeBytes opt Bytes\ntype None fn > none\ntype Open fn > Out\n"
               "type F fn");
    for (const char *p = params; *p != '>'; p++)
        vk_out_fmt(out, " %s", type_of(*p));
    vk_out_fmt(out, " > %s\nnative http.stream Open\n", result_of(*result));
    vk_out_fmt(out,
               "native %s F\ndata text str Str \"a=1\"\ndata raw bytes Bytes \"a\"\n"
               "data list list Strs\nfunc f None 30 Out %s\n  CALLN 20 http.stream 0\n",
               native->name, strchr("SBOP", *result) ? result_of(*result) : "Str");
    for (const char *p = params; *p != '>'; p++, at++) {
        if (*p == 'H')
            vk_out_fmt(out, "  MOVR %u 0\n", at);
        else if (*p == 'i')
            vk_out_fmt(out, "  LDI %u 404\n", at);
        else
            vk_out_fmt(out, "  LDQ %u %s\n", at, *p == 'S' ? "text" : *p == 'B' ? "raw" : "list");
    }
    vk_out_fmt(out, "  CALLN 20 %s%s\n  RET\nend\n", native->name, strchr("SBOP", *result) ? " 1" : "");
}

static bool traps(const struct interp_native *native, uint32_t trap)
{
    static char text[4096];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text - 1);
    write_module(&out, native);
    text[vk_out_span(&out).len] = '\0';
    int rc = vm_load(&vm, text);
    if (rc) {
        printf("%s: %d %s\n%s", native->name, rc, vm.refusal.why ? vm.refusal.why : "it does not assemble",
               text);
        return false;
    }
    memset(heap, 0, sizeof heap);
    int value = vm_run(&vm, "f", heap, HEAP_BYTES);
    bool is_good = value == PROC_RUN_FAIL && vm.state.trap == trap;
    if (!is_good)
        printf("%s: run %d, trap %u\n", native->name, value, (unsigned)vm.state.trap);
    return is_good;
}

int main(void)
{
    static const struct interp_native *const tables[] = {net_bind_natives, net_bind_body_natives,
                                                         net_bind_respond_natives};
    static const struct interp_native *const all[] = {interp_natives,        net_bind_natives,
                                                      net_bind_body_natives, net_bind_respond_natives,
                                                      net_bind_test_natives, NULL};
    uint32_t count = 0, bad = 0;
    vm.natives = all;
    for (size_t t = 0; t < VK_COUNT(tables); t++)
        for (const struct interp_native *native = tables[t]; native->name; native++, count++)
            bad += !is_other(native->name) && !traps(native, INTERP_TRAP_NIL);
    for (const struct interp_native *native = net_bind_test_natives; native->name; native++, count++)
        bad += strcmp(native->name, "test.field") != 0 && !traps(native, INTERP_TRAP_CONVERT);
    printf("%u natives, %u wrong\n", count, bad);
    return bad == 0 && count > 20 ? EXIT_SUCCESS : EXIT_FAILURE;
}
