/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, strictly as RFC 8259 has it: a scanner that is asked for one token
 * after the other, and the text of strings both ways. Numbers are parsed by
 * interp_int_parse and interp_float_parse; what interp_float_print writes is
 * JSON but for "nan" and "inf".
 *
 * The RFC leaves some things to the reader: here arrays and objects are nested
 * at most INTERP_JSON_DEPTH_MAX deep, a number has at most
 * INTERP_NUMBER_MAX_BYTES, half a surrogate pair is an error, and so is a byte
 * order mark. Whether names repeat is for those who build objects to see.
 */
#ifndef INTERP_TEXT_JSON_H
#define INTERP_TEXT_JSON_H

#include "interp/text/pass.h"

enum interp_json_token {
    INTERP_JSON_DONE, /* the value is complete and nothing follows */
    INTERP_JSON_OBJECT,
    INTERP_JSON_OBJECT_END,
    INTERP_JSON_ARRAY,
    INTERP_JSON_ARRAY_END,
    INTERP_JSON_NAME,
    INTERP_JSON_STRING,
    INTERP_JSON_INT,   /* a number without point and exponent */
    INTERP_JSON_FLOAT, /* any other */
    INTERP_JSON_TRUE,
    INTERP_JSON_FALSE,
    INTERP_JSON_NULL,
};

#define INTERP_JSON_REASONS(X)                                         \
    X(NONE, "no error")                                                \
    X(END, "the text ends before the value does")                      \
    X(VALUE, "expected a value")                                       \
    X(NAME, "expected a name in quotes")                               \
    X(COLON, "expected ':'")                                           \
    X(ITEM, "expected ',' or ']'")                                     \
    X(FIELD, "expected ',' or '}'")                                    \
    X(MORE, "expected nothing after the value")                        \
    X(DEPTH, "nested too deep")                                        \
    X(NUMBER, "malformed number")                                      \
    X(LONG, "number with too many digits")                             \
    X(CONTROL, "control character in a string; write it as an escape") \
    X(ESCAPE, "unknown escape in a string")                            \
    X(SURROGATE, "half of a surrogate pair in a string")               \
    X(UTF8, "invalid UTF-8 in a string")

enum interp_json_reason {
#define X(name, text) INTERP_JSON_BAD_##name,
    INTERP_JSON_REASONS(X)
#undef X
};

/* Holds no pointers: it may lie in a heap that moves. Zeroed for each text. */
struct interp_json {
    bool is_utf8; /* set by the caller when the text is known to be valid UTF-8: it is not checked again */

    /* of the token given last */
    size_t start;     /* its first byte; of strings and names, the one after the quote */
    size_t len;       /* its bytes in the text, without quotes */
    size_t plain_len; /* of strings and names, the bytes without escapes; len where there are none */

    size_t at;      /* behind the token; after an error, where it is */
    uint8_t reason; /* enum interp_json_reason, after an error */

    /* private */
    uint8_t state;
    uint8_t depth;
    bool is_in_string; /* a slice ended there: start and plain_len stand */
    bool is_name;
    uint64_t objects; /* bit i: level i + 1 is an object, not an array */
};

/*
 * The next token.
 *
 * text       the whole text, the same bytes in every call
 * bytes_max  how much to look at, at least 1; what is short is ended beyond it
 * ret_token  set on success
 *
 * Returns 0; -VK_EAGAIN when the slice is used up; -VK_EMALFORMED, then and
 * ever after, with scan->at and scan->reason.
 */
int interp_json_next(struct interp_json *scan, struct vk_span text, size_t bytes_max,
                     enum interp_json_token *ret_token);

/* The bytes of the token given last. */
VK_INLINE struct vk_span interp_json_span(const struct interp_json *scan, struct vk_span text)
{
    return vk_span(text.ptr + scan->start, scan->len);
}

/* A sentence; "no error" for numbers that are no reason. */
struct vk_span interp_json_reason_text(uint32_t reason);

/*
 * Conversions (interp_convert_fn). Unescape takes what stands between the
 * quotes of a string that was scanned; the result is valid UTF-8 if the string
 * was, and has plain_len bytes. Escape takes any text and leaves out the
 * quotes; only what must be is escaped.
 */
int interp_json_unescape(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);
int interp_json_escape(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

/* Whether a scanned string, unescaped, is `plain`. */
bool interp_json_equal(struct vk_span text, struct vk_span plain);

#endif
