/* SPDX-License-Identifier: Apache-2.0 */
/* Source: virtio 1.2, 5.4. */
#include "metal/virtio/rng.h"

#include "metal/frames.h"
#include "vk/err.h"

#define QUEUE       0u
#define ENTRIES     2u
#define PIECE_BYTES 256u /* asked for at once, so that no bytes are fetched to be thrown away */

static int come_up(struct metal_rng *rng)
{
    int rc = metal_virtio_begin(rng->device, 0, METAL_F_EVENT_IDX);
    if (rc == 0)
        rc = metal_virtio_queue(rng->device, QUEUE, ENTRIES, &rng->queue);
    if (rc == 0)
        metal_virtio_run(rng->device);
    rng->is_up = rc == 0;
    return rc;
}

int metal_rng_open(struct metal_rng *rng, struct metal_virtio *device)
{
    *rng = (struct metal_rng){.device = device};
    uint64_t frame = metal_frame_take();
    if (frame == METAL_FRAME_NONE)
        return -VK_ENOMEM;
    rng->memory = (uint8_t *)(uintptr_t)frame;
    int rc = come_up(rng);
    if (rc != 0)
        metal_rng_close(rng);
    return rc;
}

void metal_rng_close(struct metal_rng *rng)
{
    if (rng->memory != NULL && metal_virtio_stop(rng->device) == 0) {
        metal_frame_give((uintptr_t)rng->memory);
        metal_queue_fini(&rng->queue);
    }
    *rng = (struct metal_rng){0};
}

/* At most PIECE_BYTES; the device decides how many, and gives one at least. */
static int read_piece(struct metal_rng *rng, uint32_t want_bytes, uint32_t *ret_bytes)
{
    const struct metal_queue_piece piece = {rng->memory, want_bytes};
    struct metal_queue_used used;
    int rc = metal_virtio_exchange(rng->device, QUEUE, &rng->queue, &piece, true, METAL_RNG_WAIT_NS, &used);
    if (rc != 0 || used.len_bytes == 0)
        return -VK_EIO;
    *ret_bytes = used.len_bytes;
    return 0;
}

int metal_rng_read(struct metal_rng *rng, void *dst, size_t len_bytes)
{
    uint8_t *to = dst;
    while (len_bytes > 0) {
        uint32_t got_bytes, want_bytes = len_bytes < PIECE_BYTES ? (uint32_t)len_bytes : PIECE_BYTES;
        int rc = rng->is_up ? 0 : come_up(rng);
        if (rc == 0)
            rc = read_piece(rng, want_bytes, &got_bytes);
        if (rc != 0) {
            rng->is_up = false; /* a buffer may be with the device still */
            return -VK_EIO;
        }
        memcpy(to, rng->memory, got_bytes);
        memset(rng->memory, 0, got_bytes); /* nobody reads them a second time */
        to += got_bytes;
        len_bytes -= got_bytes;
    }
    return 0;
}
