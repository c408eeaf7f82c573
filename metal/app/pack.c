/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack IMAGE BYTES SOURCE: the kernel of an image, packed, and an assembler
 * source that puts it behind the unpacker (unpack.S). Runs while building.
 *
 * BYTES is one block of LZ4 (its block format: sequences of a token, literals,
 * an offset of 16 bits and a length). The cheapest sequences are found by
 * dynamic programming from the end on, since time does not matter here; what the
 * format asks for at the end of a block is kept, though the unpacker does not
 * need it. The result is unpacked again and compared.
 */
#include "metal/attach.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_MAX   (1u << 20) /* unpack.ld puts the packed bytes behind it; a larger one is refused */
#define KERNEL_START 0x100000u  /* link.ld */
#define WINDOW       65535u
#define MATCH_MIN    4u
#define LITERALS_END 5u   /* the last so many bytes are literals */
#define MATCH_END    12u  /* no match begins in the last so many bytes */
#define TRIES_MAX    512u /* earlier places looked at, for each byte */
#define HASH_BITS    16u
#define NOWHERE      UINT32_MAX
#define NIBBLE       15u

static uint8_t kernel[KERNEL_MAX], packed[2 * KERNEL_MAX], again[KERNEL_MAX];
static uint32_t heads[1u << HASH_BITS], links[KERNEL_MAX];
static uint32_t match_len[KERNEL_MAX], match_offset[KERNEL_MAX], taken[KERNEL_MAX], cost[KERNEL_MAX + 1];

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "pack: %s\n", what);
    exit(1);
}

/* ---- packing ------------------------------------------------------------------- */

static uint32_t hash_at(uint32_t i)
{
    uint32_t word;
    memcpy(&word, kernel + i, sizeof word);
    return word * 2654435761u >> (32 - HASH_BITS);
}

/* The longest match for the bytes at i among those before. */
static void find_match(uint32_t i, uint32_t len)
{
    uint32_t tries = TRIES_MAX;
    for (uint32_t at = heads[hash_at(i)]; at != NOWHERE && i - at <= WINDOW && tries > 0;
         at = links[at], tries--) {
        uint32_t n = 0;
        while (i + n < len - LITERALS_END && kernel[at + n] == kernel[i + n])
            n++;
        if (n >= MATCH_MIN && n > match_len[i]) {
            match_len[i] = n;
            match_offset[i] = i - at;
        }
    }
}

static void find_matches(uint32_t len)
{
    memset(heads, 0xff, sizeof heads);
    for (uint32_t i = 0; i + MATCH_END < len; i++) {
        find_match(i, len);
        links[i] = heads[hash_at(i)];
        heads[hash_at(i)] = i;
    }
}

/* Bytes that a length takes beside its nibble. */
static uint32_t length_bytes(uint32_t length)
{
    return length < NIBBLE ? 0 : 1 + (length - NIBBLE) / 255;
}

/* From each byte on: what the rest costs, and how long a match is taken here; 0: a literal. */
static void choose(uint32_t len)
{
    cost[len] = 0;
    for (uint32_t i = len; i-- > 0;) {
        cost[i] = cost[i + 1] + 1;
        taken[i] = 0;
        for (uint32_t n = MATCH_MIN; n <= match_len[i]; n++) {
            uint32_t with = cost[i + n] + 3 + length_bytes(n - MATCH_MIN);
            if (with < cost[i]) {
                cost[i] = with;
                taken[i] = n;
            }
        }
    }
}

static uint8_t *put_length(uint8_t *to, uint32_t length)
{
    if (length < NIBBLE)
        return to;
    for (length -= NIBBLE; length >= 255; length -= 255)
        *to++ = 255;
    *to++ = (uint8_t)length;
    return to;
}

/* A sequence: literals, and a match unless n is 0. */
static uint8_t *put_sequence(uint8_t *to, const uint8_t *literals, uint32_t count, uint32_t n,
                             uint32_t offset)
{
    uint32_t high = count < NIBBLE ? count : NIBBLE, length = n != 0 ? n - MATCH_MIN : 0;
    uint32_t low = length < NIBBLE ? length : NIBBLE;
    *to++ = (uint8_t)(high << 4 | low);
    to = put_length(to, count);
    memcpy(to, literals, count);
    to += count;
    if (n == 0)
        return to;
    *to++ = (uint8_t)offset;
    *to++ = (uint8_t)(offset >> 8);
    return put_length(to, length);
}

static uint32_t pack(uint32_t len)
{
    uint8_t *to = packed;
    uint32_t literals_from = 0;
    find_matches(len);
    choose(len);
    for (uint32_t i = 0; i < len;) {
        if (taken[i] == 0) {
            i++;
            continue;
        }
        to = put_sequence(to, kernel + literals_from, i - literals_from, taken[i], match_offset[i]);
        i += taken[i];
        literals_from = i;
    }
    to = put_sequence(to, kernel + literals_from, len - literals_from, 0, 0);
    return (uint32_t)(to - packed);
}

/* ---- and back ------------------------------------------------------------------ */

static uint32_t take_length(const uint8_t **from, uint32_t nibble)
{
    uint32_t length = nibble;
    for (uint8_t more = nibble == NIBBLE ? 255 : 0; more == 255; length += more)
        more = *(*from)++;
    return length;
}

static void check(uint32_t packed_len, uint32_t len)
{
    const uint8_t *from = packed;
    uint32_t done = 0;
    for (;;) {
        uint8_t token = *from++;
        for (uint32_t n = take_length(&from, token >> 4); n > 0; n--)
            again[done++] = *from++;
        if (from == packed + packed_len)
            break;
        uint32_t offset = from[0] | (uint32_t)from[1] << 8;
        from += 2;
        for (uint32_t n = take_length(&from, token & NIBBLE) + MATCH_MIN; n > 0; n--, done++)
            again[done] = again[done - offset];
    }
    if (done != len || memcmp(again, kernel, len) != 0)
        fail("what was packed is something else unpacked");
}

/* ---- the image ------------------------------------------------------------------- */

static uint8_t *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail("the image cannot be read");
    long len = ftell(file);
    uint8_t *bytes = len > 0 ? malloc((size_t)len) : NULL;
    if (bytes == NULL || fseek(file, 0, SEEK_SET) != 0 || fread(bytes, 1, (size_t)len, file) != (size_t)len)
        fail("the image cannot be read");
    (void)fclose(file);
    return bytes;
}

/* The linker's own output: offsets in it are not checked. */
static uint64_t find_symbol(const uint8_t *file, const char *name)
{
    const Elf64_Ehdr *head = (const void *)file;
    const Elf64_Shdr *sections = (const void *)(file + head->e_shoff);
    for (uint32_t i = 0; i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB)
            continue;
        const Elf64_Sym *symbols = (const void *)(file + sections[i].sh_offset);
        const char *names = (const char *)file + sections[sections[i].sh_link].sh_offset;
        for (uint64_t k = 0; k < sections[i].sh_size / sizeof symbols[0]; k++)
            if (strcmp(names + symbols[k].st_name, name) == 0)
                return symbols[k].st_value;
    }
    fail("the image has not the symbols that it should have");
}

/* What the file has of the kernel's memory. Returns its length. */
static uint32_t lay_out(const uint8_t *file)
{
    const Elf64_Ehdr *head = (const void *)file;
    const Elf64_Phdr *segments = (const void *)(file + head->e_phoff);
    uint64_t len = 0;
    for (uint32_t i = 0; i < head->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD || segments[i].p_filesz == 0)
            continue;
        uint64_t start = segments[i].p_paddr - KERNEL_START, end = start + segments[i].p_filesz;
        if (segments[i].p_paddr < KERNEL_START || end > KERNEL_MAX)
            fail("the kernel does not fit where it is unpacked");
        memcpy(kernel + start, file + segments[i].p_offset, segments[i].p_filesz);
        len = end > len ? end : len;
    }
    if (find_symbol(file, "metal_image_end") > KERNEL_START + KERNEL_MAX)
        fail("the kernel does not fit below its packed bytes");
    return (uint32_t)len;
}

/* The address of the place for a module, whose magic goes: the one of the unpacker is to be found. */
static uint32_t find_place(uint32_t len)
{
    for (uint32_t i = 0; i + sizeof(struct metal_attach) <= len; i += 8)
        if (memcmp(kernel + i, METAL_ATTACH_MAGIC, METAL_ATTACH_BYTES) == 0) {
            memset(kernel + i, 0, METAL_ATTACH_BYTES);
            return KERNEL_START + i;
        }
    fail("the kernel has no place for a module");
}

static void write_bytes(const char *path, uint32_t len)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(packed, 1, len, file) != len || fclose(file) != 0)
        fail("the packed bytes cannot be written");
}

static void write_source(const char *path, const char *bytes_path, const uint8_t *file, uint32_t place)
{
    char *bytes = realpath(bytes_path, NULL);
    FILE *source = fopen(path, "w");
    if (bytes == NULL || source == NULL)
        fail("the source cannot be written");
    fprintf(source,
            "    .globl kernel_start, kernel_entry, kernel_stack, kernel_place, kernel_packed, "
            "kernel_packed_end\n"
            "    .set kernel_start, 0x%x\n    .set kernel_entry, 0x%llx\n    .set kernel_stack, 0x%llx\n"
            "    .set kernel_place, 0x%x\n    .section .packed, \"a\", @progbits\nkernel_packed:\n"
            "    .incbin \"%s\"\nkernel_packed_end:\n    .section .note.GNU-stack, \"\", @progbits\n",
            KERNEL_START, (unsigned long long)find_symbol(file, "metal_boot_unpacked"),
            (unsigned long long)find_symbol(file, "metal_stack_top"),
            place + (uint32_t)offsetof(struct metal_attach, base), bytes);
    free(bytes);
    if (fclose(source) != 0)
        fail("the source cannot be written");
}

int main(int argc, char **argv)
{
    if (argc != 4)
        fail("usage: pack IMAGE BYTES SOURCE");
    uint8_t *file = read_file(argv[1]);
    uint32_t len = lay_out(file);
    uint32_t place = find_place(len);
    uint32_t packed_len = pack(len);
    check(packed_len, len);
    write_bytes(argv[2], packed_len);
    write_source(argv[3], argv[2], file, place);
    free(file);
    return 0;
}
