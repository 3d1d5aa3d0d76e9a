/* talk: what comes on standard input goes to the socket 3, what comes back to standard output. Written like any
   program for sockets: poll, recv and send, nothing that waits. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET 3

static int fail(const char *what) {
  fprintf(stderr, "talk: %s: %s\n", what, strerror(errno));
  return 1;
}

int main(void) {
  char out[4096], in[4096];
  size_t length = 0, sent = 0, back = 0;
  ssize_t count;
  while ((count = read(0, out + length, sizeof out - length)) > 0) length += (size_t)count;
  if (fcntl(SOCKET, F_SETFL, O_NONBLOCK) < 0) return fail("fcntl");
  while (back < length) {
    struct pollfd wait = {.fd = SOCKET, .events = POLLIN};
    if (sent < length) wait.events |= POLLOUT;
    int ready = poll(&wait, 1, 5000);
    if (ready < 0) return fail("poll");
    if (ready == 0) {
      fprintf(stderr, "talk: nothing came\n");
      return 1;
    }
    if (sent < length) {
      /* in small pieces, as a line comes from a person */
      size_t piece = length - sent < 7 ? length - sent : 7;
      count = send(SOCKET, out + sent, piece, 0);
      if (count > 0)
        sent += (size_t)count;
      else if (errno != EAGAIN)
        return fail("send");
    }
    count = recv(SOCKET, in, sizeof in, 0);
    if (count > 0) {
      fwrite(in, 1, (size_t)count, stdout);
      back += (size_t)count;
    } else if (count == 0) {
      fprintf(stderr, "talk: closed\n");
      return 1;
    } else if (errno != EAGAIN)
      return fail("recv");
  }
  if (shutdown(SOCKET, SHUT_RDWR) < 0) return fail("shutdown");
  return 0;
}
