/*
 * The least time that work on a tree of files takes: two threads that do only the system
 * calls which nobody can leave out, with the names already in memory.
 *
 *   floor copy|compare|link|delete NAMES SOURCE DESTINATION [PREVIOUS]
 *
 * NAMES has one line an entry, directories first, each after the one it is in:
 *   d PATH            a directory
 *   f PATH, l PATH    a file, a symbolic link
 *   h PATH<tab>FIRST  another name of the file FIRST
 * `link` makes DESTINATION of hard links to PREVIOUS where SOURCE looks the same.
 * Prints the seconds it took; reading NAMES is not in them. Preserves mode, owner and time
 * of modification, and trusts that nothing goes wrong: no program to copy anything with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#ifndef THREADS
#define THREADS 2
#endif
#define UNIT 256          /* entries of one directory that one thread does at a time */
#define BUFFER (1 << 20)
#ifndef SYS_listxattrat
#define SYS_listxattrat 465 /* the same number on every architecture; since Linux 6.13 */
#endif

struct entry { char type; char *dir, *name, *first; };
struct unit { size_t from, count; };
struct sides { int source, destination, previous; };
typedef void act(const struct sides *, const struct entry *, char *buffer);

static struct entry *entries;
static struct unit *units;
static char **dirs;
static size_t entry_count, unit_count, dir_count;
static struct sides roots = {-1, -1, -1};
static act *action;
static atomic_size_t next;

static void fail(const char *what, const char *name) {
  fprintf(stderr, "floor: %s: %s: %s\n", what, name, strerror(errno));
  exit(1);
}

static void *more(void *array, size_t count, size_t size) {
  if (count & (count - 1)) return array; /* grows at powers of two only */
  array = realloc(array, (count ? count * 2 : 1) * size);
  if (!array) fail("realloc", "names");
  return array;
}

static void add_entry(char type, char *path) {
  char *first = type == 'h' ? strchr(path, '\t') : NULL;
  if (first) *first++ = '\0';
  char *slash = strrchr(path, '/'), *dir = slash ? path : ".";
  if (slash) *slash = '\0';
  struct unit *last = unit_count ? &units[unit_count - 1] : NULL;
  if (last && last->count < UNIT && !strcmp(entries[last->from].dir, dir)) {
    last->count++;
  } else {
    units = more(units, unit_count, sizeof *units);
    units[unit_count++] = (struct unit){entry_count, 1};
  }
  entries = more(entries, entry_count, sizeof *entries);
  entries[entry_count++] = (struct entry){type, dir, slash ? slash + 1 : path, first};
}

static void read_names(const char *list) {
  int fd = open(list, O_RDONLY);
  struct stat stat;
  if (fd < 0 || fstat(fd, &stat)) fail("open", list);
  char *text = malloc(stat.st_size + 1), *state = NULL;
  for (off_t done = 0; done < stat.st_size;) {
    ssize_t got = read(fd, text + done, stat.st_size - done);
    if (got <= 0) fail("read", list);
    done += got;
  }
  text[stat.st_size] = '\0';
  close(fd);
  for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
    if (*line == 'd') {
      dirs = more(dirs, dir_count, sizeof *dirs);
      dirs[dir_count++] = line + 2;
    } else {
      add_entry(*line, line + 2);
    }
  }
}

static int open_dir(int root, const char *path) {
  int fd = root == -1 ? -1 : openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root != -1 && fd < 0) fail("open", path);
  return fd;
}

static void set_metadata(int fd, const struct stat *want, const char *name) {
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, want->st_mtim};
  if (fchown(fd, want->st_uid, want->st_gid) && errno != EPERM) fail("chown", name);
  if (fchmod(fd, want->st_mode & 07777) || futimens(fd, times)) fail("set metadata", name);
}

static void copy_link(const struct sides *dir, const char *name, const struct stat *want) {
  char text[4096];
  ssize_t length = readlinkat(dir->source, name, text, sizeof text - 1);
  if (length < 0) fail("readlink", name);
  text[length] = '\0';
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, want->st_mtim};
  if (symlinkat(text, dir->destination, name)) fail("symlink", name);
  if (fchownat(dir->destination, name, want->st_uid, want->st_gid, AT_SYMLINK_NOFOLLOW) &&
      errno != EPERM)
    fail("chown", name);
  if (utimensat(dir->destination, name, times, AT_SYMLINK_NOFOLLOW)) fail("utimens", name);
}

static void copy(const struct sides *dir, const struct entry *entry, char *buffer) {
  const char *name = entry->name;
  struct stat want;
  if (entry->type == 'h') return; /* after the name it is linked to */
  if (fstatat(dir->source, name, &want, AT_SYMLINK_NOFOLLOW)) fail("stat", name);
  if (entry->type == 'l') return copy_link(dir, name, &want);
  int from = openat(dir->source, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  int to = openat(dir->destination, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (from < 0 || to < 0) fail("open", name);
  for (off_t done = 0; done < want.st_size;) {
    ssize_t got = read(from, buffer, BUFFER);
    if (got <= 0 || write(to, buffer, got) != got) fail("copy", name);
    done += got;
  }
  set_metadata(to, &want, name);
  if (close(from) || close(to)) fail("close", name);
}

static void list_attributes(int dir, const char *name) {
  char list[256], path[4200];
  long length = syscall(SYS_listxattrat, dir, name, AT_SYMLINK_NOFOLLOW, list, sizeof list);
  if (length < 0 && errno == ENOSYS) {
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
    length = llistxattr(path, list, sizeof list);
  }
  if (length < 0 && errno != EOPNOTSUPP) fail("listxattr", name);
}

static void look(int one, int other, const char *name) {
  struct stat stat;
  if (fstatat(one, name, &stat, AT_SYMLINK_NOFOLLOW) ||
      fstatat(other, name, &stat, AT_SYMLINK_NOFOLLOW))
    fail("stat", name);
  list_attributes(one, name);
  list_attributes(other, name);
}

static void compare(const struct sides *dir, const struct entry *entry, char *buffer) {
  (void)buffer;
  look(dir->source, dir->destination, entry->name);
}

static void link_previous(const struct sides *dir, const struct entry *entry, char *buffer) {
  (void)buffer;
  look(dir->source, dir->previous, entry->name);
  if (linkat(dir->previous, entry->name, dir->destination, entry->name, 0))
    fail("link", entry->name);
}

static void delete(const struct sides *dir, const struct entry *entry, char *buffer) {
  (void)buffer;
  if (unlinkat(dir->destination, entry->name, 0)) fail("unlink", entry->name);
}

static void *do_units(void *unused) {
  char *buffer = malloc(BUFFER);
  for (size_t at; (at = atomic_fetch_add(&next, 1)) < unit_count;) {
    const struct entry *entry = &entries[units[at].from];
    struct sides dir = {open_dir(action == delete ? -1 : roots.source, entry->dir),
                        open_dir(roots.destination, entry->dir),
                        open_dir(roots.previous, entry->dir)};
    for (size_t i = 0; i < units[at].count; i++) action(&dir, entry + i, buffer);
    close(dir.destination);
    if (dir.source >= 0) close(dir.source);
    if (dir.previous >= 0) close(dir.previous);
  }
  free(buffer);
  return unused;
}

static void *finish_dirs(void *unused) {
  for (size_t at; (at = atomic_fetch_add(&next, 1)) < dir_count;) {
    struct stat want;
    if (fstatat(roots.source, dirs[at], &want, AT_SYMLINK_NOFOLLOW)) fail("stat", dirs[at]);
    int fd = open_dir(roots.destination, dirs[at]);
    set_metadata(fd, &want, dirs[at]);
    close(fd);
  }
  return unused;
}

static void *compare_dirs(void *unused) {
  for (size_t at; (at = atomic_fetch_add(&next, 1)) < dir_count;)
    look(roots.source, roots.destination, dirs[at]);
  return unused;
}

static void in_threads(void *(*work)(void *)) {
  pthread_t threads[THREADS];
  next = 0;
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, work, NULL)) fail("thread", "start");
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void link_names(void) {
  char path[4096];
  for (size_t i = 0; i < entry_count; i++) {
    if (entries[i].type != 'h') continue;
    snprintf(path, sizeof path, "%s/%s", entries[i].dir, entries[i].name);
    if (linkat(roots.destination, entries[i].first, roots.destination, path, 0)) fail("link", path);
  }
}

static void run(void) {
  int makes = action == copy || action == link_previous;
  for (size_t i = 0; makes && i < dir_count; i++)
    if (mkdirat(roots.destination, dirs[i], 0700)) fail("mkdir", dirs[i]);
  in_threads(do_units);
  if (action == copy) link_names();
  if (makes) in_threads(finish_dirs);
  if (action == compare) in_threads(compare_dirs);
  for (size_t i = dir_count; action == delete && i-- > 0;)
    if (unlinkat(roots.destination, dirs[i], AT_REMOVEDIR)) fail("rmdir", dirs[i]);
}

int main(int count, char **arguments) {
  const struct { const char *name; act *action; } works[] = {
      {"copy", copy}, {"compare", compare}, {"link", link_previous}, {"delete", delete}};
  for (size_t i = 0; count >= 5 && i < sizeof works / sizeof *works; i++)
    if (!strcmp(arguments[1], works[i].name)) action = works[i].action;
  if (!action || (action == link_previous) != (count == 6)) {
    fprintf(stderr, "floor copy|compare|link|delete NAMES SOURCE DESTINATION [PREVIOUS]\n");
    return 2;
  }
  read_names(arguments[2]);
  roots.source = open_dir(AT_FDCWD, arguments[3]);
  roots.destination = open_dir(AT_FDCWD, arguments[4]);
  if (count == 6) roots.previous = open_dir(AT_FDCWD, arguments[5]);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  run();
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.6f\n", (double)(end.tv_sec - begin.tv_sec) + (end.tv_nsec - begin.tv_nsec) / 1e9);
  return 0;
}
