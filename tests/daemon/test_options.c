/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the command line means what --help says and nothing is ignored.
 * Method: parse argument lists into streams in memory and read both back.
 */
#include "vkd/options.h"

#include "tests/unit/test.h"
#include "vk/addr.h"
#include "vk/err.h"

#include <arpa/inet.h>

#define ARGUMENTS_MAX 12
#define LAST          ((const char *)NULL) /* ends a list of arguments */

struct result {
    enum vkd_parsed parsed;
    struct vkd_options options;
    char out[2048];
    char err[2048];
};

static struct result parse(const char *first, ...)
{
    struct result result = {0};
    char *argv[ARGUMENTS_MAX + 1] = {(char *)(uintptr_t) "/usr/bin/hello"};
    int argc = 1;
    va_list rest;
    va_start(rest, first);
    for (const char *at = first; at != NULL; at = va_arg(rest, const char *))
        argv[argc++] = (char *)(uintptr_t)at;
    va_end(rest);

    FILE *out = fmemopen(result.out, sizeof result.out - 1, "w");
    FILE *err = fmemopen(result.err, sizeof result.err - 1, "w");
    result.parsed = vkd_options_parse(&result.options, "About.", "[FLAGS]", argc, argv, out, err);
    (void)fclose(out);
    (void)fclose(err);
    return result;
}

static bool addr_is(const struct proc_addr *addr, uint8_t family, const char *ip, uint16_t port)
{
    uint8_t expected[16] = {0};
    (void)inet_pton(family == 6 ? AF_INET6 : AF_INET, ip, expected);
    return addr->family == family && addr->port == port && memcmp(addr->ip, expected, sizeof expected) == 0;
}

/* A complaint names the program, says why, and where more is said: two lines, so that the first is seen.
 * Nothing goes to standard output. */
#define CHECK_BAD(why, ...)                                                               \
    do {                                                                                  \
        struct result bad = parse(__VA_ARGS__, LAST);                                     \
        CHECK_EQ(bad.parsed, VKD_PARSED_BAD);                                             \
        CHECK(strstr(bad.err, "hello: ") == bad.err);                                     \
        CHECK(strstr(bad.err, why) != NULL);                                              \
        const char *usage = strchr(bad.err, '\n');                                        \
        CHECK(usage != NULL);                                                             \
        CHECK(strcmp(usage + 1, "usage: hello [FLAGS] (hello --help says more)\n") == 0); \
        CHECK(bad.out[0] == '\0');                                                        \
    } while (0)

TEST(vkd_options, no_flags_are_the_defaults)
{
    struct result result = parse(LAST);
    CHECK_EQ(result.parsed, VKD_PARSED_SERVE);
    CHECK(addr_is(&result.options.listen, 4, "127.0.0.1", 8080));
    CHECK_EQ(result.options.driver, NET_IO_AUTO);
    CHECK_EQ(result.options.guard, VK_GUARD_AUTO);
    CHECK_EQ(result.options.workers, 1);
    CHECK_EQ(result.options.slots, 60000);
    CHECK(!result.options.realtime);
    CHECK(result.err[0] == '\0' && result.out[0] == '\0');
}

TEST(vkd_options, every_flag_in_both_forms)
{
    struct result a =
        parse("--listen", "[::1]:0", "--driver=ev", "--guard", "off", "--workers=256", "--slots=60000", LAST);
    struct result b = parse("--workers", "2", "--guard=mprotect+kernel", "--driver", "uring",
                            "--listen=0.0.0.0:65535", "--slots", "1", LAST);
    CHECK_EQ(a.options.slots, 60000);
    CHECK_EQ(b.options.slots, 1);
    CHECK_EQ(a.parsed, VKD_PARSED_SERVE);
    CHECK(addr_is(&a.options.listen, 6, "::1", 0));
    CHECK_EQ(a.options.driver, NET_IO_EV);
    CHECK_EQ(a.options.guard, VK_GUARD_OFF);
    CHECK_EQ(a.options.workers, 256);
    CHECK_EQ(b.parsed, VKD_PARSED_SERVE);
    CHECK(addr_is(&b.options.listen, 4, "0.0.0.0", 65535));
    CHECK_EQ(b.options.driver, NET_IO_URING);
    CHECK_EQ(b.options.guard, VK_GUARD_MPROTECT_KERNEL);
    CHECK_EQ(b.options.workers, 2);
}

TEST(vkd_options, what_is_not_understood_is_refused)
{
    CHECK_BAD("unknown flag '--port'", "--port", "80");
    CHECK_BAD("unknown flag '--listening=x'", "--listening=x");
    CHECK_BAD("unknown flag '-v'", "-v");
    CHECK_BAD("unknown argument 'extra'", "extra");
    CHECK_BAD("unknown argument ''", "");
    CHECK_BAD("--workers needs a value", "--workers");
    CHECK_BAD("--driver is given twice", "--driver", "ev", "--driver=ev");
}

TEST(vkd_options, realtime_takes_no_value)
{
    struct result result = parse("--realtime", "--workers", "2", LAST);
    CHECK_EQ(result.parsed, VKD_PARSED_SERVE);
    CHECK(result.options.realtime);
    CHECK_EQ(result.options.workers, 2);
    CHECK_BAD("--realtime takes no value", "--realtime=yes");
    CHECK_BAD("--realtime takes no value", "--realtime=");
    CHECK_BAD("unknown argument 'yes'", "--realtime", "yes");
    CHECK_BAD("--realtime is given twice", "--realtime", "--realtime");
    CHECK_BAD("unknown flag '--real'", "--real");
}

TEST(vkd_options, values_out_of_their_range_are_refused)
{
    static const char *const workers[] = {"0", "257", "-1", "+1", " 1", "1 ", "2x", "", "4294967297", "0x2"};
    for (size_t i = 0; i < VK_COUNT(workers); i++)
        CHECK_BAD("expected a number from 1 to 256", "--workers", workers[i]);
    static const char *const slots[] = {"0", "60001", "-1", "many", "1e3", "", " 9", "4294967296"};
    for (size_t i = 0; i < VK_COUNT(slots); i++)
        CHECK_BAD("expected a number from 1 to 60000", "--slots", slots[i]);
    CHECK_BAD("--slots needs a value", "--slots");
    CHECK_BAD("--slots is given twice", "--slots=9", "--slots=9");
    CHECK_BAD("hello: --listen '': expected ADDR:PORT", "--listen=");
    CHECK_BAD("hello: --guard 'on': expected", "--guard", "on");
    CHECK_BAD("hello: --slots 'many': expected", "--slots=many");
    CHECK_BAD("--driver 'epoll': expected auto, uring or ev", "--driver", "epoll");
    CHECK_BAD("expected auto, mprotect, mprotect+kernel, pkey or off", "--guard", "on");
    CHECK_BAD("a port is 0 to 65535", "--listen", "127.0.0.1:65536");
    CHECK_BAD("expected ADDR:PORT", "--listen", "localhost:80");
}

TEST(vkd_options, help_and_version_go_to_standard_output)
{
    struct result help = parse("--workers", "3", "--help", LAST);
    struct result version = parse("--version", LAST);
    CHECK_EQ(help.parsed, VKD_PARSED_DONE);
    CHECK(strstr(help.out, "About.\n\nusage: hello [FLAGS]\n  --listen ADDR:PORT") == help.out);
    CHECK(help.err[0] == '\0');
    CHECK_EQ(version.parsed, VKD_PARSED_DONE);
    CHECK(strstr(version.out, "hello (vkd) ") == version.out);
    CHECK(version.err[0] == '\0');
    struct result brief = parse("-h", LAST);
    CHECK_EQ(brief.parsed, VKD_PARSED_DONE);
    CHECK(strcmp(brief.out, help.out) == 0);
    struct result both = parse("--help", "--version", LAST);
    CHECK_EQ(both.parsed, VKD_PARSED_DONE);
    CHECK(strstr(both.out, "hello (vkd) ") == both.out);
    CHECK(strstr(both.out, "usage: hello [FLAGS]\n") != NULL);
}

TEST(vkd_options, help_and_version_excuse_nothing)
{
    CHECK_BAD("unknown argument 'extra'", "--version", "extra");
    CHECK_BAD("unknown argument 'extra'", "--help", "extra");
    CHECK_BAD("unknown flag '--wrong'", "-h", "--wrong");
    CHECK_BAD("--workers '0': expected", "--help", "--workers", "0");
    CHECK_BAD("--help is given twice", "-h", "--help");
    CHECK_BAD("--version is given twice", "--version", "--help", "--version");
    CHECK_BAD("unknown flag '--help=yes'", "--help=yes");
}

TEST(vkd_options, addresses_are_printed_as_they_were_given)
{
    static const char *const good[] = {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:80", "[2001:db8::7]:65535",
                                       "[fe80::1%1]:8080"};
    for (size_t i = 0; i < VK_COUNT(good); i++) {
        struct proc_addr addr;
        char text[VKD_ADDR_TEXT];
        CHECK_EQ(vkd_addr_parse(good[i], &addr), 0);
        vkd_addr_print(&addr, text);
        CHECK(strcmp(text, good[i]) == 0);
    }
}

/* An address that differs a little from a good one, or from one that differed. */
static void change(char text[64], uint32_t *random)
{
    static const char letters[] = "0123456789abfFg:::...%";
    size_t len = strlen(text);
    *random = *random * 1664525u + 1013904223u;
    size_t at = (*random >> 8) % (len + 1);
    char letter = letters[(*random >> 20) % (sizeof letters - 1)];
    if (*random >> 30 == 0 && at < len) {
        memmove(text + at, text + at + 1, len - at);
    } else if (*random >> 30 == 1 && len < 46) {
        memmove(text + at + 1, text + at, len - at + 1);
        text[at] = letter;
    } else if (at < len) {
        text[at] = letter;
    }
}

TEST(vkd_options, addresses_are_read_as_by_the_c_library)
{
    static const char *const seeds[] = {"127.0.0.1", "::1", "2001:db8::7:8", "1:2:3:4:5:6:7:8",
                                        "::ffff:1.2.3.4"};
    uint32_t random = 1, good = 0;
    for (uint32_t i = 0; i < 400000; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s", seeds[i % VK_COUNT(seeds)]);
        for (uint32_t k = i / VK_COUNT(seeds) % 5; k > 0; k--)
            change(text, &random);
        struct vk_addr addr = {0};
        uint8_t ip[16] = {0};
        int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
        bool is_good = inet_pton(family, text, ip) == 1;
        CHECK_EQ(vk_addr_parse_ip(vk_span_text(text), &addr) == 0, is_good);
        CHECK(!is_good || memcmp(addr.ip, ip, sizeof ip) == 0);
        good += is_good;
    }
    CHECK(good > 100000 && good < 300000);
}

TEST(vkd_options, an_interface_name_becomes_its_number)
{
    struct proc_addr addr;
    CHECK_EQ(vkd_addr_parse("[fe80::1%lo]:80", &addr), 0);
    CHECK_EQ(addr.scope, 1);
}

TEST(vkd_options, malformed_addresses_leave_the_result_alone)
{
    static const char *const bad[] = {"",
                                      ":",
                                      ":80",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:+80",
                                      "127.0.0.1: 80",
                                      "127.0.0.1:80 ",
                                      "127.0.0:80",
                                      "127.0.0.256:80",
                                      "1.2.3.4.5:80",
                                      "*:80",
                                      "::1:80",
                                      "[::1]80",
                                      "[::1:80",
                                      "[]:80",
                                      "[::1]]:80",
                                      "[1.2.3.4]:80",
                                      "[fe80::1%no-such-interface]:80",
                                      "[fe80::1%]:80"};
    for (size_t i = 0; i < VK_COUNT(bad); i++) {
        struct proc_addr addr = {.family = 4, .port = 7};
        CHECK_EQ(vkd_addr_parse(bad[i], &addr), -VK_EMALFORMED);
        CHECK(addr.family == 4 && addr.port == 7);
    }
}

TEST(vkd_options, ports_beyond_65535_are_out_of_range)
{
    struct proc_addr addr;
    char text[256];
    CHECK_EQ(vkd_addr_parse("127.0.0.1:65536", &addr), -VK_ERANGE);
    CHECK_EQ(vkd_addr_parse("127.0.0.1:99999999999999999999", &addr), -VK_ERANGE);
    memset(text, '1', sizeof text - 4);
    memcpy(text + sizeof text - 4, ":80", 4);
    CHECK_EQ(vkd_addr_parse(text, &addr), -VK_EMALFORMED);
}
