/* get URL: the page on standard output, the status as exit code (0 for 200). */
#include <stdio.h>
#include <string.h>

#include "wasmarium.h"

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  uint32_t request, status, done, error;
  error = wasmarium_http_open("GET", 3, argv[1], strlen(argv[1]), "Accept: */*\n", 12, 0, &request);
  if (!error) error = wasmarium_http_response(request, 0, &status);
  if (error) {
    fprintf(stderr, "get: %s\n", strerror((int)error));
    return 1;
  }
  char buffer[1000];
  while (!(error = wasmarium_http_read(request, buffer, sizeof buffer, 0, &done)) && done)
    fwrite(buffer, 1, done, stdout);
  if (error) {
    fprintf(stderr, "get: %s\n", strerror((int)error));
    return 1;
  }
  wasmarium_log(WASMARIUM_INFO, "got it", 6);
  return status == 200 ? 0 : 3;
}
