/* echo URL WORD...: each word as a text message there and back, by poll and without waiting in receive. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wasmarium.h"

static int fail(const char *what, uint32_t error) {
  fprintf(stderr, "echo: %s: %s\n", what, strerror((int)error));
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  uint32_t socket, error, ready, kind, done, left;
  if ((error = wasmarium_ws_open(argv[1], strlen(argv[1]), NULL, 0, &socket))) return fail("open", error);
  if ((error = wasmarium_ws_connect(socket, 0))) return fail("connect", error);
  for (int i = 2; i < argc; i++) {
    if ((error = wasmarium_ws_send(socket, WASMARIUM_TEXT, argv[i], strlen(argv[i]), 0))) return fail("send", error);
    char buffer[256];
    while ((error = wasmarium_ws_receive(socket, buffer, sizeof buffer, WASMARIUM_NONBLOCK, &kind, &done, &left))) {
      if (error != EAGAIN) return fail("receive", error);
      struct wasmarium_poll entry = {.handle = socket, .events = WASMARIUM_READ};
      if ((error = wasmarium_poll(&entry, 1, -1, &ready))) return fail("poll", error);
    }
    printf("%.*s\n", (int)done, buffer);
  }
  if ((error = wasmarium_ws_close(socket, 1000, "bye", 3, 0))) return fail("close", error);
  uint32_t code, needed;
  if ((error = wasmarium_ws_close_reason(socket, NULL, 0, &code, &needed))) return fail("close_reason", error);
  printf("closed %u\n", code);
  return 0;
}
