/* The edges of the interface: versions, NULL, errors, struct sizes, panics. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <unistd.h>

/* Exported for this test, and not in the header. */
extern efsb_status efsb_test_panic(void);

static void versions(void) {
  CHECK_TEXT(efsb_version(), EFSB_VERSION);
  CHECK(efsb_abi_version() == EFSB_ABI_VERSION);
  char joined[64];
  snprintf(joined, sizeof joined, "%d.%d.%d", EFSB_VERSION_MAJOR, EFSB_VERSION_MINOR,
           EFSB_VERSION_PATCH);
  CHECK_TEXT(joined, EFSB_VERSION);
  CHECK(EFSB_VERSION_NUMBER ==
        EFSB_VERSION_MAJOR * 0x10000 + EFSB_VERSION_MINOR * 0x100 + EFSB_VERSION_PATCH);
}

static void names(void) {
  CHECK_TEXT(efsb_status_name(EFSB_OK), "ok");
  CHECK_TEXT(efsb_status_name(EFSB_SAFETY_STOP), "safety-stop");
  CHECK_TEXT(efsb_status_name(EFSB_PANIC), "panic");
  CHECK_TEXT(efsb_status_name(-1), "unknown");
  CHECK_TEXT(efsb_outcome_name(EFSB_OUTCOME_WITHHELD), "withheld");
  CHECK_TEXT(efsb_outcome_name(99), "unknown");
}

static void mounting_is_refused(void) {
  efsb_mount *mount = (efsb_mount *)&mount;
  efsb_mount_options options = EFSB_MOUNT_OPTIONS_INIT;
  CHECK(efsb_mount_new(NULL, "/", NULL, &mount) == EFSB_NULL_ARGUMENT);
  CHECK(mount == NULL);
  CHECK(efsb_mount_new("nas:/", NULL, NULL, &mount) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_mount_new("nas:/", "/", NULL, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_mount_new("no target", "/", NULL, &mount) == EFSB_INVALID_INPUT);
  options.tls = 1;
  options.options = "port=2050";
  CHECK(efsb_mount_new("nas:/", "/", &options, &mount) == EFSB_INVALID_INPUT);
  CHECK(strstr(efsb_last_error_message(), "port") != NULL);
  CHECK(efsb_mount_options_init(&options, sizeof options) == EFSB_OK && options.tls == 0);
  options.timeout_seconds = -1.0;
  CHECK(efsb_mount_new("nas:/", "/", &options, &mount) == EFSB_INVALID_INPUT);
  options.timeout_seconds = 1.0;
  options.address = "nowhere";
  CHECK(efsb_mount_new("nas:/", "/", &options, &mount) == EFSB_INVALID_INPUT);
  options.address = NULL;
  CHECK(efsb_mount_new("127.0.0.1:/", "/none/such", &options, &mount) == EFSB_NOT_FOUND);
  CHECK(mount == NULL && efsb_mount_source(NULL) == NULL && !efsb_mount_was_mounted(NULL));
  bool there = true;
  CHECK(efsb_mount_options_init(&options, sizeof options) == EFSB_OK);
  CHECK(efsb_mount_find("127.0.0.1:/", "/none/such", &options, &there) == EFSB_NOT_FOUND && !there);
  CHECK(efsb_mount_find("127.0.0.1:/", "/", &options, NULL) != EFSB_OK);
  CHECK(strstr(efsb_last_error_message(), "is mounted here already") != NULL);
  CHECK(efsb_mount_find(NULL, "/", NULL, &there) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_mark("/none/such", "fs-0123456789abcdef0") == EFSB_NOT_FOUND);
  CHECK(efsb_mark("/", "no id") == EFSB_INVALID_INPUT);
  CHECK(efsb_mark(NULL, "fs-0123456789abcdef0") == EFSB_NULL_ARGUMENT);
  CHECK(efsb_mount_close(NULL) == EFSB_OK);
  efsb_mount_keep(NULL);
  CHECK(efsb_unmount(NULL, false, 0.0, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_unmount("/usr/bin", false, 0.0, NULL) == EFSB_NOT_FOUND);
}

static void null_is_refused_or_fine(void) {
  efsb_report *report = (efsb_report *)&report;
  CHECK(efsb_mirror(NULL, "/tmp", NULL, &report) == EFSB_NULL_ARGUMENT);
  CHECK(report == NULL);
  CHECK(efsb_last_error_kind() == EFSB_NULL_ARGUMENT);
  CHECK_TEXT(efsb_last_error_message(), "call: source must not be NULL");
  CHECK(efsb_mirror("/tmp", NULL, NULL, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(strstr(efsb_last_error_message(), "destination") != NULL);
  CHECK(efsb_mirror_options_init(NULL, sizeof(efsb_mirror_options)) == EFSB_NULL_ARGUMENT);
  char *json = (char *)&json;
  CHECK(efsb_report_to_json(NULL, &json) == EFSB_NULL_ARGUMENT);
  CHECK(json == NULL);
  CHECK(efsb_report_to_json(NULL, NULL) == EFSB_NULL_ARGUMENT);

  size_t length = 7;
  CHECK(efsb_report_outcome(NULL) == EFSB_OUTCOME_FAILED);
  CHECK(efsb_report_exit_status(NULL) == 1);
  CHECK(efsb_report_entries(NULL, EFSB_ENTRIES_CREATED, EFSB_TYPE_ANY) == 0);
  CHECK(efsb_report_bytes(NULL, EFSB_BYTES_COPIED) == 0);
  CHECK(efsb_report_started_ns(NULL) == 0 && efsb_report_finished_ns(NULL) == 0);
  CHECK(efsb_report_seconds(NULL) <= 0.0);
  CHECK(efsb_report_errors_total(NULL) == 0 && efsb_report_error_count(NULL) == 0);
  CHECK(efsb_report_error(NULL, 0) == NULL);
  CHECK(efsb_report_option_count(NULL) == 0 && efsb_report_option(NULL, 0) == NULL);
  CHECK(efsb_error_kind(NULL) == EFSB_OK && efsb_error_errno(NULL) == 0);
  CHECK_TEXT(efsb_error_message(NULL), "");
  CHECK_TEXT(efsb_error_op(NULL), "");
  CHECK(efsb_error_path(NULL, &length) == NULL && length == 0);
  CHECK(efsb_error_path(NULL, NULL) == NULL);
  efsb_repository *repository = (efsb_repository *)&repository;
  CHECK(efsb_repository_new(NULL, "name", &repository) == EFSB_NULL_ARGUMENT);
  CHECK(repository == NULL);
  CHECK(efsb_repository_new("/tmp", "name", NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_repository_name(NULL) == NULL);
  efsb_snapshot *snapshot = (efsb_snapshot *)&snapshot;
  CHECK(efsb_backup(NULL, "/tmp", NULL, &report, &snapshot) == EFSB_NULL_ARGUMENT);
  CHECK(snapshot == NULL);
  CHECK(efsb_restore(NULL, "id", "/tmp", NULL, 0, NULL, NULL) == EFSB_NULL_ARGUMENT);
  efsb_snapshot_list *list = (efsb_snapshot_list *)&list;
  CHECK(efsb_snapshots(NULL, &list) == EFSB_NULL_ARGUMENT);
  CHECK(list == NULL);
  CHECK(efsb_snapshot_id(NULL) == NULL && efsb_snapshot_file_system(NULL) == NULL);
  CHECK(efsb_snapshot_state(NULL) == EFSB_STATE_UNKNOWN);
  CHECK(efsb_snapshot_time_ns(NULL) == 0 && efsb_snapshot_published_ns(NULL) == 0);
  CHECK(efsb_snapshot_entries(NULL, EFSB_TYPE_ANY) == 0);
  CHECK(efsb_snapshot_bytes(NULL) == 0 && efsb_snapshot_new_bytes(NULL) == 0);
  CHECK(efsb_snapshot_list_count(NULL) == 0 && efsb_snapshot_list_get(NULL, 0) == NULL);
  CHECK(efsb_backup_options_init(NULL, sizeof(efsb_backup_options)) == EFSB_NULL_ARGUMENT);

  CHECK(!efsb_is_cancelled(NULL));
  efsb_cancel(NULL);
  efsb_report_free(NULL);
  efsb_error_free(NULL);
  efsb_string_free(NULL);
  efsb_cancel_token_free(NULL);
  efsb_repository_free(NULL);
  efsb_snapshot_free(NULL);
  efsb_snapshot_list_free(NULL);
}

static void *another_thread(void *argument) {
  /* This thread has had no error. An error of another thread can be read here. */
  const efsb_error *error = argument;
  CHECK(efsb_last_error_kind() == EFSB_OK);
  CHECK_TEXT(efsb_last_error_message(), "");
  CHECK(efsb_last_error_take() == NULL);
  CHECK_TEXT(efsb_error_message(error), "call: source must not be NULL");
  CHECK(efsb_mirror("", NULL, NULL, NULL) == EFSB_NULL_ARGUMENT);
  return NULL;
}

static void errors_belong_to_a_thread(void) {
  efsb_mirror_options options;
  pthread_t thread;
  CHECK(efsb_mirror(NULL, NULL, NULL, NULL) == EFSB_NULL_ARGUMENT);
  efsb_error *error = efsb_last_error_take();
  CHECK(error != NULL && efsb_last_error_kind() == EFSB_OK);
  CHECK(efsb_error_kind(error) == EFSB_NULL_ARGUMENT);
  CHECK_TEXT(efsb_error_op(error), "call");
  CHECK(pthread_create(&thread, NULL, another_thread, error) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(efsb_last_error_kind() == EFSB_OK);
  efsb_error_free(error);

  /* Freeing leaves the last error alone; a call that succeeds clears it. */
  CHECK(efsb_mirror(NULL, NULL, NULL, NULL) == EFSB_NULL_ARGUMENT);
  efsb_report_free(NULL);
  CHECK(efsb_last_error_kind() == EFSB_NULL_ARGUMENT);
  CHECK(efsb_mirror_options_init(&options, sizeof options) == EFSB_OK);
  CHECK(efsb_last_error_kind() == EFSB_OK);
}

static efsb_status try_options(const efsb_mirror_options *options) {
  return efsb_mirror("/nonexistent/source", "/nonexistent/destination", options, NULL);
}

/* A program compiled with a later header. */
struct later_options {
  efsb_mirror_options known;
  uint64_t unknown;
};

static void option_structs_of_other_versions(void) {
  const efsb_mirror_options initial = EFSB_MIRROR_OPTIONS_INIT;
  efsb_mirror_options options;
  memset(&options, 0xff, sizeof options);
  CHECK(efsb_mirror_options_init(&options, sizeof options) == EFSB_OK);
  CHECK(memcmp(&options, &initial, sizeof options) == 0);
  CHECK(efsb_mirror_options_init(&options, 1) == EFSB_INVALID_INPUT);

  options = initial;
  options.size = 0;
  CHECK(try_options(&options) == EFSB_INVALID_INPUT);
  options.size = sizeof(size_t); /* a program that knows no option at all */
  options.fsync = 99;            /* not read then */
  CHECK(try_options(&options) == EFSB_NOT_FOUND);

  struct later_options later = {EFSB_MIRROR_OPTIONS_INIT, 0};
  later.known.size = sizeof later;
  CHECK(try_options(&later.known) == EFSB_NOT_FOUND);
  later.unknown = 1;
  CHECK(try_options(&later.known) == EFSB_E2BIG);
}

static void wrong_options(void) {
  const efsb_mirror_options initial = EFSB_MIRROR_OPTIONS_INIT;
  efsb_mirror_options options = initial;
  options.fsync = 99;
  CHECK(try_options(&options) == EFSB_INVALID_INPUT);
  CHECK(strstr(efsb_last_error_message(), "`fsync` is 99") != NULL);
  options = initial;
  options.max_delete = 10;
  CHECK(try_options(&options) == EFSB_INVALID_INPUT);
  options.max_delete_unit = EFSB_MAX_DELETE_PERCENT;
  options.max_delete = 101;
  CHECK(try_options(&options) == EFSB_INVALID_INPUT);
  options = initial;
  options.retries = -2;
  CHECK(try_options(&options) == EFSB_INVALID_INPUT);
  options = initial;
  options.reserved[4] = 1;
  CHECK(try_options(&options) == EFSB_INVALID_INPUT);
  options = initial;
  options.link_dest_count = 1;
  CHECK(try_options(&options) == EFSB_NULL_ARGUMENT);
  options = initial;
  options.filter_count = 1;
  CHECK(try_options(&options) == EFSB_NULL_ARGUMENT);
  const char *rules[] = {"[a"};
  options.filter = rules;
  CHECK(try_options(&options) == EFSB_INVALID_INPUT);
  CHECK(strstr(efsb_last_error_message(), "\"[a\"") != NULL);
}

static void the_operating_systems_errors(void) {
  size_t length = 0;
  CHECK(efsb_mirror("/nonexistent/sou\xffrce", "/nonexistent/d", NULL, NULL) == EFSB_NOT_FOUND);
  CHECK(efsb_last_error_errno() == 2);
  CHECK(efsb_last_error_op()[0] != '\0');
  CHECK(strstr(efsb_last_error_message(), "sou\\xffrce") != NULL);
  CHECK_TEXT(efsb_last_error_path(&length), "/nonexistent/sou\xffrce");
  CHECK(length == strlen("/nonexistent/sou\xffrce"));
}

static void a_panic_stops_at_the_edge(void) {
  CHECK(efsb_test_panic() == EFSB_PANIC);
  CHECK(strstr(efsb_last_error_message(), "asked for by a test") != NULL);
}

/* How much memory the process holds, in KiB. */
static long resident(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void handles_come_and_go(long cycles) {
  const char *text = "{\"objects\": [{\"id\": \"A\", \"type\": \"Terminate\", \"x\": \"y\"}]}";
  long before = 0;
  for (long cycle = 0; cycle < cycles; cycle++) {
    if (cycle == cycles / 10) before = resident();
    if (cycle % 1000 == 0) {
      efsb_definition *definition = NULL;
      efsb_finding_list *findings = NULL;
      char *json = NULL;
      CHECK(efsb_definition_parse(text, strlen(text), NULL, &definition) == EFSB_OK);
      CHECK(efsb_definition_validate(definition, &findings) == EFSB_OK);
      CHECK(efsb_definition_diff(definition, definition, &json) == EFSB_OK);
      efsb_string_free(json);
      efsb_finding_list_free(findings);
      efsb_definition_free(definition);
    }
    efsb_cancel_token *token = efsb_cancel_token_new();
    CHECK(token != NULL && !efsb_is_cancelled(token));
    efsb_cancel(token);
    CHECK(efsb_is_cancelled(token));
    efsb_cancel_token_free(token);
    CHECK(efsb_mirror(NULL, NULL, NULL, NULL) == EFSB_NULL_ARGUMENT);
    efsb_error_free(efsb_last_error_take());
  }
  long after = resident();
  printf("%ld cycles: %ld KiB after a tenth, %ld KiB at the end\n", cycles, before, after);
  CHECK(cycles < 100000 || after - before < 1024);
}

int main(int argc, char **argv) {
  versions();
  names();
  mounting_is_refused();
  null_is_refused_or_fine();
  errors_belong_to_a_thread();
  option_structs_of_other_versions();
  wrong_options();
  the_operating_systems_errors();
  a_panic_stops_at_the_edge();
  handles_come_and_go(argc > 1 ? atol(argv[1]) : 1);
  return 0;
}
