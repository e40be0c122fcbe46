/* efsb_mirror on real trees: `mirror DIRECTORY`, an empty directory to work in. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define ODD "odd\xff\n name"

static void make_source(void) {
  CHECK(mkdir("source", 0755) == 0);
  CHECK(mkdir("source/sub", 0750) == 0);
  write_file("source/" ODD, "odd");
  write_file("source/sub/file", "hello");
  CHECK(link("source/sub/file", "source/linked") == 0);
  CHECK(symlink("no such target", "source/pointer") == 0);
  CHECK(mkfifo("source/fifo", 0600) == 0);
}

struct watched {
  pthread_t caller;
  int calls;
  int answer;
  uint64_t entries;
};

static int watch(void *user_data, const efsb_progress *progress) {
  struct watched *watched = user_data;
  CHECK(pthread_equal(pthread_self(), watched->caller));
  CHECK(progress->size >= sizeof *progress);
  CHECK(progress->entries >= watched->entries);
  CHECK(progress->seconds >= 0.0);
  watched->entries = progress->entries;
  watched->calls++;
  return watched->answer;
}

static void everything_is_copied_and_counted(void) {
  struct watched watched = {pthread_self(), 0, 0, 0};
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.progress = watch;
  options.user_data = &watched;
  efsb_report *report = NULL;
  CHECK(efsb_mirror("source", "copy", &options, &report) == EFSB_OK);
  CHECK(report != NULL);
  CHECK(efsb_last_error_kind() == EFSB_OK);
  CHECK(efsb_report_outcome(report) == EFSB_OUTCOME_COMPLETE);
  CHECK(efsb_report_exit_status(report) == 0);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_SCANNED, EFSB_TYPE_ANY) == 7);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_CREATED, EFSB_TYPE_FILE) == 2);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_CREATED, EFSB_TYPE_HARDLINK) == 1);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_CREATED, EFSB_TYPE_SYMLINK) == 1);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_CREATED, EFSB_TYPE_SPECIAL) == 1);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_FAILED, EFSB_TYPE_ANY) == 0);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_CREATED, 99) == 0);
  CHECK(efsb_report_bytes(report, EFSB_BYTES_SCANNED) == 8);
  CHECK(efsb_report_bytes(report, EFSB_BYTES_COPIED) == 8);
  CHECK(efsb_report_finished_ns(report) >= efsb_report_started_ns(report));
  CHECK(efsb_report_started_ns(report) > 1600000000000000000);
  CHECK(efsb_report_errors_total(report) == 0 && efsb_report_error_count(report) == 0);
  CHECK(watched.calls > 0 && watched.entries == 7);

  struct stat first, second;
  CHECK(stat("copy/linked", &first) == 0 && stat("copy/sub/file", &second) == 0);
  CHECK(first.st_ino == second.st_ino && first.st_nlink == 2);
  CHECK_TEXT(read_file("copy/" ODD), "odd");
  CHECK(lstat("copy/fifo", &first) == 0 && S_ISFIFO(first.st_mode));

  char *json = NULL;
  CHECK(efsb_report_to_json(report, &json) == EFSB_OK);
  CHECK(strstr(json, "\"outcome\":\"complete\"") != NULL);
  efsb_string_free(json);
  efsb_report_free(report);
}

static void what_is_extraneous_goes_when_asked(void) {
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  efsb_report *report = NULL;
  struct stat status;
  write_file("copy/extra", "extra");
  CHECK(efsb_mirror("source", "copy", &options, &report) == EFSB_OK);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_DELETED, EFSB_TYPE_ANY) == 0);
  CHECK(efsb_report_option_count(report) == 0);
  efsb_report_free(report);

  options.remove_extraneous = true;
  CHECK(efsb_mirror("source", "copy", &options, &report) == EFSB_OK);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_DELETED, EFSB_TYPE_FILE) == 1);
  CHECK(stat("copy/extra", &status) != 0);
  CHECK(efsb_report_option_count(report) == 1);
  CHECK_TEXT(efsb_report_option(report, 0), "--delete");
  CHECK(efsb_report_option(report, 1) == NULL);
  efsb_report_free(report);
}

static void equal_files_are_linked(void) {
  const char *trees[] = {"copy"};
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.link_dest = trees;
  options.link_dest_count = 1;
  efsb_report *report = NULL;
  CHECK(efsb_mirror("source", "second", &options, &report) == EFSB_OK);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_LINKED, EFSB_TYPE_FILE) == 2);
  CHECK(efsb_report_bytes(report, EFSB_BYTES_LINKED) == 8);
  CHECK(efsb_report_bytes(report, EFSB_BYTES_COPIED) == 0);
  efsb_report_free(report);
}

static void excluded_entries_are_left_out(void) {
  const char *rules[] = {"+ /sub/", "- *"};
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.filter = rules;
  options.filter_count = 2;
  efsb_report *report = NULL;
  CHECK(efsb_mirror("source", "filtered", &options, &report) == EFSB_OK);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_SCANNED, EFSB_TYPE_DIR) == 2);
  CHECK(efsb_report_entries(report, EFSB_ENTRIES_SCANNED, EFSB_TYPE_FILE) == 0);
  CHECK_TEXT(efsb_report_option(report, 0), "--include=/sub/");
  CHECK_TEXT(efsb_report_option(report, 1), "--exclude=*");
  efsb_report_free(report);
}

static void every_option_is_passed_on(void) {
  const char *trees[] = {"copy"}, *rules[] = {"- *.tmp"};
  const char *expected =
      "--delete --checksum --dry-run --one-file-system --no-xattrs --no-acls --no-hard-links "
      "--no-owner --no-specials --allow-empty --strict --max-delete=7% --stop-after=60s --jobs=3 "
      "--limit-bytes=1000000000 --limit-ops=1000000 --fsync=end --retries=0 --max-links=5 "
      "--link-dest=copy --exclude=*.tmp ";
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  efsb_report *report = NULL;
  char words[1024] = "";
  options.remove_extraneous = options.checksum = options.dry_run = true;
  options.one_file_system = options.no_xattrs = options.no_acls = options.no_hard_links = true;
  options.no_owner = options.no_specials = options.allow_empty = options.strict = true;
  options.max_delete = 7;
  options.max_delete_unit = EFSB_MAX_DELETE_PERCENT;
  options.stop_after_ms = 60000;
  options.jobs = 3;
  options.limit_bytes = 1000000000;
  options.limit_ops = 1000000;
  options.fsync = EFSB_FSYNC_END;
  options.retries = -1;
  options.max_links = 5;
  options.link_dest = trees;
  options.link_dest_count = 1;
  options.filter = rules;
  options.filter_count = 1;
  CHECK(efsb_mirror("source", "third", &options, &report) == EFSB_OK);
  for (size_t i = 0; i < efsb_report_option_count(report); i++) {
    size_t length = strlen(words);
    snprintf(words + length, sizeof words - length, "%s ", efsb_report_option(report, i));
  }
  CHECK_TEXT(words, expected);
  efsb_report_free(report);
}

static void in_place_a_file_stays_the_same_file(void) {
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  struct stat before, after;
  CHECK(mkdir("new", 0755) == 0 && mkdir("old", 0755) == 0);
  write_file("new/file", "new content");
  write_file("old/file", "old");
  CHECK(stat("old/file", &before) == 0);
  options.in_place = true;
  options.limit_bytes = 1000000000;
  options.limit_ops = 1000000000;
  efsb_report *report = NULL;
  CHECK(efsb_mirror("new", "old", &options, &report) == EFSB_OK);
  CHECK_TEXT(read_file("old/file"), "new content");
  CHECK(stat("old/file", &after) == 0 && before.st_ino == after.st_ino);
  CHECK_TEXT(efsb_report_option(report, 0), "--in-place");
  CHECK_TEXT(efsb_report_option(report, 1), "--limit-bytes=1000000000");
  CHECK_TEXT(efsb_report_option(report, 2), "--limit-ops=1000000000");
  efsb_report_free(report);
}

static void a_withheld_deletion_is_incomplete_and_has_a_report(void) {
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.remove_extraneous = true;
  options.max_delete_unit = EFSB_MAX_DELETE_COUNT;
  efsb_report *report = NULL;
  struct stat status;
  write_file("copy/extra", "extra");
  CHECK(efsb_mirror("source", "copy", &options, &report) == EFSB_INCOMPLETE);
  CHECK(efsb_last_error_kind() == EFSB_INCOMPLETE);
  CHECK(efsb_report_outcome(report) == EFSB_OUTCOME_WITHHELD);
  CHECK(efsb_report_exit_status(report) == 25);
  CHECK(stat("copy/extra", &status) == 0);
  efsb_report_free(report);
  CHECK(efsb_mirror("source", "copy", &options, NULL) == EFSB_INCOMPLETE);
}

static void an_entry_that_fails_is_told(void) {
  efsb_report *report = NULL;
  size_t length = 0;
  /* Even root cannot replace a directory that is not empty where nothing may be removed. */
  CHECK(mkdir("blocked", 0755) == 0 && mkdir("blocked/" ODD, 0755) == 0);
  write_file("blocked/" ODD "/file", "in the way");
  CHECK(efsb_mirror("source", "blocked", NULL, &report) == EFSB_INCOMPLETE);
  CHECK(efsb_report_exit_status(report) == 23);
  CHECK(efsb_report_errors_total(report) == 1 && efsb_report_error_count(report) == 1);
  const efsb_error *error = efsb_report_error(report, 0);
  CHECK_TEXT(efsb_error_path(error, &length), ODD);
  CHECK(length == strlen(ODD));
  CHECK(efsb_error_kind(error) != EFSB_OK);
  CHECK(efsb_error_op(error)[0] != '\0' && efsb_error_message(error)[0] != '\0');
  CHECK(efsb_report_error(report, 1) == NULL);
  efsb_report_free(report);
}

static void an_empty_source_is_refused(void) {
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.remove_extraneous = true;
  struct stat status;
  CHECK(mkdir("empty", 0755) == 0);
  CHECK(efsb_mirror("empty", "copy", &options, NULL) == EFSB_SAFETY_STOP);
  CHECK(stat("copy/sub/file", &status) == 0);
}

static void a_callback_cancels(void) {
  struct watched watched = {pthread_self(), 0, 1, 0};
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.progress = watch;
  options.user_data = &watched;
  /* A run may end before its first callback, but not before its last. */
  efsb_status status = efsb_mirror("source", "third", &options, NULL);
  CHECK(status == EFSB_CANCELLED || (status == EFSB_OK && watched.calls == 1));
  CHECK(watched.calls > 0);
}

static efsb_cancel_token *signalled;

static void on_signal(int number) {
  (void)number;
  efsb_cancel(signalled);
}

static void a_signal_handler_cancels(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  signalled = efsb_cancel_token_new();
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  CHECK(raise(SIGUSR1) == 0);
  CHECK(efsb_is_cancelled(signalled));
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.cancel = signalled;
  CHECK(efsb_mirror("source", "fourth", &options, NULL) == EFSB_CANCELLED);
  CHECK(efsb_last_error_kind() == EFSB_CANCELLED);
  efsb_cancel_token_free(signalled);
}

static void *mirror_to(void *destination) {
  efsb_report *report = NULL;
  CHECK(efsb_mirror("source", destination, NULL, &report) == EFSB_OK);
  return report;
}

static void threads_mirror_at_once(void) {
  char destinations[4][16];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    snprintf(destinations[i], sizeof destinations[i], "thread-%d", i);
    CHECK(pthread_create(&threads[i], NULL, mirror_to, destinations[i]) == 0);
  }
  for (int i = 0; i < 4; i++) {
    void *report = NULL;
    CHECK(pthread_join(threads[i], &report) == 0);
    CHECK(efsb_report_entries(report, EFSB_ENTRIES_CREATED, EFSB_TYPE_ANY) == 7);
    efsb_report_free(report);
  }
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0);
  make_source();
  everything_is_copied_and_counted();
  what_is_extraneous_goes_when_asked();
  equal_files_are_linked();
  excluded_entries_are_left_out();
  every_option_is_passed_on();
  in_place_a_file_stays_the_same_file();
  a_withheld_deletion_is_incomplete_and_has_a_report();
  an_entry_that_fails_is_told();
  an_empty_source_is_refused();
  a_callback_cancels();
  a_signal_handler_cancels();
  threads_mirror_at_once();
  return 0;
}
