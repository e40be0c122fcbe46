/* A log that C tests give to calls. */
#ifndef HEARD_H
#define HEARD_H

#include <pthread.h>

#include "check.h"

/* What the log was told, a line each; on which thread it must be. */
struct heard {
  pthread_t thread;
  char text[16384];
};

static inline void hear(void *user_data, int32_t level, const char *piece, const char *message) {
  struct heard *heard = user_data;
  CHECK(pthread_equal(heard->thread, pthread_self()));
  size_t length = strlen(heard->text);
  snprintf(heard->text + length, sizeof heard->text - length, "%d %s: %s\n", (int)level, piece,
           message);
}

#endif
