/* The import module `wasmarium` for C and C++. What each function does is in README.md beside this file.
   Every function gives 0 or an error number of WASI preview 1, which are those of wasi-libc's <errno.h>. */
#ifndef WASMARIUM_H
#define WASMARIUM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WASMARIUM(name) __attribute__((import_module("wasmarium"), import_name(#name))) uint32_t wasmarium_##name

enum wasmarium_level { WASMARIUM_TRACE, WASMARIUM_DEBUG, WASMARIUM_INFO, WASMARIUM_WARNING, WASMARIUM_ERROR };
enum wasmarium_flag { WASMARIUM_NONBLOCK = 1, WASMARIUM_BODY = 2 };
enum wasmarium_kind { WASMARIUM_BINARY, WASMARIUM_TEXT, WASMARIUM_CLOSED };
enum wasmarium_event { WASMARIUM_READ = 1, WASMARIUM_WRITE = 2, WASMARIUM_OPEN = 4 };

struct wasmarium_poll {
  uint32_t handle;
  uint16_t events;
  uint16_t revents;
};

WASMARIUM(log)(uint32_t level, const char *text, size_t length);
WASMARIUM(log_begin_group)(const char *label, size_t length);
WASMARIUM(log_end_group)(void);

WASMARIUM(http_open)(const char *method, size_t method_length, const char *url, size_t url_length,
                     const char *headers, size_t headers_length, uint32_t flags, uint32_t *request);
WASMARIUM(http_send)(uint32_t request, const void *content, size_t length, uint32_t flags, uint32_t *done);
WASMARIUM(http_finish)(uint32_t request);
WASMARIUM(http_response)(uint32_t request, uint32_t flags, uint32_t *status);
WASMARIUM(http_headers)(uint32_t request, char *buffer, size_t length, uint32_t *needed);
WASMARIUM(http_url)(uint32_t request, char *buffer, size_t length, uint32_t *needed);
WASMARIUM(http_read)(uint32_t request, void *buffer, size_t length, uint32_t flags, uint32_t *done);

WASMARIUM(ws_open)(const char *url, size_t url_length, const char *protocols, size_t protocols_length,
                   uint32_t *socket);
WASMARIUM(ws_connect)(uint32_t socket, uint32_t flags);
WASMARIUM(ws_protocol)(uint32_t socket, char *buffer, size_t length, uint32_t *needed);
WASMARIUM(ws_send)(uint32_t socket, uint32_t kind, const void *content, size_t length, uint32_t flags);
WASMARIUM(ws_receive)(uint32_t socket, void *buffer, size_t length, uint32_t flags, uint32_t *kind,
                      uint32_t *done, uint32_t *left);
WASMARIUM(ws_close)(uint32_t socket, uint32_t code, const char *reason, size_t reason_length, uint32_t flags);
WASMARIUM(ws_close_reason)(uint32_t socket, char *buffer, size_t length, uint32_t *code, uint32_t *needed);

WASMARIUM(poll)(struct wasmarium_poll *entries, size_t count, int64_t timeout, uint32_t *ready);
WASMARIUM(close)(uint32_t handle);

#undef WASMARIUM

#ifdef __cplusplus
}
#endif
#endif
