/* Does what valgrind and the sanitizers are there to find: `misuse freed|lost|overflow`. */
#include "check.h"

#include <limits.h>

int main(int argc, char **argv) {
  CHECK(argc == 2);
  efsb_cancel_token *token = efsb_cancel_token_new();
  if (strcmp(argv[1], "freed") == 0) {
    efsb_cancel_token_free(token);
    return efsb_is_cancelled(token) ? 0 : 1;
  }
  if (strcmp(argv[1], "overflow") == 0) {
    efsb_cancel_token_free(token);
    return INT_MAX - 3 + argc > 0 ? INT_MAX - 1 + argc == 0 : 1;
  }
  token = NULL; /* lost */
  return 0;
}
