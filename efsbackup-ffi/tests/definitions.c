/* Definitions: `definitions DIRECTORY`, an empty directory to work in. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <unistd.h>

static const char TEXT[] =
    "{\"objects\": ["
    "{\"id\": \"Default\", \"schedule\": {\"ref\": \"Hourly\"}, \"scheduleType\": \"cron\","
    " \"pipelineLogUri\": \"#{myLogs}\"},"
    "{\"id\": \"Hourly\", \"type\": \"Schedule\", \"period\": \"1 hours\","
    " \"startDateTime\": \"2026-03-01T00:00:00\"},"
    "{\"id\": \"Run\", \"type\": \"ShellCommandActivity\", \"workerGroup\": \"g\","
    " \"command\": \"date #{@scheduledStartTime} #{myLogs}\", \"*password\": \"#{*myPassword}\"}],"
    "\"parameters\": [{\"id\": \"myLogs\"}, {\"id\": \"*myPassword\"}],"
    "\"values\": {\"*myPassword\": \"s3cr3t\"}}";

static const char *const FORMS[] = {"cli",      "api",       "cfn-yaml",
                                    "cfn-json", "terraform", "terraform-json"};

static efsb_definition *parse(const char *text) {
  efsb_definition *definition = NULL;
  CHECK(efsb_definition_parse(text, strlen(text), NULL, &definition) == EFSB_OK);
  return definition;
}

static void every_form_means_the_same(const efsb_definition *definition) {
  for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
    char *text = NULL, *changes = NULL;
    efsb_definition *again = NULL;
    CHECK(efsb_definition_convert(definition, FORMS[i], &text) == EFSB_OK);
    write_file("definition", text);
    CHECK(efsb_definition_load("definition", NULL, &again) == EFSB_OK);
    CHECK_TEXT(efsb_definition_form(again), FORMS[i]);
    CHECK(efsb_definition_diff(definition, again, &changes) == EFSB_OK);
    CHECK_TEXT(changes, "[]");
    efsb_string_free(changes);
    efsb_string_free(text);
    efsb_definition_free(again);
  }
  char *text = (char *)&text;
  CHECK(efsb_definition_convert(definition, "xml", &text) == EFSB_INVALID_INPUT && text == NULL);
  CHECK(strstr(efsb_last_error_message(), "the forms are cli, api") != NULL);
  CHECK(efsb_definition_convert(definition, NULL, &text) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_definition_convert(definition, "api", NULL) == EFSB_OK);
}

static void arguments_are_folded(void) {
  efsb_definition *definition = parse("{\"objects\": [{\"id\": \"A\","
                                      "\"type\": \"ShellCommandActivity\", \"command\": \"cp $@\","
                                      "\"scriptArgument\": [\"a\", \"b\"]}]}");
  efsb_definition *other =
      parse("{\"objects\": [{\"id\": \"A\", \"scriptArgument\": [\"a\", \"b\"]}]}");
  efsb_definition *folded = NULL;
  char *text = NULL;
  CHECK(efsb_definition_pipeline(definition) == NULL);
  CHECK(efsb_definition_convert(definition, "terraform", &text) == EFSB_CANNOT_REPRESENT);
  CHECK(efsb_definition_fold_arguments(definition, &folded) == EFSB_OK);
  CHECK(efsb_definition_convert(folded, "terraform", &text) == EFSB_OK);
  CHECK(strstr(text, "scriptArgument") == NULL);
  efsb_string_free(text);
  efsb_definition_free(folded);
  CHECK(efsb_definition_fold_arguments(other, &folded) == EFSB_CANNOT_REPRESENT);
  CHECK(folded == NULL);
  CHECK(efsb_definition_fold_arguments(NULL, &folded) == EFSB_NULL_ARGUMENT);
  efsb_definition_free(other);
  efsb_definition_free(definition);
}

static void a_template_is_kept_whole(void) {
  const char *yaml = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
                     "  P:\n    Type: AWS::DataPipeline::Pipeline\n    Properties:\n"
                     "      Name: p\n      ParameterObjects: []\n      PipelineObjects: []\n";
  efsb_definition *definition = parse(yaml);
  char *json = NULL;
  CHECK_TEXT(efsb_definition_form(definition), "cfn-yaml");
  CHECK_TEXT(efsb_definition_pipeline(definition), "P");
  CHECK(efsb_definition_pipeline(NULL) == NULL);
  CHECK(efsb_definition_left_behind(definition, "cfn-json", &json) == EFSB_OK);
  CHECK_TEXT(json, "[]");
  efsb_string_free(json);
  CHECK(efsb_definition_left_behind(definition, "cli", &json) == EFSB_OK);
  CHECK(strstr(json, "Topic") != NULL);
  efsb_string_free(json);
  efsb_definition_free(definition);
}

static void findings_have_level_code_path_and_message(void) {
  efsb_definition *broken = parse(
      "{\"objects\": [{\"id\": \"A\", \"type\": \"SnsAlarm\", \"topicArn\": \"t\","
      " \"subject\": \"s\", \"message\": \"m\", \"colour\": \"red\", \"role\": {\"ref\": \"B\"}}]}");
  efsb_finding_list *list = NULL;
  CHECK(efsb_definition_validate(broken, &list) == EFSB_INVALID_DEFINITION);
  CHECK(strncmp(efsb_last_error_message(), "validate: E", 11) == 0);
  size_t errors = 0, count = efsb_finding_list_count(list);
  CHECK(count > 1);
  for (size_t i = 0; i < count; i++) {
    const efsb_finding *found = efsb_finding_list_get(list, i);
    const char *code = efsb_finding_code(found);
    CHECK(efsb_finding_is_error(found) == (code[0] == 'E'));
    CHECK(strlen(efsb_finding_path(found)) > 0 && strlen(efsb_finding_message(found)) > 0);
    if (strcmp(code, "W201") == 0) {
      CHECK_TEXT(efsb_finding_object(found), "A");
      CHECK_TEXT(efsb_finding_field(found), "colour");
      CHECK_TEXT(efsb_finding_path(found), "A.colour");
    }
    errors += efsb_finding_is_error(found);
  }
  CHECK(errors > 0 && errors < count);
  CHECK(efsb_finding_list_get(list, count) == NULL);
  efsb_finding_list_free(list);
  CHECK(efsb_definition_validate(broken, NULL) == EFSB_INVALID_DEFINITION);
  efsb_definition_free(broken);
}

static void values_come_in_and_secrets_do_not_come_out(const efsb_definition *definition) {
  const char *values[] = {"myLogs=s3://logs/"};
  efsb_resolve_options options = EFSB_RESOLVE_OPTIONS_INIT;
  efsb_definition *resolved = NULL;
  char *json = NULL, *text = NULL;
  options.values = values;
  options.value_count = 1;
  options.at = "2026-03-01T02:00:00";
  CHECK(efsb_definition_resolve(definition, &options, &resolved, &json) == EFSB_OK);
  CHECK(strstr(json, "{\"id\":\"myLogs\",\"values\":[\"s3://logs/\"],\"origin\":\"given\"}") != NULL);
  CHECK(strstr(json, "s3cr3t") == NULL);
  CHECK(efsb_definition_convert(resolved, "cli", &text) == EFSB_OK);
  CHECK(strstr(text, "date 2026-03-01T02:00:00") != NULL && strstr(text, "s3://logs/") != NULL);
  CHECK(strstr(text, "s3cr3t") == NULL);
  efsb_string_free(text);
  CHECK(efsb_definition_diff(definition, resolved, &text) == EFSB_OK);
  CHECK(strstr(text, "\"change\":\"changed\",\"part\":\"object\",\"id\":\"Run\"") != NULL);
  CHECK(strstr(text, "s3cr3t") == NULL);
  efsb_string_free(text);
  efsb_string_free(json);
  efsb_definition_free(resolved);

  options.value_count = 0;
  CHECK(efsb_definition_resolve(definition, &options, NULL, NULL) == EFSB_OK);
  options.require_values = 1;
  CHECK(efsb_definition_resolve(definition, &options, &resolved, &json) ==
        EFSB_UNRESOLVED_PARAMETER);
  CHECK(resolved == NULL && json == NULL);
  values[0] = "myLog=x";
  options.value_count = 1;
  CHECK(efsb_definition_resolve(definition, &options, &resolved, NULL) == EFSB_NOT_FOUND);
  CHECK(strstr(efsb_last_error_message(), "did you mean myLogs?") != NULL);
  values[0] = "myLogs";
  CHECK(efsb_definition_resolve(definition, &options, &resolved, NULL) == EFSB_INVALID_INPUT);
  values[0] = "myLogs=x\xff";
  CHECK(efsb_definition_resolve(definition, &options, &resolved, NULL) == EFSB_INVALID_INPUT);
  CHECK(efsb_resolve_options_init(&options, sizeof options) == EFSB_OK);
  options.at = "noon";
  CHECK(efsb_definition_resolve(definition, &options, &resolved, NULL) == EFSB_INVALID_INPUT);
  options.at = NULL;
  options.simulated = 1;
  CHECK(efsb_definition_resolve(definition, &options, &resolved, NULL) == EFSB_INVALID_INPUT);
  options.reserved[3] = 1;
  CHECK(efsb_definition_resolve(definition, &options, &resolved, NULL) == EFSB_INVALID_INPUT);
}

static void pictures_are_drawn(const efsb_definition *definition) {
  const char *const kinds[] = {"svg", "dot", "mermaid", "text"};
  const char *const begins[] = {"<svg", "digraph", "flowchart", "Default"};
  const char *states[] = {"Run=FAILED"};
  efsb_draw_options options = EFSB_DRAW_OPTIONS_INIT;
  char *picture = NULL;
  options.states = states;
  options.state_count = 1;
  options.theme = "dark";
  for (size_t i = 0; i < 4; i++) {
    CHECK(efsb_definition_draw(definition, kinds[i], &options, &picture) == EFSB_OK);
    CHECK(strstr(picture, begins[i]) != NULL);
    CHECK(strstr(picture, "s3cr3t") == NULL);
    efsb_string_free(picture);
  }
  CHECK(efsb_definition_draw(definition, "png", &options, &picture) == EFSB_INVALID_INPUT);
  CHECK(strstr(efsb_last_error_message(),
               "\"png\" is no picture; there are svg, dot, mermaid and text") != NULL);
  options.theme = "pink";
  CHECK(efsb_definition_draw(definition, "svg", &options, &picture) == EFSB_INVALID_INPUT);
  CHECK(picture == NULL);
}

static void a_day_is_played(const efsb_definition *definition) {
  const char *values[] = {"myLogs=s3://logs/"};
  const char *fail[] = {"Run@2026-03-01T01:00:00"};
  const char *takes[] = {"Run=5m"};
  efsb_simulate_options options = EFSB_SIMULATE_OPTIONS_INIT;
  char *json = NULL;
  options.values = values;
  options.value_count = 1;
  options.until = "2026-03-01T02:30:00";
  options.fail = fail;
  options.fail_count = 1;
  options.takes = takes;
  options.takes_count = 1;
  CHECK(efsb_definition_simulate(definition, &options, &json) == EFSB_OK);
  CHECK(strstr(json, "\"from\":\"2026-03-01T00:00:00\"") != NULL);
  CHECK(strstr(json, "\"status\":\"FAILED\"") != NULL);
  CHECK(strstr(json, "\"end\":\"2026-03-01T02:05:00\"") != NULL);
  efsb_string_free(json);
  fail[0] = "Walk";
  CHECK(efsb_definition_simulate(definition, &options, &json) == EFSB_NOT_FOUND && json == NULL);
  fail[0] = "Run#x";
  CHECK(efsb_definition_simulate(definition, &options, &json) == EFSB_INVALID_INPUT);
  options.fail_count = 0;
  options.until = "2026-02-01T00:00:00";
  CHECK(efsb_definition_simulate(definition, &options, &json) == EFSB_INVALID_INPUT);
  options.value_count = 0;
  options.until = NULL;
  CHECK(efsb_definition_simulate(definition, &options, &json) == EFSB_UNRESOLVED_PARAMETER);
}

static void what_is_wrong_with_a_file_is_told(void) {
  efsb_definition *definition = (efsb_definition *)&definition;
  efsb_read_options options = EFSB_READ_OPTIONS_INIT;
  const char *with_comment = "{\"objects\": [/* none */]}";
  size_t length = 0;
  CHECK(efsb_definition_load("missing\xff", NULL, &definition) == EFSB_NOT_FOUND);
  CHECK(definition == NULL);
  CHECK_TEXT(efsb_last_error_path(&length), "missing\xff");
  CHECK(efsb_definition_load(NULL, NULL, &definition) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_definition_parse(NULL, 0, NULL, &definition) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_definition_parse(with_comment, strlen(with_comment), NULL, &definition) ==
        EFSB_INVALID_DEFINITION);
  CHECK(strstr(efsb_last_error_message(), "line 1, column 14") != NULL);
  options.lenient = 1;
  CHECK(efsb_definition_parse(with_comment, strlen(with_comment), &options, &definition) ==
        EFSB_OK);
  efsb_definition_free(definition);
  options.pipeline = "Other";
  CHECK(efsb_definition_load("definition", &options, &definition) != EFSB_OK);
  options.reserved[0] = 1;
  CHECK(efsb_definition_load("definition", &options, &definition) == EFSB_INVALID_INPUT);
}

static void null_is_refused_or_fine(const efsb_definition *definition) {
  char *text = NULL;
  CHECK(efsb_definition_form(NULL) == NULL);
  CHECK(efsb_definition_validate(NULL, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_definition_diff(definition, NULL, &text) == EFSB_NULL_ARGUMENT);
  CHECK(strstr(efsb_last_error_message(), "new_definition") != NULL);
  CHECK(efsb_definition_draw(NULL, "svg", NULL, &text) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_definition_resolve(NULL, NULL, NULL, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_definition_simulate(NULL, NULL, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_finding_list_count(NULL) == 0 && efsb_finding_list_get(NULL, 0) == NULL);
  CHECK(!efsb_finding_is_error(NULL) && efsb_finding_code(NULL) == NULL);
  CHECK(efsb_finding_object(NULL) == NULL && efsb_finding_field(NULL) == NULL);
  CHECK(efsb_finding_path(NULL) == NULL && efsb_finding_message(NULL) == NULL);
  efsb_definition_free(NULL);
  efsb_finding_list_free(NULL);
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0);
  efsb_definition *definition = parse(TEXT);
  CHECK(efsb_definition_validate(definition, NULL) == EFSB_OK);
  every_form_means_the_same(definition);
  a_template_is_kept_whole();
  arguments_are_folded();
  findings_have_level_code_path_and_message();
  values_come_in_and_secrets_do_not_come_out(definition);
  pictures_are_drawn(definition);
  a_day_is_played(definition);
  what_is_wrong_with_a_file_is_told();
  null_is_refused_or_fine(definition);
  efsb_definition_free(definition);
  return 0;
}
