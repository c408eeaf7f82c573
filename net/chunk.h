/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunked coding (RFC 9112, 7.1): an incremental decoder that takes input
 * cut anywhere and hands out the payload in place, and what an encoder writes
 * around its chunks. Extensions and trailer fields are checked and dropped.
 *
 * Stricter than the RFC where two readers may differ: line ends are CRLF, no
 * white space stands around a size, and a size has at most 16 digits.
 */
#ifndef NET_CHUNK_H
#define NET_CHUNK_H

#include "vk/base.h"
#include "vk/bytes.h"

/* Zeroed for each body. */
struct net_chunk {
    /* private */
    uint64_t left_bytes;    /* of the size being read, then of the data to come */
    uint16_t ext_bytes;     /* of this chunk's extensions so far */
    uint16_t trailer_bytes; /* of the trailer section so far */
    uint8_t state;
    uint8_t digits; /* of the size so far */
};

/*
 * Take the next piece of a chunked body.
 *
 * in        input not taken yet; moved forward over what was taken. Stays where
 *           the body ends, so what is left then belongs to the next request.
 * ret_data  set when 0 is returned: a stretch of payload inside the input; the
 *           empty span at the end of the body, then and ever after
 *
 * Returns 0; -VK_EAGAIN when all input is taken and the body goes on;
 * -VK_EMALFORMED (answer 400) for anything but strict chunks, a size above
 * INT64_MAX, extensions above NET_CHUNK_EXT_MAX_BYTES; -VK_ETOOBIG (answer
 * 431) for trailers above NET_TRAILER_MAX_BYTES. Errors stay.
 */
int net_chunk_next(struct net_chunk *chunk, struct vk_span *in, struct vk_span *ret_data);

VK_INLINE bool net_chunk_is_done(const struct net_chunk *chunk);

/*
 * What an encoder writes: per chunk net_chunk_begin, the data, NET_CHUNK_END;
 * at the end NET_CHUNK_LAST. A chunk is never empty, since that would be the last.
 */
#define NET_CHUNK_BEGIN_MAX 18u /* 16 digits, CRLF */
#define NET_CHUNK_END       "\r\n"
#define NET_CHUNK_LAST      "0\r\n\r\n"

/* Writes the size line of a chunk of data_bytes (at least 1); returns its length. */
size_t net_chunk_begin(uint8_t out[NET_CHUNK_BEGIN_MAX], uint64_t data_bytes);

/* private: states of the decoder, named for what comes next */
enum net_chunk_state {
    NET_CHUNK_SIZE,
    NET_CHUNK_EXT,
    NET_CHUNK_SIZE_LF,
    NET_CHUNK_DATA,
    NET_CHUNK_DATA_CR,
    NET_CHUNK_DATA_LF,
    NET_CHUNK_TRAILER,
    NET_CHUNK_TRAILER_NAME,
    NET_CHUNK_TRAILER_VALUE,
    NET_CHUNK_TRAILER_LF,
    NET_CHUNK_LAST_LF,
    NET_CHUNK_DONE,
    NET_CHUNK_BAD,
    NET_CHUNK_BIG,
};

VK_INLINE bool net_chunk_is_done(const struct net_chunk *chunk)
{
    return chunk->state == NET_CHUNK_DONE;
}

#endif
