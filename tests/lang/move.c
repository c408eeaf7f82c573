/* SPDX-License-Identifier: Apache-2.0 */
/* Places for heaps that move: pages of one range in turn, each run some pages further. */
#include "interp/program.h"

#define PLACES_BYTES (272u << 20)
#define STEP_PAGES   37u

static _Alignas(VK_PAGE_BYTES) uint8_t places[PLACES_BYTES];

void *interp_move_place(uint32_t len_bytes)
{
    static uint32_t turn;
    uint32_t pages = (PLACES_BYTES - len_bytes) / VK_PAGE_BYTES;
    vk_assert(len_bytes < PLACES_BYTES);
    turn += STEP_PAGES;
    return places + (size_t)(turn % pages) * VK_PAGE_BYTES;
}
