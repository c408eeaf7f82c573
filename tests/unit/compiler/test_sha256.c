/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the digest is SHA-256's. Method: the standard's examples, and values of another implementation around
 * each edge of a block. */
#include "compiler/sha256.h"

#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static const struct {
    size_t len;
    const char *digest;
} cases[] = {
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {1, "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"},
    {3, "6ab0dba1f4f1dfbb37b4f9eeb092c09fca4900ad32bdcd147d8dde35d6c87c35"},
    {54, "1ad616be707a2b269ecfe28bdea4a4284a4f78a221287d45b98004231f501c77"},
    {55, "81afe5b788dc2ce138ff83d9b20164db75a94d75d2b2432eea4a0ef605088c72"},
    {56, "2aba54f0ac632420a2b502431408866e40e1d5e430df4cd822642c78ab2eb9c1"},
    {57, "903284efbf9100e8ba1614ec65eacacad125e03f857cae7acbf8b73b23e0fdfe"},
    {63, "733d3d4ee79ee67145bf73da13588f6f235d37414fc64b14a2f00f1762792f5e"},
    {64, "79322907b3e9d013d7dc2c2f256674dbf733045cde01df3539271c6f5605feb8"},
    {65, "d85c007c6eb440f085afa2b84f6f2bce4658b240e9f62cb1364bf0485a57e720"},
    {119, "6c87eedf096b345de205b702e5223b73b447a3207791ded3ea007ba15ed6736e"},
    {120, "42500cf6a1e3936d6b9e0bcfe296d654b63255e525487d3634d0b15fde591c4d"},
    {128, "489d55fea9a73af36b6dd0be7b4117d8e5683386d39544e8a44c99a87f368707"},
    {1000, "6b0df76627243d095b0c4400cb658b7e804dd03461cc03aee8fc8fe0bcada168"},
};

static void check(const void *bytes, size_t len, const char *wanted)
{
    uint8_t digest[VKC_SHA256_BYTES];
    char text[2 * VKC_SHA256_BYTES + 1];
    vkc_sha256(bytes, len, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    CHECK(strcmp(text, wanted) == 0);
}

TEST(sha256, the_examples_of_the_standard)
{
    check("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256, around_the_edges_of_blocks)
{
    uint8_t bytes[1000];
    for (size_t i = 0; i < VK_COUNT(cases); i++) {
        for (size_t at = 0; at < cases[i].len; at++)
            bytes[at] = (uint8_t)(at * 7 + cases[i].len);
        check(bytes, cases[i].len, cases[i].digest);
    }
}
