/*
 * Has a pipeline on the embedded service as a definition says, and tells how far it is.
 *
 *   cc -o deploy deploy.c $(pkg-config --cflags --libs efsbackup)
 *   ./deploy state.db NAME FILE [NAME=VALUE]...
 *
 * efsb_service_open_aws() instead of efsb_service_open_embedded() does the same on AWS.
 */
#include <efsbackup.h>
#include <stdio.h>

static void tell(void *user_data, int32_t level, const char *piece, const char *message) {
  (void)user_data;
  fprintf(stderr, "%s%s: %s\n", level >= EFSB_LOG_WARNING ? "warning: " : "", piece, message);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: deploy STATE NAME FILE [NAME=VALUE]...\n");
    return 2;
  }
  efsb_call_options call = EFSB_CALL_OPTIONS_INIT;
  efsb_plan_options options = EFSB_PLAN_OPTIONS_INIT;
  efsb_definition *definition = NULL;
  efsb_service *service = NULL;
  efsb_plan *plan = NULL;
  char *pipeline = NULL, *status = NULL;
  call.log = tell;
  options.values = (const char *const *)(argv + 4);
  options.value_count = (size_t)(argc - 4);
  options.activate = 1;

  int result = 0;
  if (efsb_definition_load(argv[3], NULL, &definition) != EFSB_OK ||
      efsb_service_open_embedded(argv[1], &service) != EFSB_OK ||
      efsb_service_plan(service, argv[2], definition, &options, &call, &plan) != EFSB_OK ||
      efsb_service_apply(service, plan, false, &call, &pipeline) != EFSB_OK ||
      efsb_service_status(service, pipeline, &call, &status) != EFSB_OK) {
    fprintf(stderr, "%s: %s\n", efsb_status_name(efsb_last_error_kind()),
            efsb_last_error_message());
    result = 1;
  } else {
    printf("%s\n", status);
  }
  efsb_string_free(status);
  efsb_string_free(pipeline);
  efsb_plan_free(plan);
  efsb_service_free(service);
  efsb_definition_free(definition);
  return result;
}
