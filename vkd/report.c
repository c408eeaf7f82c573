/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/report.h"

#include "proc/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char trap_words[] = "trap: ";

void vkd_report_begin(struct vkd_report *r, const char *name, uint32_t line)
{
    r->name = name;
    r->line = line;
    r->dropped = 0;
    vkc_text_clear(&r->log);
    vkc_text_clear(&r->trap);
}

static bool has_text(struct vk_span text, struct vk_span what)
{
    size_t at = 0;
    while (at < text.len && !vk_span_starts_with(vk_span_skip(text, at), what))
        at++;
    return at < text.len;
}

/* The kernel says of a process that it failed: its trap, just before, has said more. */
static bool is_told(struct vk_span text)
{
    const struct vk_span end = VK_SPAN_LIT(": failed");
    return has_text(text, VK_SPAN_LIT(") crashed, ")) && text.len >= end.len &&
           vk_span_equal(vk_span_skip(text, text.len - end.len), end);
}

void vkd_report_log(void *report, struct vk_span name, struct vk_span text)
{
    struct vkd_report *r = report;
    const struct vk_span words = vk_span(trap_words, sizeof trap_words - 1);
    bool is_own = vk_span_equal(name, VK_SPAN_LIT(VKD_TRIAL_NAME));
    if (is_own && vk_span_starts_with(text, words)) {
        vkc_text_clear(&r->trap);
        vkc_text_add(&r->trap, (const char *)text.ptr + words.len, text.len - words.len);
        return;
    }
    if (name.len == 0 && is_told(text))
        return;
    if (r->log.len + text.len > VKD_TRIAL_LOG_MAX_BYTES) {
        r->dropped++;
        return;
    }
    vkc_text_put(&r->log, "    ");
    if (name.len > 0 && !is_own)
        vkc_text_print(&r->log, "%.*s: ", (int)name.len, (const char *)name.ptr);
    vkc_text_add(&r->log, (const char *)text.ptr, text.len);
    vkc_text_put(&r->log, "\n");
}

/* ---- the trap's report: "text in inner:3 < outer:7", or "inner (a.vk:3) < outer (b.vk:7)" -- */

/* The test's own call, the outermost, whatever is in its name; NULL: it is not told. */
static const char *own_call(const struct vkd_report *r)
{
    const char *text = r->trap.bytes, *last = NULL;
    size_t name_len = strlen(r->name);
    for (const char *at = text; name_len > 0 && (at = strstr(at, r->name)) != NULL; at++) {
        bool is_call = at - text >= 4 && (memcmp(at - 4, " in ", 4) == 0 || memcmp(at - 3, " < ", 3) == 0);
        if (is_call && (at[name_len] == ':' || strncmp(at + name_len, " (", 2) == 0))
            last = at;
    }
    return last;
}

/* Where its calls begin, behind " in "; its end when it names none. */
static size_t calls_of(const struct vkd_report *r)
{
    const char *text = r->trap.bytes, *own = own_call(r), *last = NULL;
    for (const char *at = text; (at = strstr(at, " in ")) != NULL && (own == NULL || at + 4 <= own); at += 4)
        last = at;
    return last != NULL ? (size_t)(last + 4 - text) : r->trap.len;
}

/* The line of the outermost call, which is the test's own; else where the test begins. */
static uint32_t line_of(const struct vkd_report *r, size_t calls)
{
    const char *colon = calls < r->trap.len ? strrchr(r->trap.bytes + calls, ':') : NULL;
    char *end = NULL;
    unsigned long line = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
    return line != 0 && (*end == '\0' || strcmp(end, ")") == 0) ? (uint32_t)line : r->line;
}

static bool has_several(const struct vkd_report *r, size_t calls)
{
    return calls < r->trap.len && strstr(r->trap.bytes + calls, " < ") != NULL;
}

/* ---- printing ----------------------------------------------------------------------------- */

static const char *what_of(const struct vkd_outcome *outcome)
{
    switch (outcome->verdict) {
    case VKD_VERDICT_STUCK:
        return "it waits for what can never happen";
    case VKD_VERDICT_GAVE_UP:
        return "a supervisor gave up: its actors ended too often";
    case VKD_VERDICT_LATE:
        return "10,000 hours of its clock have passed";
    case VKD_VERDICT_ENDLESS:
        return "5,000,000 turns of the kernel have passed, and it has not ended";
    case VKD_VERDICT_REFUSED:
        return vk_err_text(outcome->error);
    default:
        return proc_reason_text(outcome->reason);
    }
}

static void print_failed(const struct vkd_report *r, const struct vkd_outcome *outcome)
{
    if (r->trap.len == 0 || outcome->verdict != VKD_VERDICT_FAILED) {
        printf("%s:%u: \"%s\": %s\n", r->path, r->line, r->name, what_of(outcome));
        return;
    }
    size_t calls = calls_of(r), text_len = calls < r->trap.len ? calls - 4 : calls;
    printf("%s:%u: \"%s\": %.*s\n", r->path, line_of(r, calls), r->name, (int)text_len, r->trap.bytes);
    if (has_several(r, calls))
        printf("    in %s\n", r->trap.bytes + calls);
}

static void print_log(const struct vkd_report *r)
{
    if (r->log.len > 0)
        fwrite(r->log.bytes, 1, r->log.len, stdout);
    if (r->dropped > 0)
        printf("    and %u more lines\n", r->dropped);
}

void vkd_report_end(struct vkd_report *r, const struct vkd_outcome *outcome)
{
    bool is_passed = outcome->verdict == VKD_VERDICT_PASSED;
    r->passed += is_passed;
    r->failed += !is_passed;
    if (!is_passed)
        print_failed(r, outcome);
    else if (r->is_verbose)
        printf("%s:%u: \"%s\": passed\n", r->path, r->line, r->name);
    if (!is_passed || r->is_verbose)
        print_log(r);
}

void vkd_report_fini(struct vkd_report *r)
{
    vkc_text_fini(&r->log);
    vkc_text_fini(&r->trap);
}
