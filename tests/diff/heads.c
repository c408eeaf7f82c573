/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of llhttp.js: prints what scan and parser make of heads.
 *
 *   heads samples   the table of tests/unit/net/heads.h, a head in hex per line
 *   heads           for each line of hex on standard input a line: the status, and for an
 *                   accepted head minor, persistence, target and fields, bytes in hex
 */
#include "tests/unit/net/heads.h"
#include "net/head.h"
#include "net/scan.h"

#include <stdio.h>
#include <string.h>

static uint8_t bytes[4096];

static void print_hex(const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02x", from[i]);
}

static void print_range(char before, const uint8_t *head, struct net_range range)
{
    putchar(before);
    print_hex(head + range.off, range.len);
}

/* Bytes of a line of hex; 0 when the line is not hex. */
static size_t read_hex(const char *line)
{
    size_t len = 0;
    unsigned byte;
    while (len < sizeof(bytes) && sscanf(line + 2 * len, "%2x", &byte) == 1)
        bytes[len++] = (uint8_t)byte;
    return len;
}

static void judge(size_t len)
{
    static struct net_head head;
    struct net_scan scan = {0};
    size_t head_len = 0;
    int err = net_scan_head(&scan, bytes, len, &head_len);
    const uint8_t *start = bytes + scan.start;
    uint32_t status = err ? 400 : net_head_parse(&head, start, head_len - scan.start);
    printf("%u", status);
    if (status == 0) {
        printf(" %u %u", head.minor, (head.flags & NET_HEAD_KEEP_ALIVE) != 0);
        print_range(' ', start, head.target);
        for (uint32_t i = 0; i < head.fields_count; i++) {
            print_range(' ', start, head.fields[i].name);
            print_range(':', start, head.fields[i].value);
        }
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    static char line[2 * sizeof(bytes) + 2];
    if (argc == 2 && strcmp(argv[1], "samples") == 0) {
        for (size_t i = 0; i < VK_COUNT(samples); i++) {
            print_hex((const uint8_t *)samples[i].bytes, samples[i].len);
            putchar('\n');
        }
        return 0;
    }
    while (fgets(line, sizeof(line), stdin) != NULL)
        judge(read_hex(line));
    return 0;
}
