/* A program with threads and a signal handler of its own: `signals DIRECTORY`, an empty
 * directory to work in. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 4

static efsb_cancel_token *stop;
static atomic_int running, signals;

static void on_signal(int number) {
  (void)number;
  atomic_fetch_add(&signals, 1);
  efsb_cancel(stop); /* one atomic store */
}

/* Runs until it is cancelled; the thread that makes the call hears of its progress. */
static int on_progress(void *user_data, const efsb_progress *progress) {
  (void)progress;
  CHECK(pthread_equal(*(pthread_t *)user_data, pthread_self()));
  return 0;
}

static void *mirror_until_cancelled(void *argument) {
  char destination[32];
  pthread_t self = pthread_self();
  efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;
  snprintf(destination, sizeof destination, "copy-%d", *(int *)argument);
  options.cancel = stop;
  options.progress = on_progress;
  options.user_data = &self;
  options.jobs = 2;
  for (;;) {
    efsb_status status = efsb_mirror("source", destination, &options, NULL);
    atomic_fetch_add(&running, 1);
    if (status == EFSB_CANCELLED) break;
    CHECK(status == EFSB_OK);
    CHECK(efsb_last_error_kind() == EFSB_OK);
  }
  CHECK(efsb_last_error_kind() == EFSB_CANCELLED);
  CHECK(efsb_mirror("no such source", destination, NULL, NULL) == EFSB_NOT_FOUND);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[THREADS];
  int numbers[THREADS];
  struct sigaction action = {0}, after;
  CHECK(argc == 2 && chdir(argv[1]) == 0 && mkdir("source", 0755) == 0);
  for (int i = 0; i < 20; i++) {
    char name[32];
    snprintf(name, sizeof name, "source/file-%d", i);
    write_file(name, "hello");
  }
  alarm(300); /* ends it, should nothing else do */
  stop = efsb_cancel_token_new();
  action.sa_handler = on_signal;
  CHECK(sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0);
  for (int i = 0; i < THREADS; i++) {
    numbers[i] = i;
    CHECK(pthread_create(&threads[i], NULL, mirror_until_cancelled, &numbers[i]) == 0);
  }
  while (atomic_load(&running) < 2 * THREADS) sched_yield();
  CHECK(kill(getpid(), SIGINT) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  /* The handlers are still the program's, and each signal came once. */
  CHECK(atomic_load(&signals) == 1 && efsb_is_cancelled(stop));
  CHECK(sigaction(SIGINT, NULL, &after) == 0 && after.sa_handler == on_signal);
  CHECK(sigaction(SIGTERM, NULL, &after) == 0 && after.sa_handler == on_signal);
  CHECK(sigaction(SIGPIPE, NULL, &after) == 0 && after.sa_handler == SIG_DFL);
  efsb_cancel_token_free(stop);
  return 0;
}
