/* SPDX-License-Identifier: Apache-2.0 */
/* Source: virtio 1.2, 5.3. */
#include "metal/virtio/console.h"

#include "metal/frames.h"
#include "vk/err.h"

#define QUEUE   1u /* of the first port, towards the host */
#define ENTRIES 2u

int metal_virtio_console_open(struct metal_virtio_console *console, struct metal_virtio *device)
{
    *console = (struct metal_virtio_console){.device = device};
    uint64_t frame = metal_frame_take();
    if (frame == METAL_FRAME_NONE)
        return -VK_ENOMEM;
    console->memory = (uint8_t *)(uintptr_t)frame;
    int rc = metal_virtio_begin(device, 0, METAL_F_EVENT_IDX);
    if (rc == 0)
        rc = metal_virtio_queue(device, QUEUE, ENTRIES, &console->queue);
    if (rc != 0) {
        metal_virtio_console_close(console);
        return rc;
    }
    metal_virtio_run(device);
    console->is_up = true;
    return 0;
}

void metal_virtio_console_close(struct metal_virtio_console *console)
{
    if (console->memory != NULL && metal_virtio_stop(console->device) == 0) {
        metal_frame_give((uintptr_t)console->memory);
        metal_queue_fini(&console->queue);
    }
    *console = (struct metal_virtio_console){0};
}

/* At most a page. */
static int write_piece(struct metal_virtio_console *console, uint32_t len_bytes)
{
    const struct metal_queue_piece piece = {console->memory, len_bytes};
    struct metal_queue_used used;
    return metal_virtio_exchange(console->device, QUEUE, &console->queue, &piece, false,
                                 METAL_CONSOLE_WAIT_NS, &used);
}

int metal_virtio_console_write(struct metal_virtio_console *console, const char *text, size_t len_bytes)
{
    while (console->is_up && len_bytes > 0) {
        uint32_t part_bytes = len_bytes < VK_PAGE_BYTES ? (uint32_t)len_bytes : VK_PAGE_BYTES;
        memcpy(console->memory, text, part_bytes);
        console->is_up = write_piece(console, part_bytes) == 0;
        text += part_bytes;
        len_bytes -= part_bytes;
    }
    return console->is_up ? 0 : -VK_EIO;
}
