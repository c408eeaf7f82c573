/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: System V ABI, chapter 4 and 5 (ELF). The table of segments is written
 * anew at the end of the file, where there is room for one more of them.
 */
#include "vkd/image.h"

#include "metal/attach.h"
#include "vk/limits.h"

#include <elf.h>
#include <string.h>

#define PHYSICAL_END        0x100000000ull /* what the image maps */
#define SEGMENT_ALIGN_BYTES 16u            /* in the file; it is loaded, not mapped */

bool vkd_image_is_there(void)
{
    return vkd_metal_image_bytes > 0;
}

/* Where the place for the module is said, in the file. */
static size_t find_place(const unsigned char *file, size_t len_bytes)
{
    size_t at = 0;
    while (at + sizeof(struct metal_attach) <= len_bytes &&
           memcmp(file + at, METAL_ATTACH_MAGIC, METAL_ATTACH_BYTES) != 0)
        at += 8;
    vk_assert(at + sizeof(struct metal_attach) <= len_bytes); /* the unpacker has one */
    return at;
}

/* The first page behind every segment in memory. */
static uint64_t end_of(const Elf64_Phdr *segments, uint16_t count)
{
    uint64_t end = 0;
    for (uint16_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_paddr + segments[i].p_memsz > end)
            end = segments[i].p_paddr + segments[i].p_memsz;
    return VK_ALIGN_UP(end, (uint64_t)VK_PAGE_BYTES);
}

/* Where the file's part of every segment has ended; what follows describes sections, and nobody loads it. */
static size_t loaded_bytes(const Elf64_Phdr *segments, uint16_t count)
{
    uint64_t end = sizeof(Elf64_Ehdr) + count * sizeof segments[0];
    for (uint16_t i = 0; i < count; i++)
        if (segments[i].p_offset + segments[i].p_filesz > end)
            end = segments[i].p_offset + segments[i].p_filesz;
    return end;
}

static void pad_to(struct vkc_text *image, size_t align_bytes)
{
    while (image->len % align_bytes != 0)
        vkc_text_add(image, "", 1);
}

bool vkd_image_make(const void *module, size_t module_bytes, struct vkc_text *ret_image)
{
    Elf64_Ehdr head;
    Elf64_Phdr segments[16];
    memcpy(&head, vkd_metal_image, sizeof head);
    vk_assert(head.e_phnum < VK_COUNT(segments));
    memcpy(segments, vkd_metal_image + head.e_phoff, head.e_phnum * sizeof segments[0]);
    size_t base_bytes = loaded_bytes(segments, head.e_phnum);
    vk_assert(base_bytes <= vkd_metal_image_bytes);

    struct metal_attach place = {.magic = METAL_ATTACH_MAGIC};
    place.base = end_of(segments, head.e_phnum);
    place.len_bytes = module_bytes;
    if (module_bytes > PHYSICAL_END - place.base)
        return false;

    vkc_text_add(ret_image, (const char *)vkd_metal_image, base_bytes);
    pad_to(ret_image, SEGMENT_ALIGN_BYTES);
    segments[head.e_phnum++] = (Elf64_Phdr){.p_type = PT_LOAD,
                                            .p_flags = PF_R,
                                            .p_offset = ret_image->len,
                                            .p_vaddr = place.base,
                                            .p_paddr = place.base,
                                            .p_filesz = module_bytes,
                                            .p_memsz = module_bytes,
                                            .p_align = SEGMENT_ALIGN_BYTES};
    vkc_text_add(ret_image, module, module_bytes);
    pad_to(ret_image, 8);
    head.e_phoff = ret_image->len;
    head.e_shoff = 0;
    head.e_shnum = head.e_shstrndx = 0;
    vkc_text_add(ret_image, (const char *)segments, head.e_phnum * sizeof segments[0]);
    memcpy(ret_image->bytes + find_place(vkd_metal_image, base_bytes), &place, sizeof place);
    memcpy(ret_image->bytes, &head, sizeof head);
    return true;
}
