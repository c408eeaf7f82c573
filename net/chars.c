/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chars.h"

#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define IS_ALNUM(c) (IS_DIGIT(c) || (((c) | 32) >= 'a' && ((c) | 32) <= 'z' && (c) < 128))
#define IS_HEX(c)   (IS_DIGIT(c) || (((c) | 32) >= 'a' && ((c) | 32) <= 'f' && (c) < 128))

#define IS_TOKEN_MARK(c)                                                                                  \
    ((c) == '!' || ((c) >= '#' && (c) <= '\'') || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || \
     (c) == '^' || (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')

/* unreserved marks and sub-delims of RFC 3986 */
#define IS_HOST_MARK(c)                                                                                \
    ((c) == '-' || (c) == '.' || (c) == '_' || (c) == '~' || (c) == '!' || (c) == '$' || (c) == ';' || \
     ((c) >= '&' && (c) <= ',') || (c) == '=')

/* What URLs in browsers leave as it is although RFC 3986 has it encoded. */
#define IS_PATH_EXTRA(c) ((c) == '[' || (c) == ']' || (c) == '|')
#define IS_QUERY_EXTRA(c) \
    (IS_PATH_EXTRA(c) || (c) == '\\' || (c) == '^' || (c) == '`' || (c) == '{' || (c) == '}')

#define IS_PATH(c) \
    (IS_ALNUM(c) || IS_HOST_MARK(c) || (c) == ':' || (c) == '@' || (c) == '/' || IS_PATH_EXTRA(c))

#define CLASSES(c)                                                                                        \
    (uint8_t)((IS_ALNUM(c) || IS_TOKEN_MARK(c) ? NET_CHAR_TOKEN : 0) | (IS_PATH(c) ? NET_CHAR_PATH : 0) | \
              (IS_PATH(c) || IS_QUERY_EXTRA(c) || (c) == '?' || (c) == '%' ? NET_CHAR_QUERY : 0) |        \
              (IS_ALNUM(c) || IS_HOST_MARK(c) ? NET_CHAR_HOST : 0) |                                      \
              ((c) == '\t' || ((c) >= ' ' && (c) != 127) ? NET_CHAR_VALUE : 0) |                          \
              (IS_DIGIT(c) ? NET_CHAR_DIGIT : 0) | (IS_HEX(c) ? NET_CHAR_HEX : 0))

#define ROW4(c)  CLASSES(c), CLASSES((c) + 1), CLASSES((c) + 2), CLASSES((c) + 3)
#define ROW16(c) ROW4(c), ROW4((c) + 4), ROW4((c) + 8), ROW4((c) + 12)
#define ROW64(c) ROW16(c), ROW16((c) + 16), ROW16((c) + 32), ROW16((c) + 48)

const uint8_t net_chars[256] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};

bool net_chars_same(const uint8_t *a, const uint8_t *b, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        uint8_t x = a[i], y = b[i];
        if (x == y)
            continue;
        if ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z')
            return false;
    }
    return true;
}
