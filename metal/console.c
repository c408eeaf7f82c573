/* SPDX-License-Identifier: Apache-2.0 */
/* Source: National Semiconductor PC16550D data sheet, section 8. */
#include "metal/console.h"

#include "metal/cpu.h"
#include "metal/virtio/console.h"
#include "metal/virtio/find.h"
#include "vk/bytes.h"
#include "vk/plat.h"

#define PORT       0x3f8
#define REG_DATA   (PORT + 0)
#define REG_IER    (PORT + 1) /* with DLAB: high byte of the divisor */
#define REG_FCR    (PORT + 2)
#define REG_LCR    (PORT + 3)
#define REG_MCR    (PORT + 4)
#define REG_LSR    (PORT + 5)
#define REG_SPARE  (PORT + 7) /* keeps what is written to it */
#define SPARE_TRY  0x5a
#define LCR_8N1    0x03
#define LCR_DLAB   0x80
#define LSR_ROOM   0x20
#define WAIT_LOOPS 100000u /* a port that has no room for so long has nobody who reads it */

static struct {
    bool has_port;
    bool is_stalled; /* the port had no room in time: it is not waited for until it has some */
    bool is_writing; /* to the virtio console: a panic in there must not come back to it */
    struct metal_virtio_console virtio;
} console;

void metal_console_init(void)
{
    metal_outb(REG_SPARE, SPARE_TRY);
    console.has_port = metal_inb(REG_SPARE) == SPARE_TRY;
    metal_outb(REG_IER, 0);
    metal_outb(REG_LCR, LCR_8N1 | LCR_DLAB);
    metal_outb(REG_DATA, 1); /* divisor 1: 115200 baud */
    metal_outb(REG_IER, 0);
    metal_outb(REG_LCR, LCR_8N1);
    metal_outb(REG_FCR, 0x07); /* FIFOs on and empty */
    metal_outb(REG_MCR, 0x03); /* DTR, RTS */
}

/* The command line has this word. */
static bool has_word(const char *line, struct vk_span word)
{
    struct vk_span rest = vk_span_text(line);
    while (rest.len > 0) {
        size_t end = vk_span_find(rest, ' ');
        if (vk_span_equal(vk_span(rest.ptr, end), word))
            return true;
        rest = vk_span_skip(rest, end < rest.len ? end + 1 : end);
    }
    return false;
}

void metal_console_choose(const struct boot_info *info)
{
    bool is_asked_for = has_word(info->command_line, VK_SPAN_LIT("console=virtio"));
    if (console.has_port && !is_asked_for)
        return;
    struct metal_virtio *device;
    int rc = metal_virtio_find(METAL_VIRTIO_CONSOLE, &device);
    if (rc == 0)
        rc = metal_virtio_console_open(&console.virtio, device);
    if (rc != 0 && is_asked_for)
        metal_console_text("console=virtio: the machine has no virtio console that can be used\n");
}

static bool has_room(void)
{
    return metal_inb(REG_LSR) & LSR_ROOM;
}

/* What nobody reads is lost: a program that logs must not hold the machine for it. */
static void write_port(const char *text, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        uint32_t left = console.is_stalled ? 0 : WAIT_LOOPS;
        while (!has_room() && left > 0)
            left--;
        console.is_stalled = !has_room();
        if (!console.is_stalled)
            metal_outb(REG_DATA, (uint8_t)text[i]);
    }
}

void plat_console(const char *text, size_t len_bytes)
{
    bool is_written = false;
    if (!console.is_writing) {
        console.is_writing = true;
        is_written = metal_virtio_console_write(&console.virtio, text, len_bytes) == 0;
        console.is_writing = false;
    }
    if (!is_written)
        write_port(text, len_bytes);
}

void metal_console_text(const char *text)
{
    plat_console(text, vk_span_text(text).len);
}

void metal_console_hex(uint64_t value)
{
    char digits[16];
    for (size_t i = sizeof digits; i > 0; i--, value >>= 4)
        digits[i - 1] = "0123456789abcdef"[value & 15];
    plat_console(digits, sizeof digits);
}

void metal_console_dec(uint64_t value)
{
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    plat_console(digits + first, sizeof digits - first);
}
