/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

struct vk_span net_method_name(uint32_t method)
{
    static const char names[NET_METHOD_COUNT][8] = {[NET_METHOD_OTHER] = "",
#define X(name) [NET_METHOD_##name] = #name,
                                                    NET_METHOD_LIST(X)
#undef X
    };
    static const uint8_t lengths[NET_METHOD_COUNT] = {[NET_METHOD_OTHER] = 0,
#define X(name) [NET_METHOD_##name] = sizeof(#name) - 1,
                                                      NET_METHOD_LIST(X)
#undef X
    };
    if (method >= NET_METHOD_COUNT)
        return vk_span(NULL, 0);
    return vk_span(names[method], lengths[method]);
}

enum net_method net_method_parse(struct vk_span token)
{
    for (uint32_t method = 1; method < NET_METHOD_COUNT; method++) {
        struct vk_span name = net_method_name(method);
        if (name.len == token.len && memcmp(name.ptr, token.ptr, name.len) == 0)
            return (enum net_method)method;
    }
    return NET_METHOD_OTHER;
}

/* The registry of RFC 9110, 16.2.1, without codes marked unused. */
#define STATUS_LIST(X)                        \
    X(100, "Continue")                        \
    X(101, "Switching Protocols")             \
    X(102, "Processing")                      \
    X(103, "Early Hints")                     \
    X(200, "OK")                              \
    X(201, "Created")                         \
    X(202, "Accepted")                        \
    X(203, "Non-Authoritative Information")   \
    X(204, "No Content")                      \
    X(205, "Reset Content")                   \
    X(206, "Partial Content")                 \
    X(207, "Multi-Status")                    \
    X(208, "Already Reported")                \
    X(226, "IM Used")                         \
    X(300, "Multiple Choices")                \
    X(301, "Moved Permanently")               \
    X(302, "Found")                           \
    X(303, "See Other")                       \
    X(304, "Not Modified")                    \
    X(305, "Use Proxy")                       \
    X(307, "Temporary Redirect")              \
    X(308, "Permanent Redirect")              \
    X(400, "Bad Request")                     \
    X(401, "Unauthorized")                    \
    X(402, "Payment Required")                \
    X(403, "Forbidden")                       \
    X(404, "Not Found")                       \
    X(405, "Method Not Allowed")              \
    X(406, "Not Acceptable")                  \
    X(407, "Proxy Authentication Required")   \
    X(408, "Request Timeout")                 \
    X(409, "Conflict")                        \
    X(410, "Gone")                            \
    X(411, "Length Required")                 \
    X(412, "Precondition Failed")             \
    X(413, "Content Too Large")               \
    X(414, "URI Too Long")                    \
    X(415, "Unsupported Media Type")          \
    X(416, "Range Not Satisfiable")           \
    X(417, "Expectation Failed")              \
    X(421, "Misdirected Request")             \
    X(422, "Unprocessable Content")           \
    X(423, "Locked")                          \
    X(424, "Failed Dependency")               \
    X(425, "Too Early")                       \
    X(426, "Upgrade Required")                \
    X(428, "Precondition Required")           \
    X(429, "Too Many Requests")               \
    X(431, "Request Header Fields Too Large") \
    X(451, "Unavailable For Legal Reasons")   \
    X(500, "Internal Server Error")           \
    X(501, "Not Implemented")                 \
    X(502, "Bad Gateway")                     \
    X(503, "Service Unavailable")             \
    X(504, "Gateway Timeout")                 \
    X(505, "HTTP Version Not Supported")      \
    X(506, "Variant Also Negotiates")         \
    X(507, "Insufficient Storage")            \
    X(508, "Loop Detected")                   \
    X(511, "Network Authentication Required")

struct vk_span net_status_reason(uint32_t status)
{
    switch (status) {
#define X(code, text) \
    case code:        \
        return VK_SPAN_LIT(text);
        STATUS_LIST(X)
#undef X
    default:
        return vk_span(NULL, 0);
    }
}
