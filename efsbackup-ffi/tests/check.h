/* What the C tests share: a check that says where it failed. */
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

#endif
