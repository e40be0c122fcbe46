/* Repositories on real trees: `snapshots DIRECTORY`, an empty directory to work in. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "heard.h"

#include <sys/stat.h>
#include <unistd.h>

#define NAME "fs-0123456789abcdef0"

static efsb_repository *open_repository(void) {
  efsb_repository *repository = NULL;
  CHECK(efsb_repository_new("backups", NAME, &repository) == EFSB_OK);
  CHECK_TEXT(efsb_repository_name(repository), NAME);
  return repository;
}

static void nothing_is_there_yet(const efsb_repository *repository) {
  efsb_snapshot_list *list = NULL;
  efsb_repository *only = NULL;
  CHECK(efsb_snapshots(repository, &list) == EFSB_NOT_FOUND && list == NULL);
  CHECK(efsb_repository_new("backups", NULL, &only) == EFSB_NOT_FOUND && only == NULL);
  CHECK(efsb_repository_new("backups", "../x", &only) == EFSB_INVALID_INPUT);
  CHECK(efsb_repository_new("backups", "n\xff", &only) == EFSB_INVALID_INPUT);
}

static void guards_refuse(const efsb_repository *repository) {
  efsb_backup_options options = EFSB_BACKUP_OPTIONS_INIT;
  efsb_mirror_options mirror = EFSB_MIRROR_OPTIONS_INIT;
  options.require_existing = true;
  CHECK(efsb_backup(repository, "source", &options, NULL, NULL) == EFSB_SAFETY_STOP);
  CHECK(efsb_backup_options_init(&options, sizeof options) == EFSB_OK);
  options.expect_id = NAME;
  CHECK(efsb_backup(repository, "source", &options, NULL, NULL) == EFSB_SAFETY_STOP);
  CHECK(mkdir("marked", 0755) == 0 && efsb_mark("marked", NAME) == EFSB_OK);
  CHECK(efsb_mark("marked", NAME) == EFSB_OK);
  CHECK(efsb_mark("marked", "fs-fedcba9876543210f") == EFSB_ALREADY_EXISTS);
  CHECK(efsb_backup_options_init(&options, sizeof options) == EFSB_OK);
  options.timezone = "Mars/Olympus";
  CHECK(efsb_backup(repository, "source", &options, NULL, NULL) == EFSB_INVALID_INPUT);
  CHECK(strstr(efsb_last_error_message(), "Mars/Olympus") != NULL);
  CHECK(efsb_backup_options_init(&options, sizeof options) == EFSB_OK);
  options.max_shrink = 101;
  CHECK(efsb_backup(repository, "source", &options, NULL, NULL) == EFSB_INVALID_INPUT);
  CHECK(efsb_backup_options_init(&options, sizeof options) == EFSB_OK);
  options.run_id = "no/id";
  CHECK(efsb_backup(repository, "source", &options, NULL, NULL) == EFSB_INVALID_INPUT);
  CHECK(efsb_backup_options_init(&options, sizeof options) == EFSB_OK);
  mirror.remove_extraneous = true;
  options.mirror = &mirror;
  CHECK(efsb_backup(repository, "source", &options, NULL, NULL) == EFSB_INVALID_INPUT);
}

static efsb_snapshot *take(const efsb_repository *repository, uint64_t new_bytes) {
  efsb_report *report = NULL;
  efsb_snapshot *snapshot = NULL;
  CHECK(efsb_backup(repository, "source", NULL, &report, &snapshot) == EFSB_OK);
  CHECK(efsb_report_outcome(report) == EFSB_OUTCOME_COMPLETE);
  CHECK(efsb_snapshot_state(snapshot) == EFSB_STATE_COMPLETE);
  CHECK(efsb_snapshot_entries(snapshot, EFSB_TYPE_ANY) == 4);
  CHECK(efsb_snapshot_entries(snapshot, EFSB_TYPE_FILE) == 2);
  CHECK(efsb_snapshot_bytes(snapshot) == 8);
  CHECK(efsb_snapshot_new_bytes(snapshot) == new_bytes);
  CHECK(efsb_snapshot_time_ns(snapshot) > 1600000000000000000);
  CHECK(efsb_snapshot_published_ns(snapshot) >= efsb_snapshot_time_ns(snapshot));
  CHECK(efsb_snapshot_file_system(snapshot) == NULL);
  efsb_report_free(report);
  return snapshot;
}

static void snapshots_are_listed(const efsb_repository *repository, const char *first,
                                 const char *second) {
  efsb_snapshot_list *list = NULL;
  CHECK(efsb_snapshots(repository, &list) == EFSB_OK);
  CHECK(efsb_snapshot_list_count(list) == 2);
  CHECK_TEXT(efsb_snapshot_id(efsb_snapshot_list_get(list, 0)), first);
  CHECK_TEXT(efsb_snapshot_id(efsb_snapshot_list_get(list, 1)), second);
  CHECK(efsb_snapshot_list_get(list, 2) == NULL);
  efsb_snapshot_list_free(list);
}

static int count_calls(void *user_data, const efsb_progress *progress) {
  (void)progress;
  ++*(int *)user_data;
  return 0;
}

static void a_snapshot_is_restored(const efsb_repository *repository, const char *id) {
  const char *directories[] = {"sub"};
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  efsb_report *report = NULL;
  struct stat status;
  int calls = 0;
  options.progress = count_calls;
  options.user_data = &calls;
  CHECK(efsb_restore(repository, id, "restored", NULL, 0, &options, &report) == EFSB_OK);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_CREATED, EFSB_TYPE_ANY) == 4);
  CHECK(calls > 0);
  efsb_report_free(report);
  CHECK_TEXT(read_file("restored/sub/file"), "hello");
  CHECK(efsb_restore(repository, id, "restored", NULL, 0, NULL, &report) == EFSB_SAFETY_STOP);
  CHECK(report == NULL);
  CHECK(efsb_restore(repository, "latest", "part", directories, 1, NULL, NULL) == EFSB_OK);
  CHECK_TEXT(read_file("part/sub/file"), "hello");
  CHECK(stat("part/odd\xff", &status) != 0);
  CHECK(efsb_restore(repository, "1999-12-31-23-59", "x", NULL, 0, NULL, NULL) == EFSB_NOT_FOUND);
  CHECK(efsb_restore(repository, NULL, "x", NULL, 0, NULL, NULL) == EFSB_NULL_ARGUMENT);
  CHECK(efsb_restore(repository, id, "x", NULL, 1, NULL, NULL) == EFSB_NULL_ARGUMENT);
}

static void a_source_that_shrank_publishes_nothing(const efsb_repository *repository) {
  efsb_backup_options options = EFSB_BACKUP_OPTIONS_INIT;
  efsb_report *report = NULL;
  efsb_snapshot *snapshot = NULL;
  options.max_shrink = -1;
  CHECK(unlink("source/odd\xff") == 0);
  CHECK(efsb_backup(repository, "source", &options, &report, &snapshot) == EFSB_INCOMPLETE);
  CHECK(efsb_report_outcome(report) == EFSB_OUTCOME_WITHHELD);
  CHECK(snapshot == NULL);
  efsb_report_free(report);
}

static efsb_snapshot *what_no_option_keeps_is_removed(const efsb_repository *repository) {
  efsb_backup_options options = EFSB_BACKUP_OPTIONS_INIT;
  efsb_snapshot *snapshot = NULL;
  efsb_snapshot_list *list = NULL;
  options.keep_last = 1;
  CHECK(efsb_backup(repository, "source", &options, NULL, &snapshot) == EFSB_OK);
  CHECK(efsb_snapshots(repository, &list) == EFSB_OK);
  // The undo of the restore in place is kept for a week.
  CHECK(efsb_snapshot_list_count(list) == 2);
  CHECK_TEXT(efsb_snapshot_id(efsb_snapshot_list_get(list, 1)), efsb_snapshot_id(snapshot));
  efsb_snapshot_list_free(list);
  return snapshot;
}

static void snapshots_are_looked_at_and_kept(const efsb_repository *repository, const char *first,
                                             const char *second) {
  const char *entries[] = {"sub/*"};
  const char *folders[] = {"2026-01-01"};
  efsb_retention none = {0};
  efsb_retention many = {.keep_last = 9};
  efsb_snapshot *undo = NULL;
  char *json = NULL;
  CHECK(efsb_verify(repository, first, NULL, NULL, 0, NULL, &json) == EFSB_OK);
  CHECK(strstr(json, "\"good\":true") != NULL);
  efsb_string_free(json);
  CHECK(efsb_diff(repository, first, second, NULL, false, NULL, &json) == EFSB_OK);
  CHECK_TEXT(json, "[]");
  efsb_string_free(json);
  CHECK(efsb_diff(repository, first, NULL, NULL, false, NULL, &json) == EFSB_NULL_ARGUMENT);
  CHECK(json == NULL);
  CHECK(efsb_history(repository, "sub/file", &json) == EFSB_OK);
  CHECK(strstr(json, "\"there\":true,\"what\":[],\"size\":5") != NULL);
  efsb_string_free(json);

  write_file("part/sub/file", "edited");
  CHECK(efsb_verify(repository, first, "part", NULL, 0, NULL, &json) == EFSB_INCOMPLETE);
  CHECK(strstr(json, "\"good\":false") != NULL);
  efsb_string_free(json);
  CHECK(efsb_restore_in_place(repository, first, "part", entries, 1, NULL, NULL, &undo) == EFSB_OK);
  CHECK_TEXT(read_file("part/sub/file"), "hello");
  CHECK(efsb_snapshot_state(undo) == EFSB_STATE_UNDO);
  CHECK(efsb_restore_in_place(repository, efsb_snapshot_id(undo), "part", NULL, 0, NULL, NULL,
                              NULL) == EFSB_OK);
  CHECK_TEXT(read_file("part/sub/file"), "edited");
  efsb_snapshot_free(undo);

  CHECK(mkdir("2026-01-01", 0755) == 0);
  write_file("2026-01-01/file", "old");
  CHECK(efsb_adopt(repository, folders, 1, "UTC", true, NULL, &json) == EFSB_OK);
  CHECK(strstr(json, "\"id\":\"2026-01-01-00-00\"") != NULL);
  efsb_string_free(json);
  CHECK(efsb_prune(repository, &none, NULL, true, NULL, NULL) == EFSB_INVALID_INPUT);
  CHECK(efsb_prune(repository, &many, NULL, true, NULL, &json) == EFSB_OK);
  CHECK(strstr(json, "undo of the last week") != NULL);
  efsb_string_free(json);
}

static void every_rule_keeps_for_its_reason(const efsb_repository *repository) {
  const efsb_retention rules[] = {{.keep_last = 1},   {.keep_hourly = 1},  {.keep_daily = 1},
                                  {.keep_weekly = 1}, {.keep_monthly = 1}, {.keep_yearly = 1}};
  const char *names[] = {"last", "hourly", "daily", "weekly", "monthly", "yearly"};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    char *json = NULL, reasons[64];
    snprintf(reasons, sizeof reasons, "[\"last complete\",\"%s\"]", names[i]);
    CHECK(efsb_prune(repository, &rules[i], "Asia/Tokyo", true, NULL, &json) == EFSB_OK);
    CHECK(strstr(json, reasons) != NULL);
    efsb_string_free(json);
  }
}

static int stop(void *user_data, const efsb_progress *progress) {
  (void)user_data;
  return progress->entries > 0;
}

static void what_is_done_is_told(const efsb_repository *repository, const char *older) {
  struct heard heard = {.thread = pthread_self()};
  efsb_call_options call = EFSB_CALL_OPTIONS_INIT;
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  efsb_retention last = {.keep_last = 1};
  const char *folders[] = {"2025-01-01"};
  efsb_snapshot *taken = NULL, *undo = NULL;
  char line[128];
  CHECK(efsb_backup(repository, "source", NULL, NULL, &taken) == EFSB_OK);
  const char *id = efsb_snapshot_id(taken);
  call.log = options.log = hear;
  call.user_data = options.user_data = &heard;
  options.log_level = EFSB_LOG_DEBUG;

  CHECK(efsb_verify(repository, id, NULL, NULL, 0, &call, NULL) == EFSB_OK);
  CHECK_TEXT(heard.text, "0 snapshot: as it should be: 3 entries, 1 files read, 0 differences, "
                         "0 repaired\n");
  heard.text[0] = '\0';
  CHECK(efsb_verify(repository, id, "part", NULL, 0, &call, NULL) == EFSB_INCOMPLETE);
  CHECK(strstr(heard.text, "2 snapshot: corrupted: sub/file: ") != NULL);
  CHECK(strstr(heard.text, "2 snapshot: not as it should be: ") != NULL);

  heard.text[0] = '\0';
  options.remove_extraneous = true;
  CHECK(efsb_restore_in_place(repository, id, "part", NULL, 0, &options, NULL, &undo) == EFSB_OK);
  CHECK(strstr(heard.text, "-1 mirror: >f") != NULL);
  CHECK(strstr(heard.text, "0 mirror: complete: ") != NULL);
  snprintf(line, sizeof line, "0 snapshot: snapshot %s undoes this\n", efsb_snapshot_id(undo));
  CHECK(strstr(heard.text, line) != NULL);
  efsb_snapshot_free(undo);

  heard.text[0] = '\0';
  CHECK(mkdir(folders[0], 0755) == 0);
  write_file("2025-01-01/file", "old");
  CHECK(efsb_adopt(repository, folders, 1, NULL, true, &call, NULL) == EFSB_OK);
  CHECK(strstr(heard.text, "0 snapshot: would adopt /") == heard.text);
  CHECK(strstr(heard.text, "/2025-01-01 as snapshot 2025-01-01-00-00\n") != NULL);

  heard.text[0] = '\0';
  CHECK(efsb_prune(repository, &last, NULL, false, &call, NULL) == EFSB_OK);
  snprintf(line, sizeof line, "0 snapshot: removed snapshot %s\n", older);
  CHECK_TEXT(heard.text, line);

  heard.text[0] = '\0';
  call.log_level = EFSB_LOG_WARNING;
  CHECK(efsb_verify(repository, id, NULL, NULL, 0, &call, NULL) == EFSB_OK);
  CHECK_TEXT(heard.text, "");
  call.reserved = 1;
  CHECK(efsb_prune(repository, &last, NULL, true, &call, NULL) == EFSB_INVALID_INPUT);
  efsb_snapshot_free(taken);
}

static void a_verification_is_followed(const efsb_repository *repository, const char *id) {
  efsb_call_options call = EFSB_CALL_OPTIONS_INIT;
  efsb_cancel_token *token = efsb_cancel_token_new();
  int calls = 0;
  call.progress = count_calls;
  call.user_data = &calls;
  CHECK(efsb_verify(repository, id, NULL, NULL, 0, &call, NULL) == EFSB_OK);
  CHECK(calls > 0);
  call.progress = stop;
  CHECK(efsb_verify(repository, id, NULL, NULL, 0, &call, NULL) == EFSB_CANCELLED);
  call.progress = NULL;
  call.cancel = token;
  efsb_cancel(token);
  CHECK(efsb_verify(repository, id, NULL, NULL, 0, &call, NULL) == EFSB_CANCELLED);
  CHECK(efsb_diff(repository, id, id, NULL, false, &call, NULL) == EFSB_CANCELLED);
  efsb_cancel_token_free(token);
}

static void a_token_cancels(const efsb_repository *repository) {
  efsb_backup_options options = EFSB_BACKUP_OPTIONS_INIT;
  efsb_mirror_options mirror = EFSB_MIRROR_OPTIONS_INIT;
  efsb_cancel_token *token = efsb_cancel_token_new();
  efsb_snapshot *snapshot = NULL;
  efsb_cancel(token);
  mirror.cancel = token;
  options.mirror = &mirror;
  CHECK(efsb_backup(repository, "source", &options, NULL, &snapshot) == EFSB_CANCELLED);
  CHECK(snapshot == NULL);
  efsb_cancel_token_free(token);
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0);
  CHECK(mkdir("backups", 0700) == 0 && mkdir("source", 0755) == 0);
  CHECK(mkdir("source/sub", 0750) == 0);
  write_file("source/odd\xff", "odd");
  write_file("source/sub/file", "hello");

  efsb_repository *repository = open_repository();
  nothing_is_there_yet(repository);
  guards_refuse(repository);
  efsb_snapshot *first = take(repository, 8);
  efsb_snapshot *second = take(repository, 0);
  snapshots_are_listed(repository, efsb_snapshot_id(first), efsb_snapshot_id(second));
  a_snapshot_is_restored(repository, efsb_snapshot_id(first));
  snapshots_are_looked_at_and_kept(repository, efsb_snapshot_id(first), efsb_snapshot_id(second));
  a_source_that_shrank_publishes_nothing(repository);
  a_token_cancels(repository);
  a_verification_is_followed(repository, efsb_snapshot_id(second));
  efsb_snapshot *left = what_no_option_keeps_is_removed(repository);
  every_rule_keeps_for_its_reason(repository);
  what_is_done_is_told(repository, efsb_snapshot_id(left));

  efsb_repository *only = NULL;
  CHECK(efsb_repository_new("backups", NULL, &only) == EFSB_OK);
  CHECK_TEXT(efsb_repository_name(only), NAME);
  efsb_repository_free(only);
  efsb_snapshot_free(left);
  efsb_snapshot_free(first);
  efsb_snapshot_free(second);
  efsb_repository_free(repository);
  return 0;
}
