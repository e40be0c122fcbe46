/* Pipelines on a service, runs, and what is told of them: `service DIRECTORY`, an empty one. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "heard.h"

#include <unistd.h>

static const char TEXT[] =
    "{\"objects\": ["
    "{\"id\": \"Default\", \"scheduleType\": \"cron\", \"schedule\": {\"ref\": \"Daily\"}},"
    "{\"id\": \"Daily\", \"type\": \"Schedule\", \"period\": \"1 days\","
    " \"startAt\": \"FIRST_ACTIVATION_DATE_TIME\"},"
    "{\"id\": \"Work\", \"type\": \"ShellCommandActivity\", \"workerGroup\": \"nobody\","
    " \"command\": \"echo #{myWord}\", \"*password\": \"s3cr3t\"}],"
    "\"parameters\": [{\"id\": \"myWord\", \"type\": \"String\"}]}";

static const char *const VALUES[] = {"myWord=a"};

static efsb_definition *parse(const char *text) {
  efsb_definition *definition = NULL;
  CHECK(efsb_definition_parse(text, strlen(text), NULL, &definition) == EFSB_OK);
  return definition;
}

static bool has(char *json, const char *part) {
  CHECK(json != NULL);
  bool found = strstr(json, part) != NULL;
  if (!found) fprintf(stderr, "%s\n", json);
  efsb_string_free(json);
  return found;
}

/* A new text in place of an old one. */
static void copy(char *to, size_t size, char *from) {
  CHECK(from != NULL && strlen(from) < size);
  strcpy(to, from);
  efsb_string_free(from);
}

static void a_pipelines_life(const efsb_service *service, const efsb_definition *definition) {
  struct heard heard = {.thread = pthread_self()};
  efsb_call_options call = EFSB_CALL_OPTIONS_INIT;
  call.log = hear;
  call.user_data = &heard;
  call.patience_ms = 10000;
  efsb_plan_options options = EFSB_PLAN_OPTIONS_INIT;
  const char *tags[] = {"team=ops"};
  options.values = VALUES;
  options.value_count = 1;
  options.tags = tags;
  options.tag_count = 1;

  efsb_plan *plan = NULL, *again = NULL;
  char *json = NULL, *given = NULL, id[64];
  CHECK(efsb_service_plan(service, "nightly", definition, &options, NULL, &plan) == EFSB_OK);
  CHECK(!efsb_plan_is_empty(plan) && efsb_plan_refusal(plan) == NULL);
  CHECK(efsb_plan_json(plan, &json) == EFSB_OK);
  CHECK(strstr(json, "s3cr3t") == NULL);
  CHECK(has(json, "\"steps\":[\"create the pipeline\",\"put the definition\"]"));
  CHECK(efsb_service_apply(service, plan, true, &call, &given) == EFSB_OK);
  copy(id, sizeof id, given);
  CHECK_TEXT(heard.text, "0 apply: create the pipeline\n0 apply: put the definition\n"
                         "0 apply: activate it\n");
  CHECK(efsb_service_apply(service, plan, false, NULL, NULL) == EFSB_CONFLICT);
  efsb_plan_free(plan);
  options.activate = 1;
  CHECK(efsb_service_plan(service, "nightly", definition, &options, NULL, &again) == EFSB_OK);
  CHECK(efsb_plan_is_empty(again));
  efsb_plan_free(again);

  CHECK(efsb_service_status(service, NULL, NULL, &json) == EFSB_OK);
  CHECK(has(json, "\"state\":\"SCHEDULED\""));
  CHECK(efsb_service_runs(service, id, 5, NULL, &json) == EFSB_OK);
  CHECK(has(json, "\"component\":\"Work\""));
  CHECK(efsb_service_command(service, id, "cancel", NULL, 0, "waiting_for_runner", NULL, &json) ==
        EFSB_OK);
  CHECK(has(json, "[\"@Work_"));
  CHECK(efsb_service_wait(service, "nightly", "finished", &call, &json) == EFSB_OK);
  CHECK(has(json, "\"failed\":1"));
  CHECK(strstr(heard.text, "0 wait: SCHEDULED: 1 CANCEL") != NULL);
  CHECK(efsb_service_command(service, id, "explode", NULL, 0, NULL, NULL, NULL) ==
        EFSB_INVALID_INPUT);

  const char *more[] = {"who=me"}, *gone[] = {"team"};
  CHECK(efsb_service_tag(service, "nightly", more, 1, gone, 1, NULL) == EFSB_OK);
  CHECK(efsb_service_clone(service, "nightly", "second", false, NULL, NULL) == EFSB_OK);
  CHECK(efsb_service_clone(service, "nightly", "second", false, NULL, &given) ==
        EFSB_ALREADY_EXISTS);
  CHECK(given == NULL);
  CHECK(efsb_service_delete(service, "second", NULL) == EFSB_OK);
  CHECK(efsb_service_delete(service, "second", NULL) == EFSB_NOT_FOUND);

  options.description = "new";
  CHECK(efsb_service_plan(service, "nightly", definition, &options, NULL, &plan) == EFSB_OK);
  CHECK(strstr(efsb_plan_refusal(plan), "--recreate") != NULL);
  CHECK(efsb_service_apply(service, plan, false, NULL, NULL) == EFSB_SAFETY_STOP);
  efsb_plan_free(plan);

  CHECK(efsb_service_deactivate(service, "nightly", false, NULL) == EFSB_OK);
  CHECK(efsb_service_wait(service, "nightly", "inactive", &call, NULL) == EFSB_OK);
  CHECK(efsb_service_activate(service, "nightly", VALUES, 1, "2036-01-01T00:00:00", NULL) ==
        EFSB_OK);
  heard.text[0] = '\0';
  call.log_level = EFSB_LOG_WARNING;
  CHECK(efsb_service_wait(service, "nightly", "scheduled", &call, NULL) == EFSB_OK);
  CHECK_TEXT(heard.text, "");
  call.log_level = EFSB_LOG_INFO;
  CHECK(efsb_service_wait(service, "nightly", "scheduled", &call, NULL) == EFSB_OK);
  CHECK_TEXT(heard.text, "0 wait: SCHEDULED\n");
  efsb_definition *stored = NULL;
  CHECK(efsb_service_definition(service, "nightly", true, NULL, &stored) == EFSB_OK);
  CHECK(efsb_definition_diff(stored, definition, &json) == EFSB_OK);
  CHECK(has(json, "\"myWord\""));
  efsb_definition_free(stored);
}

static void wrong_arguments(const efsb_service *service, const efsb_definition *definition) {
  efsb_service *none = (efsb_service *)&none;
  CHECK(efsb_service_open_embedded(NULL, &none) == EFSB_NULL_ARGUMENT && none == NULL);
  CHECK(efsb_service_open_embedded("state.db", NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_service_open_remote("http://192.0.2.1:1", "AKIDEXAMPLE",
                                 "0123456789012345678901234567", &none) == EFSB_INVALID_INPUT);
  efsb_plan *plan = NULL;
  efsb_call_options call = EFSB_CALL_OPTIONS_INIT;
  CHECK(efsb_service_plan(NULL, "a", definition, NULL, NULL, &plan) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_service_plan(service, NULL, definition, NULL, NULL, &plan) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_service_plan(service, "a", NULL, NULL, NULL, &plan) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_service_apply(service, NULL, false, NULL, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_plan_is_empty(NULL) && efsb_plan_refusal(NULL) == NULL);
  call.reserved = 1;
  CHECK(efsb_service_status(service, NULL, &call, NULL) == EFSB_INVALID_INPUT);
  call.reserved = 0;
  efsb_cancel_token *token = efsb_cancel_token_new();
  call.cancel = token;
  efsb_cancel(token);
  CHECK(efsb_service_status(service, NULL, &call, NULL) == EFSB_CANCELLED);
  efsb_simulate_options options = EFSB_SIMULATE_OPTIONS_INIT;
  options.values = VALUES;
  options.value_count = 1;
  options.cancel = token;
  CHECK(efsb_definition_simulate(definition, &options, NULL) == EFSB_CANCELLED);
  efsb_cancel_token_free(token);
  efsb_service_free(NULL);
  efsb_plan_free(NULL);
}

static void a_run(void) {
  struct heard heard = {.thread = pthread_self()};
  efsb_definition *definition =
      parse("{\"objects\": [{\"id\": \"Default\", \"scheduleType\": \"ondemand\"},"
            "{\"id\": \"Work\", \"type\": \"ShellCommandActivity\", \"workerGroup\": \"g\","
            " \"command\": \"echo $WHO > said\"}]}");
  char directory[4096], variable[8192], *json = NULL;
  CHECK(getcwd(directory, sizeof directory) != NULL);
  snprintf(variable, sizeof variable, "WHO=%s", directory);
  const char *variables[] = {variable};
  efsb_run_options options = EFSB_RUN_OPTIONS_INIT;
  efsb_call_options call = EFSB_CALL_OPTIONS_INIT;
  options.once = 1;
  options.log_dir = "logs";
  options.variables = variables;
  options.variable_count = 1;
  call.log = hear;
  call.user_data = &heard;
  CHECK(efsb_run(definition, &options, &call, &json) == EFSB_OK);
  CHECK(has(json, "\"outcome\":\"finished\""));
  CHECK(strstr(heard.text, "0 run: started @Work_") && strstr(heard.text, "0 run: finished @Work_"));
  options.reserved[0] = 1;
  CHECK(efsb_run(definition, &options, NULL, &json) == EFSB_INVALID_INPUT && json == NULL);
  efsb_definition_free(definition);
}

static void copying_is_told(void) {
  struct heard heard = {.thread = pthread_self()};
  char source[] = "sourceXXXXXX", file[64];
  CHECK(mkdtemp(source) != NULL);
  snprintf(file, sizeof file, "%s/file", source);
  write_file(file, "hello");
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.log = hear;
  options.user_data = &heard;
  options.log_level = EFSB_LOG_DEBUG;
  CHECK(efsb_mirror(source, "copy", &options, NULL) == EFSB_OK);
  CHECK(strstr(heard.text, "-1 mirror: >f+++++++++ file\n") != NULL);
  CHECK(strstr(heard.text, "0 mirror: complete: 2 entries, 2 created") != NULL);
  heard.text[0] = '\0';
  options.log_level = EFSB_LOG_WARNING;
  CHECK(efsb_mirror(source, "copy", &options, NULL) == EFSB_OK);
  CHECK_TEXT(heard.text, "");
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0);
  efsb_definition *definition = parse(TEXT);
  efsb_service *service = NULL;
  CHECK(efsb_service_open_embedded("state.db", &service) == EFSB_OK);
  a_pipelines_life(service, definition);
  wrong_arguments(service, definition);
  efsb_service_free(service);
  efsb_definition_free(definition);
  a_run();
  copying_is_told();
  return 0;
}
