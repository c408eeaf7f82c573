/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Intel 82093AA (IO-APIC) data sheet, 3; Intel SDM vol. 3, 10.11 (messages). */
#include "metal/irq.h"

#include "metal/apic.h"
#include "metal/paging.h"
#include "metal/trap.h"
#include "vk/err.h"
#include "vk/limits.h"

#define IO_APIC_BASE     0xfec00000ull /* of every machine of ours; others move it */
#define IO_APIC_SELECT   0u            /* registers, as indices of words */
#define IO_APIC_WINDOW   4u
#define IO_APIC_VERSION  1u
#define IO_APIC_LINES    0x10u /* two registers each */
#define VERSION_LAST_BIT 16u   /* number of the last line */
#define VERSION_NONE     0xffffffffu
#define DESTINATION_BIT  24u

#define MESSAGE_BASE            0xfee00000ull
#define MESSAGE_DESTINATION_BIT 12u

static struct {
    metal_irq_fn fn;
    void *ctx;
} handlers[METAL_DEVICE_VECTORS];
static uint32_t handler_count;
static uint64_t taken_count;

static volatile uint32_t *io_apic; /* NULL: not looked for yet */

int metal_irq_take(metal_irq_fn fn, void *ctx, uint32_t *ret_vector)
{
    if (handler_count == METAL_DEVICE_VECTORS)
        return -VK_ENOSPC;
    handlers[handler_count].fn = fn;
    handlers[handler_count].ctx = ctx;
    *ret_vector = METAL_VECTOR_DEVICE + handler_count;
    handler_count++;
    return 0;
}

void metal_irq_handle(uint32_t vector)
{
    uint32_t index = vector - METAL_VECTOR_DEVICE;
    taken_count++;
    if (index < handler_count)
        handlers[index].fn(handlers[index].ctx);
}

uint64_t metal_irq_count(void)
{
    return taken_count;
}

static uint32_t read_register(uint32_t index)
{
    io_apic[IO_APIC_SELECT] = index;
    return io_apic[IO_APIC_WINDOW];
}

static void write_register(uint32_t index, uint32_t value)
{
    io_apic[IO_APIC_SELECT] = index;
    io_apic[IO_APIC_WINDOW] = value;
}

int metal_irq_route_line(uint32_t line, uint32_t vector)
{
    if (io_apic == NULL) {
        metal_paging_map_device(IO_APIC_BASE);
        io_apic = (volatile uint32_t *)(uintptr_t)IO_APIC_BASE;
    }
    uint32_t version = read_register(IO_APIC_VERSION);
    if (version == VERSION_NONE || version == 0 || line > (version >> VERSION_LAST_BIT & 0xff))
        return -VK_ENOTSUP;
    write_register(IO_APIC_LINES + 2 * line + 1, metal_apic_id() << DESTINATION_BIT);
    write_register(IO_APIC_LINES + 2 * line, vector); /* fixed, active high, by its edge, not masked */
    return 0;
}

uint64_t metal_irq_message_address(void)
{
    return MESSAGE_BASE | (uint64_t)metal_apic_id() << MESSAGE_DESTINATION_BIT;
}

uint32_t metal_irq_message_data(uint32_t vector)
{
    return vector; /* fixed, by its edge */
}
