/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every form of an address is read, and nothing that is none. Method:
 * tables; tests/daemon compares changed addresses with the C library.
 */
#include "vk/addr.h"

#include "tests/unit/test.h"
#include "vk/err.h"

struct good {
    const char *text;
    uint8_t family;
    uint8_t ip[VK_ADDR_IP_BYTES];
};

TEST(vk_addr, forms_of_an_address)
{
    static const struct good all[] = {
        {"0.0.0.0", 4, {0}},
        {"10.0.2.255", 4, {10, 0, 2, 255}},
        {"::", 6, {0}},
        {"::1", 6, {[15] = 1}},
        {"1::", 6, {[1] = 1}},
        {"1:2:3:4:5:6:7:8", 6, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"1:2:3:4:5:6:7::", 6, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7}},
        {"2001:dB8::a:0:fFFf", 6, {0x20, 0x01, 0x0d, 0xb8, [11] = 10, [14] = 0xff, 0xff}},
        {"::ffff:1.2.3.4", 6, {[10] = 0xff, 0xff, 1, 2, 3, 4}},
        {"1:2:3:4:5:6:7.8.9.10", 6, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 7, 8, 9, 10}},
    };
    for (size_t i = 0; i < VK_COUNT(all); i++) {
        struct vk_addr addr = {.port = 7};
        CHECK_EQ(vk_addr_parse_ip(vk_span_text(all[i].text), &addr), 0);
        CHECK_EQ(addr.family, all[i].family);
        CHECK_EQ(addr.port, 7);
        CHECK_EQ(memcmp(addr.ip, all[i].ip, sizeof addr.ip), 0);
    }
}

TEST(vk_addr, what_is_no_address)
{
    static const char *const all[] = {
        "",
        ".",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "1.2.3.4 ",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.0004",
        "-1.2.3.4",
        ":",
        ":::",
        ":1",
        "1:",
        "1:2",
        "1::2::3",
        "::1:",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4::5:6:7:8",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1.2.3.4::",
        "::1.2.3",
        "fe80::1%1",
        "1:2:3:4:5:6:7:8::",
    };
    for (size_t i = 0; i < VK_COUNT(all); i++) {
        struct vk_addr addr = {.family = 9};
        CHECK_EQ(vk_addr_parse_ip(vk_span_text(all[i]), &addr), -VK_EMALFORMED);
        CHECK_EQ(addr.family, 9);
    }
}

TEST(vk_addr, ports_and_scopes)
{
    struct vk_addr addr;
    CHECK_EQ(vk_addr_parse(VK_SPAN_LIT("127.0.0.1:0"), &addr), 0);
    CHECK(addr.family == 4 && addr.port == 0 && addr.scope.len == 0);
    CHECK_EQ(vk_addr_parse(VK_SPAN_LIT("[fe80::1%eth0]:65535"), &addr), 0);
    CHECK(addr.family == 6 && addr.port == 65535 && vk_span_equal(addr.scope, VK_SPAN_LIT("eth0")));
    CHECK_EQ(vk_addr_parse(VK_SPAN_LIT("1.2.3.4:65536"), &addr), -VK_ERANGE);
    CHECK_EQ(vk_addr_parse(VK_SPAN_LIT("1.2.3.4:99999999999999999999"), &addr), -VK_ERANGE);
}

TEST(vk_addr, what_says_no_address_and_port)
{
    static const char *const all[] = {"",           ":",
                                      ":80",        "1.2.3.4",
                                      "1.2.3.4:",   "1.2.3.4:+8",
                                      "1.2.3.4: 8", "::1:80",
                                      "[::1]80",    "[::1:80",
                                      "[]:80",      "[:80",
                                      "[::1]]:80",  "[1.2.3.4]:80",
                                      "[::1%]:80",  "1.2.3.4%1:80",
                                      "*:80",       "localhost:80"};
    for (size_t i = 0; i < VK_COUNT(all); i++) {
        struct vk_addr addr = {.port = 7};
        CHECK_EQ(vk_addr_parse(vk_span_text(all[i]), &addr), -VK_EMALFORMED);
        CHECK_EQ(addr.port, 7);
    }
}
