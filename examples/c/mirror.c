/*
 * Mirrors a directory, with progress and Ctrl-C.
 *
 *   cc -o mirror mirror.c $(pkg-config --cflags --libs efsbackup)
 *   ./mirror /mnt/source /mnt/destination
 */
#define _POSIX_C_SOURCE 200809L
#include <efsbackup.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static efsb_cancel_token *stop;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  efsb_cancel(stop); /* one atomic store: safe in a signal handler */
}

static int on_progress(void *user_data, const efsb_progress *progress) {
  FILE *out = user_data;
  fprintf(out, "\r%" PRIu64 " entries, %" PRIu64 " bytes written", progress->entries,
          progress->bytes_written);
  return 0; /* anything else cancels */
}

static void print_errors(const efsb_report *report) {
  for (size_t i = 0; i < efsb_report_error_count(report); i++) {
    const efsb_error *error = efsb_report_error(report, i);
    size_t length;
    const char *path = efsb_error_path(error, &length);
    fprintf(stderr, "%s: ", efsb_error_message(error));
    fwrite(path, 1, length, stderr); /* names are bytes, not always text */
    fputc('\n', stderr);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s SOURCE DESTINATION\n", argv[0]);
    return 2;
  }
  stop = efsb_cancel_token_new();
  struct sigaction action = {0};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, NULL);

  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  options.remove_extraneous = true;
  options.progress = on_progress;
  options.user_data = stderr;
  options.cancel = stop;

  efsb_report *report = NULL;
  efsb_status status = efsb_mirror(argv[1], argv[2], &options, &report);
  fputc('\n', stderr);
  if (status != EFSB_OK) {
    fprintf(stderr, "%s\n", efsb_last_error_message());
    print_errors(report);
  }
  printf("%s: %" PRIu64 " entries, %" PRIu64 " bytes copied\n",
         efsb_outcome_name(efsb_report_outcome(report)),
         efsb_report_entries(report, EFSB_ENTRIES_SCANNED, EFSB_TYPE_ANY),
         efsb_report_bytes(report, EFSB_BYTES_COPIED));
  int exit_status = efsb_report_exit_status(report);
  efsb_report_free(report);
  efsb_cancel_token_free(stop);
  return exit_status;
}
