/* SPDX-License-Identifier: Apache-2.0 */
/* Source: National Semiconductor PC16550D data sheet, section 8. */
#include "metal/console.h"

#include "metal/cpu.h"
#include "vk/plat.h"

#define PORT       0x3f8
#define REG_DATA   (PORT + 0)
#define REG_IER    (PORT + 1) /* with DLAB: high byte of the divisor */
#define REG_FCR    (PORT + 2)
#define REG_LCR    (PORT + 3)
#define REG_MCR    (PORT + 4)
#define REG_LSR    (PORT + 5)
#define LCR_8N1    0x03
#define LCR_DLAB   0x80
#define LSR_ROOM   0x20
#define WAIT_LOOPS 100000u /* a port that never has room must not hang the kernel */

void metal_console_init(void)
{
    metal_outb(REG_IER, 0);
    metal_outb(REG_LCR, LCR_8N1 | LCR_DLAB);
    metal_outb(REG_DATA, 1); /* divisor 1: 115200 baud */
    metal_outb(REG_IER, 0);
    metal_outb(REG_LCR, LCR_8N1);
    metal_outb(REG_FCR, 0x07); /* FIFOs on and empty */
    metal_outb(REG_MCR, 0x03); /* DTR, RTS */
}

void plat_console(const char *text, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        for (uint32_t left = WAIT_LOOPS; left > 0 && !(metal_inb(REG_LSR) & LSR_ROOM); left--)
            ;
        metal_outb(REG_DATA, (uint8_t)text[i]);
    }
}

void metal_console_text(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    plat_console(text, len);
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
