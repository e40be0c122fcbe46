/*
 * Looks at a pipeline's definition, in any form that efsbackup reads.
 *
 *   cc -o pipeline pipeline.c $(pkg-config --cflags --libs efsbackup)
 *   ./pipeline validate FILE
 *   ./pipeline resolve FILE [AT] NAME=VALUE...          (AT: "" or YYYY-MM-DDTHH:MM:SS)
 *   ./pipeline convert FILE cfn-yaml
 *   ./pipeline fold FILE terraform                      (a command's arguments go into the command)
 *   ./pipeline draw FILE text
 *   ./pipeline diff OLD NEW
 *   ./pipeline simulate FILE [FROM UNTIL [fail|lose|takes WORD]...]
 */
#include <efsbackup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line of kind and message; the exit status. */
static int failed(void) {
  fprintf(stderr, "%s: %s\n", efsb_status_name(efsb_last_error_kind()), efsb_last_error_message());
  return 1;
}

/* Prints what a call that returned `status` has put at `given`, and frees it. */
static int print(efsb_status status, char *const *given) {
  if (status != EFSB_OK) return failed();
  char *text = *given;
  size_t length = strlen(text);
  fwrite(text, 1, length, stdout);
  if (length == 0 || text[length - 1] != '\n') putchar('\n');
  efsb_string_free(text);
  return 0;
}

static int validate(const efsb_definition *definition) {
  efsb_finding_list *findings = NULL;
  efsb_status status = efsb_definition_validate(definition, &findings);
  for (size_t i = 0; i < efsb_finding_list_count(findings); i++) {
    const efsb_finding *found = efsb_finding_list_get(findings, i);
    printf("%s %s %s: %s\n", efsb_finding_is_error(found) ? "error" : "warning",
           efsb_finding_code(found), efsb_finding_path(found), efsb_finding_message(found));
  }
  efsb_finding_list_free(findings);
  return status == EFSB_OK ? 0 : failed();
}

static int resolve(const efsb_definition *definition, char **arguments, int count) {
  efsb_resolve_options options = EFSB_RESOLVE_OPTIONS_INIT;
  efsb_definition *resolved = NULL;
  char *json = NULL, *text = NULL;
  if (count > 0 && arguments[0][0] != '\0') options.at = arguments[0];
  if (count > 1) {
    options.values = (const char *const *)(arguments + 1);
    options.value_count = (size_t)(count - 1);
  }
  if (efsb_definition_resolve(definition, &options, &resolved, &json) != EFSB_OK) return failed();
  int result = print(EFSB_OK, &json);
  result |= print(efsb_definition_convert(resolved, efsb_definition_form(resolved), &text), &text);
  efsb_definition_free(resolved);
  return result;
}

static int simulate(const efsb_definition *definition, char **arguments, int count) {
  efsb_simulate_options options = EFSB_SIMULATE_OPTIONS_INIT;
  const char **words = calloc((size_t)count + 1, sizeof *words);
  char *json = NULL;
  if (words == NULL) return 1;
  if (count > 0 && arguments[0][0] != '\0') options.from = arguments[0];
  if (count > 1) options.until = arguments[1];
  /* All of one kind stand together in `words`. */
  const char *kinds[] = {"fail", "lose", "takes"};
  const char *const **lists[] = {&options.fail, &options.lose, &options.takes};
  size_t *counts[] = {&options.fail_count, &options.lose_count, &options.takes_count};
  size_t used = 0;
  for (size_t kind = 0; kind < 3; kind++) {
    *lists[kind] = words + used;
    for (int i = 2; i + 1 < count; i += 2) {
      if (strcmp(arguments[i], kinds[kind]) == 0) {
        words[used++] = arguments[i + 1];
        ++*counts[kind];
      }
    }
  }
  efsb_status status = efsb_definition_simulate(definition, &options, &json);
  free(words);
  return print(status, &json);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s validate|resolve|convert|fold|draw|diff|simulate FILE ...\n", argv[0]);
    return 2;
  }
  const char *verb = argv[1], *word = argc > 3 ? argv[3] : NULL;
  efsb_definition *definition = NULL, *other = NULL;
  char *text = NULL;
  int result = 2;
  if (efsb_definition_load(argv[2], NULL, &definition) != EFSB_OK) return failed();
  if (strcmp(verb, "validate") == 0) {
    result = validate(definition);
  } else if (strcmp(verb, "resolve") == 0) {
    result = resolve(definition, argv + 3, argc - 3);
  } else if (strcmp(verb, "convert") == 0) {
    result = print(efsb_definition_convert(definition, word, &text), &text);
  } else if (strcmp(verb, "fold") == 0) {
    if (efsb_definition_fold_arguments(definition, &other) != EFSB_OK) {
      result = failed();
    } else {
      result = print(efsb_definition_convert(other, word, &text), &text);
    }
  } else if (strcmp(verb, "draw") == 0) {
    result = print(efsb_definition_draw(definition, word, NULL, &text), &text);
  } else if (strcmp(verb, "diff") == 0) {
    if (efsb_definition_load(word, NULL, &other) != EFSB_OK) {
      result = failed();
    } else {
      result = print(efsb_definition_diff(definition, other, &text), &text);
    }
  } else if (strcmp(verb, "simulate") == 0) {
    result = simulate(definition, argv + 3, argc - 3);
  }
  efsb_definition_free(other);
  efsb_definition_free(definition);
  return result;
}
