/* What the C tests share: checks that say where they failed, and small files. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <efsbackup.h>

#define CHECK(condition)                                                                     \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, \
              efsb_last_error_message());                                                    \
      exit(1);                                                                               \
    }                                                                                        \
  } while (0)

#define CHECK_TEXT(text, expected)                                                           \
  do {                                                                                       \
    if (strcmp((text), (expected)) != 0) {                                                   \
      fprintf(stderr, "%s:%d: \"%s\" is not \"%s\"\n", __FILE__, __LINE__, (text), (expected)); \
      exit(1);                                                                               \
    }                                                                                        \
  } while (0)

static inline void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  CHECK(fputs(text, file) >= 0);
  CHECK(fclose(file) == 0);
}

static inline char *read_file(const char *path) {
  static char text[64];
  memset(text, 0, sizeof text);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  CHECK(fread(text, 1, sizeof text - 1, file) > 0);
  CHECK(fclose(file) == 0);
  return text;
}

#endif
