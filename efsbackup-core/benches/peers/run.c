/*
 * Runs a command and writes the seconds it took and its peak of memory in KiB to a file:
 *
 *   run FILE COMMAND [ARGUMENT…]
 *
 * A process of its own, because the peak of a child counts from its fork: forked from an
 * interpreter, every program would seem to need what the interpreter needs.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments) {
  struct timespec begin, end;
  struct rusage usage;
  int status;
  if (count < 3) return 2;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  pid_t child = fork();
  if (child == 0) {
    execvp(arguments[2], arguments + 2);
    perror(arguments[2]);
    _exit(127);
  }
  if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
    perror("run");
    return 1;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  FILE *file = fopen(arguments[1], "w");
  if (!file) {
    perror(arguments[1]);
    return 1;
  }
  fprintf(file, "%.6f %ld\n",
          (double)(end.tv_sec - begin.tv_sec) + (end.tv_nsec - begin.tv_nsec) / 1e9,
          usage.ru_maxrss);
  fclose(file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
