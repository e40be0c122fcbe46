/* Mirrors and prints the report: `report SOURCE DESTINATION [delete|checksum]...` */
#include "check.h"

int main(int argc, char **argv) {
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  efsb_report *report = NULL;
  char *json = NULL;
  CHECK(argc >= 3);
  for (int i = 3; i < argc; i++) {
    options.remove_extraneous |= strcmp(argv[i], "delete") == 0;
    options.checksum |= strcmp(argv[i], "checksum") == 0;
  }
  efsb_status status = efsb_mirror(argv[1], argv[2], &options, &report);
  if (status != EFSB_OK) {
    fprintf(stderr, "%s: %s\n", efsb_status_name(status), efsb_last_error_message());
    efsb_report_free(report);
    return 1;
  }
  CHECK(efsb_report_to_json(report, &json) == EFSB_OK);
  puts(json);
  efsb_string_free(json);
  efsb_report_free(report);
  return 0;
}
