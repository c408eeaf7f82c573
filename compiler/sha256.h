/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of bytes that are all there: names the content of an embedded file. */
#ifndef COMPILER_SHA256_H
#define COMPILER_SHA256_H

#include "vk/base.h"

#define VKC_SHA256_BYTES 32u

void vkc_sha256(const void *bytes, size_t len_bytes, uint8_t ret_digest[VKC_SHA256_BYTES]);

#endif
