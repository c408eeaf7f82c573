/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/token.h"

static const char *const names[VKC_TOKEN_KINDS] = {[VKC_TOKEN_END] = "the end of the file",
                                                   [VKC_TOKEN_BAD] = "what is no token",
                                                   [VKC_TOKEN_NAME] = "a name",
                                                   [VKC_TOKEN_INT] = "an Int",
                                                   [VKC_TOKEN_FLOAT] = "a Float",
                                                   [VKC_TOKEN_DURATION] = "a Duration",
                                                   [VKC_TOKEN_SIZE] = "a size",
                                                   [VKC_TOKEN_BYTES] = "a Bytes literal",
                                                   [VKC_TOKEN_STR] = "a text",
                                                   [VKC_TOKEN_STR_HEAD] = "a text",
                                                   [VKC_TOKEN_STR_MID] = "`}`",
                                                   [VKC_TOKEN_STR_TAIL] = "`}`",
#define X(name, spelling) [VKC_TOKEN_##name] = "`" spelling "`",
                                                   VKC_KEYWORDS(X)
#undef X
#define X(name, spelling, goes_on) [VKC_TOKEN_##name] = "`" spelling "`",
                                                       VKC_PUNCTUATION(X)
#undef X
};

static const char *const spellings[VKC_TOKEN_KINDS] = {
#define X(name, spelling) [VKC_TOKEN_##name] = spelling,
    VKC_KEYWORDS(X)
#undef X
#define X(name, spelling, goes_on) [VKC_TOKEN_##name] = spelling,
        VKC_PUNCTUATION(X)
#undef X
};

const char *vkc_token_name(enum vkc_token_kind kind)
{
    return names[kind];
}

const char *vkc_token_spelling(enum vkc_token_kind kind)
{
    return spellings[kind];
}

bool vkc_token_is_keyword(enum vkc_token_kind kind)
{
    return kind >= VKC_TOKEN_ACTOR && kind <= VKC_TOKEN_WHILE;
}
