/* SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef EFSBACKUP_H
#define EFSBACKUP_H

/* Generated from efsbackup-ffi/src by `make header`. Do not edit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header.
 */
#define EFSB_VERSION "0.1.0"
#define EFSB_VERSION_MAJOR 0
#define EFSB_VERSION_MINOR 1
#define EFSB_VERSION_PATCH 0
/**
 * The version of this header as one number that can be compared: 0x00MMmmpp.
 */
#define EFSB_VERSION_NUMBER 0x000100

/**
 * The default: `efsb_mirror_options options = EFSB_MIRROR_OPTIONS_INIT;`
 */
#define EFSB_MIRROR_OPTIONS_INIT \
  { sizeof(efsb_mirror_options), NULL, NULL, NULL, NULL, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, { 0 }, NULL, 0, 0 }

/**
 * The default: `efsb_backup_options options = EFSB_BACKUP_OPTIONS_INIT;`
 */
#define EFSB_BACKUP_OPTIONS_INIT \
  { sizeof(efsb_backup_options), NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, { 0 } }

/**
 * The default: `efsb_mount_options options = EFSB_MOUNT_OPTIONS_INIT;`
 */
#define EFSB_MOUNT_OPTIONS_INIT \
  { sizeof(efsb_mount_options), NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, { 0 } }

/**
 * The default: `efsb_read_options options = EFSB_READ_OPTIONS_INIT;`
 */
#define EFSB_READ_OPTIONS_INIT \
  { sizeof(efsb_read_options), NULL, 0, { 0 } }

/**
 * The default: `efsb_resolve_options options = EFSB_RESOLVE_OPTIONS_INIT;`
 */
#define EFSB_RESOLVE_OPTIONS_INIT \
  { sizeof(efsb_resolve_options), NULL, 0, NULL, NULL, NULL, 0, 0, 0, 0, 0, { 0 } }

/**
 * The default: `efsb_draw_options options = EFSB_DRAW_OPTIONS_INIT;`
 */
#define EFSB_DRAW_OPTIONS_INIT \
  { sizeof(efsb_draw_options), NULL, NULL, 0 }

/**
 * The default: `efsb_simulate_options options = EFSB_SIMULATE_OPTIONS_INIT;`
 */
#define EFSB_SIMULATE_OPTIONS_INIT \
  { sizeof(efsb_simulate_options), NULL, 0, NULL, NULL, NULL, 0, NULL, 0, NULL, 0, NULL }

/**
 * The default: `efsb_call_options options = EFSB_CALL_OPTIONS_INIT;`
 */
#define EFSB_CALL_OPTIONS_INIT \
  { sizeof(efsb_call_options), NULL, NULL, NULL, 0, 0, 0, NULL }

/**
 * The default: `efsb_plan_options options = EFSB_PLAN_OPTIONS_INIT;`
 */
#define EFSB_PLAN_OPTIONS_INIT \
  { sizeof(efsb_plan_options), NULL, 0, NULL, NULL, NULL, 0, NULL, 0, 0, 0, { 0 } }

/**
 * The default: `efsb_run_options options = EFSB_RUN_OPTIONS_INIT;`
 */
#define EFSB_RUN_OPTIONS_INIT \
  { sizeof(efsb_run_options), NULL, NULL, NULL, NULL, 0, NULL, NULL, 0, 0, 0, { 0 } }

/**
 * The default: `efsb_aws_options options = EFSB_AWS_OPTIONS_INIT;`
 */
#define EFSB_AWS_OPTIONS_INIT \
  { sizeof(efsb_aws_options), NULL, NULL, NULL, NULL, NULL, NULL }

/**
 * Each entry that something was done to.
 */
#define EFSB_LOG_DEBUG -1

/**
 * What is being done, and what came of it.
 */
#define EFSB_LOG_INFO 0

/**
 * What a person should know, though the call goes on.
 */
#define EFSB_LOG_WARNING 1

/**
 * What has failed.
 */
#define EFSB_LOG_ERROR 2

/**
 * Each file before it is closed on network file systems, the file system at the end elsewhere.
 */
#define EFSB_FSYNC_AUTO 0

/**
 * Never; the operating system writes it in its own time.
 */
#define EFSB_FSYNC_NONE 1

/**
 * Each file before it is closed.
 */
#define EFSB_FSYNC_FILES 2

/**
 * The whole file system once, at the end of the run.
 */
#define EFSB_FSYNC_END 3

/**
 * Half of the destination's entries, once it holds over 100; `max_delete` must be 0.
 */
#define EFSB_MAX_DELETE_DEFAULT 0

/**
 * `max_delete` is a number of entries.
 */
#define EFSB_MAX_DELETE_COUNT 1

/**
 * `max_delete` is a share of the destination's entries in percent, once it holds over 100.
 */
#define EFSB_MAX_DELETE_PERCENT 2

/**
 * Copying, in efsb_progress.phase.
 */
#define EFSB_PHASE_COPYING 0

/**
 * Removing what the source no longer has.
 */
#define EFSB_PHASE_DELETING 1

/**
 * Waiting for the data to be durable.
 */
#define EFSB_PHASE_SYNCING 2

/**
 * Something that this version of the header has no name for.
 */
#define EFSB_PHASE_OTHER 3

/**
 * Everything was done.
 */
#define EFSB_OUTCOME_COMPLETE 0

/**
 * The run went to its end, but some entries failed or vanished.
 */
#define EFSB_OUTCOME_PARTIAL 1

/**
 * A guard refused before anything was changed.
 */
#define EFSB_OUTCOME_REFUSED 2

/**
 * Everything was copied, but deletion was withheld by `max_delete`.
 */
#define EFSB_OUTCOME_WITHHELD 3

/**
 * Stopped by `stop_after_ms`; the next run continues.
 */
#define EFSB_OUTCOME_UNFINISHED 4

/**
 * Stopped by the caller.
 */
#define EFSB_OUTCOME_CANCELLED 5

/**
 * The run could not go on.
 */
#define EFSB_OUTCOME_FAILED 6

/**
 * Entries met in the source.
 */
#define EFSB_ENTRIES_SCANNED 0

/**
 * Entries made at the destination.
 */
#define EFSB_ENTRIES_CREATED 1

/**
 * Entries whose content, type or metadata changed at the destination.
 */
#define EFSB_ENTRIES_UPDATED 2

/**
 * Entries hard-linked from a tree of `link_dest`.
 */
#define EFSB_ENTRIES_LINKED 3

/**
 * Entries already equal.
 */
#define EFSB_ENTRIES_UNCHANGED 4

/**
 * Entries removed from the destination.
 */
#define EFSB_ENTRIES_DELETED 5

/**
 * Entries neither copied nor removed as they should have been.
 */
#define EFSB_ENTRIES_FAILED 6

/**
 * Entries that vanished from the source, or kept changing, while the run went on.
 */
#define EFSB_ENTRIES_VANISHED 7

/**
 * Sizes of the source's files, each counted once.
 */
#define EFSB_BYTES_SCANNED 0

/**
 * Written at the destination.
 */
#define EFSB_BYTES_COPIED 1

/**
 * Not written, since the files were hard-linked from a tree of `link_dest`.
 */
#define EFSB_BYTES_LINKED 2

/**
 * Entries of all types.
 */
#define EFSB_TYPE_ANY 0

/**
 * Regular files.
 */
#define EFSB_TYPE_FILE 1

/**
 * Directories.
 */
#define EFSB_TYPE_DIR 2

/**
 * Symbolic links.
 */
#define EFSB_TYPE_SYMLINK 3

/**
 * Further names of files already counted.
 */
#define EFSB_TYPE_HARDLINK 4

/**
 * Fifos, sockets and devices.
 */
#define EFSB_TYPE_SPECIAL 5

/**
 * The snapshot holds everything the source held.
 */
#define EFSB_STATE_COMPLETE 0

/**
 * Some entries could not be read: they are missing, or as they were before.
 */
#define EFSB_STATE_PARTIAL 1

/**
 * The folder is there, but no record of it.
 */
#define EFSB_STATE_UNKNOWN 2

/**
 * It was made by another program and not verified since.
 */
#define EFSB_STATE_ADOPTED 3

/**
 * It holds only what a restore in place has replaced or removed.
 */
#define EFSB_STATE_UNDO 4

/**
 * The version of the ABI that this header describes; see efsb_abi_version().
 */
#define EFSB_ABI_VERSION 0

/**
 * Asks running calls to stop. One token may be used by several calls, one after the other or
 * at once; once cancelled it stays so.
 */
typedef struct efsb_cancel_token efsb_cancel_token;

/**
 * A definition of AWS Data Pipeline in one of its forms, with the rest of its file. Never
 * changes; may be used from any thread. Freed with efsb_definition_free().
 *
 * The forms are "cli", "api", "cfn-yaml", "cfn-json", "terraform" and "terraform-json".
 */
typedef struct efsb_definition efsb_definition;

/**
 * What went wrong, where and why. Never changes; may be read from any thread.
 */
typedef struct efsb_error efsb_error;

/**
 * One thing that is wrong or doubtful in a definition. It belongs to its list.
 */
typedef struct efsb_finding efsb_finding;

/**
 * All that efsb_definition_validate() found, in the order of the definition. Freed with
 * efsb_finding_list_free().
 */
typedef struct efsb_finding_list efsb_finding_list;

/**
 * A mount that lasts until efsb_mount_close() or efsb_mount_keep(). It may be used by one
 * thread at a time.
 */
typedef struct efsb_mount efsb_mount;

/**
 * What is to be done to have a pipeline as it is wanted. Never changes. Freed with
 * efsb_plan_free().
 */
typedef struct efsb_plan efsb_plan;

/**
 * What a run did. Never changes; may be read from any thread. Freed with efsb_report_free().
 */
typedef struct efsb_report efsb_report;

/**
 * The snapshots of one source: the folder ROOT/NAME. Nothing is opened or made before a call
 * that needs it. Never changes; may be used from any thread. Freed with
 * efsb_repository_free().
 */
typedef struct efsb_repository efsb_repository;

/**
 * A service that has pipelines: AWS Data Pipeline, one that `efsbackup serve` offers, or the
 * embedded one. Never changes; may be used from any thread of the process that opened it.
 * Freed with efsb_service_free().
 */
typedef struct efsb_service efsb_service;

/**
 * One snapshot of a repository. Never changes; may be read from any thread.
 */
typedef struct efsb_snapshot efsb_snapshot;

/**
 * The snapshots of a repository as they were when they were listed. Never changes; may be
 * read from any thread. Freed with efsb_snapshot_list_free().
 */
typedef struct efsb_snapshot_list efsb_snapshot_list;

/**
 * How a call ended: #EFSB_OK, or one of the numbers below, which say what kind of error it
 * was. The list only grows and no number is ever used again.
 */
typedef int32_t efsb_status;

/**
 * The state of a call at one moment. All numbers are totals since it began.
 */
typedef struct {
  /**
   * The size of this struct in the library; later versions may add fields at the end.
   */
  size_t size;
  /**
   * What is being done: an EFSB_PHASE_ constant.
   */
  int32_t phase;
  /**
   * 0.
   */
  int32_t reserved;
  /**
   * Source entries looked at.
   */
  uint64_t entries;
  /**
   * Entries created, updated or hard-linked at the destination.
   */
  uint64_t entries_written;
  /**
   * Entries removed from the destination.
   */
  uint64_t entries_deleted;
  /**
   * Entries that failed.
   */
  uint64_t errors;
  /**
   * Bytes of source files looked at.
   */
  uint64_t bytes;
  /**
   * Bytes of content written.
   */
  uint64_t bytes_written;
  /**
   * Seconds since the call began.
   */
  double seconds;
} efsb_progress;

/**
 * Called on the thread that made the call, a few times a second and once at the end; never
 * from another thread, and never after the call returned. `progress` is lent until the
 * callback returns. A result other than 0 cancels the call. The callback may call any
 * function of this library but those that free what the running call uses; it must return:
 * neither longjmp nor a C++ exception may leave it.
 */
typedef int (*efsb_progress_fn)(void *user_data, const efsb_progress *progress);

/**
 * Called on the thread that made the call, with what it does: `level` is an EFSB_LOG_ constant,
 * `piece` the part of the library that tells ("mirror", "snapshot", "apply", "wait", "run"),
 * `message` seldom more than a line. Both texts are lent until the callback returns. It must
 * return: neither longjmp nor a C++ exception may leave it.
 */
typedef void (*efsb_log_fn)(void *user_data,
                            int32_t level,
                            const char *piece,
                            const char *message);

/**
 * What a mirror is told. Start with #EFSB_MIRROR_OPTIONS_INIT or
 * efsb_mirror_options_init(); everything 0 is the default, which preserves all and removes
 * nothing. A yes-or-no field is yes for every value but 0.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled. A program compiled with an older header
   * gets the defaults for what it does not know.
   */
  size_t size;
  /**
   * Told how far the run is; may be NULL.
   */
  efsb_progress_fn progress;
  /**
   * Given to `progress`.
   */
  void *user_data;
  /**
   * Cancels the run; may be NULL.
   */
  const efsb_cancel_token *cancel;
  /**
   * Trees whose equal files are hard-linked instead of copied; the first match wins. They
   * must be on the destination's file system. May be NULL when `link_dest_count` is 0.
   */
  const char *const *link_dest;
  /**
   * How many paths `link_dest` has.
   */
  size_t link_dest_count;
  /**
   * What takes part: rules in order, of which the first that matches decides. `- PATTERN`
   * or `PATTERN` excludes, `+ PATTERN` includes; patterns are rsync's. What is excluded
   * stays at the destination. May be NULL when `filter_count` is 0.
   */
  const char *const *filter;
  /**
   * How many rules `filter` has.
   */
  size_t filter_count;
  /**
   * When more would be removed, nothing is; `max_delete_unit` tells the unit.
   */
  uint64_t max_delete;
  /**
   * End the run after this many milliseconds: files in hand are finished, nothing is
   * removed. 0: no limit.
   */
  uint64_t stop_after_ms;
  /**
   * How many bytes of file content all threads together may copy or compare in a second. 0:
   * no limit.
   */
  uint64_t limit_bytes;
  /**
   * How many operations on the file systems all threads together may do in a second; each
   * system call counts. 0: no limit.
   */
  uint64_t limit_ops;
  /**
   * How many threads copy. 0: found from the measured latency.
   */
  uint32_t jobs;
  /**
   * The most names a file may have at the destination (EFS: 177); where linking would
   * exceed it, the file is copied. 0: what the file system allows.
   */
  uint32_t max_links;
  /**
   * How often a file that changes while it is read is read again. 0: the default, 3; -1:
   * never.
   */
  int32_t retries;
  /**
   * When data is made durable: an EFSB_FSYNC_ constant.
   */
  int32_t fsync;
  /**
   * The unit of `max_delete`: an EFSB_MAX_DELETE_ constant.
   */
  int32_t max_delete_unit;
  /**
   * Remove what the source lacks.
   */
  uint8_t remove_extraneous;
  /**
   * Compare contents, not size and time.
   */
  uint8_t checksum;
  /**
   * Take files of equal size as equal in content, whatever their time.
   */
  uint8_t size_only;
  /**
   * Rewrite existing files where they are, only the blocks that differ, instead of replacing
   * them; holes over old data become zeros. Not with `strict`, nor for backups.
   */
  uint8_t in_place;
  /**
   * Do nothing, only report what would be done.
   */
  uint8_t dry_run;
  /**
   * Leave out what is on other file systems.
   */
  uint8_t one_file_system;
  /**
   * Do not preserve extended attributes.
   */
  uint8_t no_xattrs;
  /**
   * Do not preserve POSIX ACLs.
   */
  uint8_t no_acls;
  /**
   * Do not preserve hard links.
   */
  uint8_t no_hard_links;
  /**
   * Do not preserve owner and group.
   */
  uint8_t no_owner;
  /**
   * Leave out fifos, sockets and devices.
   */
  uint8_t no_specials;
  /**
   * Accept an empty source although `remove_extraneous` is on.
   */
  uint8_t allow_empty;
  /**
   * Where a file keeps changing, keep the destination's previous version.
   */
  uint8_t strict;
  /**
   * The destination is new and nobody reads it before the run ends: files are written
   * under their own names.
   */
  uint8_t fresh;
  /**
   * Where an entry cannot be read, take it from the first tree of `link_dest` instead. It
   * is still counted as failed.
   */
  uint8_t stale_from_link_dest;
  /**
   * Must be 0.
   */
  uint8_t reserved[5];
  /**
   * Told what is done, its first argument `user_data`; may be NULL.
   */
  efsb_log_fn log;
  /**
   * The lowest level that `log` is told, an EFSB_LOG_ constant.
   */
  int32_t log_level;
  /**
   * Must be 0.
   */
  int32_t reserved_more;
} efsb_mirror_options;

/**
 * What a backup is told. Start with #EFSB_BACKUP_OPTIONS_INIT or efsb_backup_options_init();
 * everything 0 is the default. A yes-or-no field is yes for every value but 0.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * How the source is copied, who is told how far the run is and what cancels it; may be
   * NULL. A backup chooses `remove_extraneous`, `link_dest`, `fresh` and
   * `stale_from_link_dest` itself.
   */
  const efsb_mirror_options *mirror;
  /**
   * Where snapshots' names take the time of day from, such as "Asia/Tokyo". NULL: UTC.
   */
  const char *timezone;
  /**
   * The id of the file system that the source must be proved to be on; may be NULL.
   */
  const char *expect_id;
  /**
   * The id of the file system that the repository must be proved to be on; may be NULL.
   */
  const char *expect_destination_id;
  /**
   * The run that this backup is a part of: up to 64 letters, digits and any of "._-".
   * Backups that give the same one share the repository instead of refusing each other.
   * NULL: a run of its own.
   */
  const char *run_id;
  /**
   * Publish nothing when the source has shrunk by more than this share, in percent, of the
   * entries of the last complete snapshot. 0: the default, 50; -1: when it has shrunk at
   * all.
   */
  int32_t max_shrink;
  /**
   * How many snapshots to keep. When all keep_ fields are 0, every snapshot is kept; else
   * what none of them keeps is removed after the new snapshot is complete.
   */
  uint32_t keep_last;
  /**
   * For how many hours to keep the last snapshot of each.
   */
  uint32_t keep_hourly;
  /**
   * For how many days to keep the last snapshot of each.
   */
  uint32_t keep_daily;
  /**
   * For how many weeks to keep the last snapshot of each.
   */
  uint32_t keep_weekly;
  /**
   * For how many months to keep the last snapshot of each.
   */
  uint32_t keep_monthly;
  /**
   * For how many years to keep the last snapshot of each.
   */
  uint32_t keep_yearly;
  /**
   * Refuse to make a repository where there is none: a backup file system that failed to
   * mount looks like a first run.
   */
  uint8_t require_existing;
  /**
   * Go on although the clock is behind the last snapshot.
   */
  uint8_t accept_clock;
  /**
   * Must be 0.
   */
  uint8_t reserved[2];
} efsb_backup_options;

/**
 * How a definition is read. Start with #EFSB_READ_OPTIONS_INIT; everything 0 is the default.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * Which pipeline to take where the file has several; may be NULL.
   */
  const char *pipeline;
  /**
   * Read JSON with comments, trailing commas, and raw line breaks in strings.
   */
  uint8_t lenient;
  /**
   * Must be 0.
   */
  uint8_t reserved[7];
} efsb_read_options;

/**
 * How a definition is drawn. Start with #EFSB_DRAW_OPTIONS_INIT; everything 0 is the default.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * The colours of an SVG: "auto" (as NULL), "light" or "dark".
   */
  const char *theme;
  /**
   * The status of objects, each "ID=STATUS", such as "Copy=FINISHED". May be NULL when
   * `state_count` is 0.
   */
  const char *const *states;
  /**
   * How many of them there are.
   */
  size_t state_count;
} efsb_draw_options;

/**
 * How a definition is resolved. Start with #EFSB_RESOLVE_OPTIONS_INIT; everything 0 is the
 * default.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * Values of parameters, each "NAME=VALUE"; the same name again makes a list. May be NULL
   * when `value_count` is 0.
   */
  const char *const *values;
  /**
   * How many values there are.
   */
  size_t value_count;
  /**
   * Also put in what the service sets in the run scheduled for this time, which is
   * "YYYY-MM-DDTHH:MM:SS" in UTC; NULL: leave that as it is written.
   */
  const char *at;
  /**
   * The object that `node` means in an alarm, where several name it; may be NULL. Needs
   * `at`, as do the next three.
   */
  const char *node;
  /**
   * Runtime fields with their values, such as "node.@status=FAILED". May be NULL when
   * `runtime_count` is 0.
   */
  const char *const *runtime;
  /**
   * How many runtime fields there are.
   */
  size_t runtime_count;
  /**
   * Make up runtime fields without a value, as of a first attempt that begins when it is due.
   */
  uint8_t simulated;
  /**
   * Replace parameters only, not the names of fields.
   */
  uint8_t parameters_only;
  /**
   * Write each object with what it inherits.
   */
  uint8_t inherited;
  /**
   * Fail where a parameter that is used has no value.
   */
  uint8_t require_values;
  /**
   * Must be 0.
   */
  uint8_t reserved[4];
} efsb_resolve_options;

/**
 * How a definition is simulated. Start with #EFSB_SIMULATE_OPTIONS_INIT; everything 0 is the
 * default.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * Values of parameters, as in efsb_resolve_options.
   */
  const char *const *values;
  /**
   * How many values there are.
   */
  size_t value_count;
  /**
   * When it is activated, "YYYY-MM-DDTHH:MM:SS" in UTC. NULL: at the first startDateTime,
   * else now.
   */
  const char *from;
  /**
   * Up to when it is played. NULL: a day later.
   */
  const char *until;
  /**
   * How long attempts take, each "[ACTIVITY=]DURATION", such as "Copy=25m". Without, a
   * minute. May be NULL when `takes_count` is 0.
   */
  const char *const *takes;
  /**
   * How many of them there are.
   */
  size_t takes_count;
  /**
   * Which attempts fail, each "ACTIVITY[@TIME][#N]": all of an activity, of a scheduled
   * start, or those of a number. May be NULL when `fail_count` is 0.
   */
  const char *const *fail;
  /**
   * How many of them there are.
   */
  size_t fail_count;
  /**
   * Which attempts are lost with their machine, written as in `fail`. May be NULL when
   * `lose_count` is 0.
   */
  const char *const *lose;
  /**
   * How many of them there are.
   */
  size_t lose_count;
  /**
   * Cancels the simulation; may be NULL.
   */
  const efsb_cancel_token *cancel;
} efsb_simulate_options;

/**
 * How to mount. Start with #EFSB_MOUNT_OPTIONS_INIT or efsb_mount_options_init(); everything
 * 0 is the default: what AWS recommends for EFS. A yes-or-no field is yes for every value
 * but 0.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * The AWS region of a file system given by its id. NULL: AWS_REGION.
   */
  const char *region;
  /**
   * The availability zone whose mount target to use; may be NULL.
   */
  const char *az;
  /**
   * The mount target's IP address, for where no name resolves; may be NULL.
   */
  const char *address;
  /**
   * The access point; needs `tls`. May be NULL.
   */
  const char *access_point;
  /**
   * More options, as after mount(8)'s -o; may be NULL.
   */
  const char *options;
  /**
   * What cancels it; may be NULL.
   */
  const efsb_cancel_token *cancel;
  /**
   * The longest time in seconds that it may take in all. 0: 30.
   */
  double timeout_seconds;
  /**
   * Nothing can be written through the mount.
   */
  uint8_t read_only;
  /**
   * Encrypt in transit; needs amazon-efs-utils.
   */
  uint8_t tls;
  /**
   * Sign in with the machine's IAM identity; needs `tls`.
   */
  uint8_t iam;
  /**
   * Must be 0.
   */
  uint8_t reserved[5];
} efsb_mount_options;

/**
 * How AWS is reached. Start with #EFSB_AWS_OPTIONS_INIT. What is NULL comes from the
 * environment and the profile, as with the AWS CLI.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * The region, such as "us-east-1".
   */
  const char *region;
  /**
   * The profile in the AWS CLI's files.
   */
  const char *profile;
  /**
   * A URL in place of AWS's own.
   */
  const char *endpoint;
  /**
   * An access key, given with its secret.
   */
  const char *access_key_id;
  /**
   * The secret access key.
   */
  const char *secret_access_key;
  /**
   * The session's token, where the key is a temporary one.
   */
  const char *session_token;
} efsb_aws_options;

/**
 * How a call is made that copies nothing. Start with #EFSB_CALL_OPTIONS_INIT; everything 0 is the
 * default.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * Cancels the call; may be NULL.
   */
  const efsb_cancel_token *cancel;
  /**
   * Told what is done; may be NULL.
   */
  efsb_log_fn log;
  /**
   * The first argument of `log` and `progress`.
   */
  void *user_data;
  /**
   * The lowest level that `log` is told, an EFSB_LOG_ constant.
   */
  int32_t log_level;
  /**
   * Must be 0.
   */
  int32_t reserved;
  /**
   * How many milliseconds efsb_service_wait(), or efsb_service_apply() for a deactivation,
   * waits at most. 0: without end.
   */
  uint64_t patience_ms;
  /**
   * Told how far efsb_verify() or efsb_adopt() is, its first argument `user_data`; may be NULL.
   */
  efsb_progress_fn progress;
} efsb_call_options;

/**
 * What pipeline is wanted. Start with #EFSB_PLAN_OPTIONS_INIT; everything 0 is the default.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * Values of parameters, each "NAME=VALUE", in place of the definition's own; the same name
   * again makes a list. May be NULL when `value_count` is 0.
   */
  const char *const *values;
  /**
   * How many values there are.
   */
  size_t value_count;
  /**
   * The unique id of its creation. NULL: the name.
   */
  const char *unique_id;
  /**
   * Its description. NULL: the one that is there.
   */
  const char *description;
  /**
   * All its tags, each "KEY=VALUE". NULL: those that are there.
   */
  const char *const *tags;
  /**
   * How many tags there are.
   */
  size_t tag_count;
  /**
   * Where its schedule resumes when it is activated, "YYYY-MM-DDTHH:MM:SS" in UTC; may be
   * NULL.
   */
  const char *start;
  /**
   * Have it active, with this definition.
   */
  uint8_t activate;
  /**
   * Where it must be inactive for the change, cancel what runs instead of waiting for it.
   */
  uint8_t cancel_running;
  /**
   * Where nothing else does it, delete it and make it anew, its history lost.
   */
  uint8_t recreate;
  /**
   * Must be 0.
   */
  uint8_t reserved[5];
} efsb_plan_options;

/**
 * How a definition is run. Start with #EFSB_RUN_OPTIONS_INIT; everything 0 is the default.
 */
typedef struct {
  /**
   * The size of this struct where it was compiled.
   */
  size_t size;
  /**
   * The pipeline's name in the state. NULL: "pipeline".
   */
  const char *name;
  /**
   * The folder of logs and notifications. NULL: "efsbackup-logs".
   */
  const char *log_dir;
  /**
   * The file that keeps the state, on a local disk. NULL: it goes with the run.
   */
  const char *state;
  /**
   * Values of parameters, each "NAME=VALUE". May be NULL when `value_count` is 0.
   */
  const char *const *values;
  /**
   * How many values there are.
   */
  size_t value_count;
  /**
   * Take no task from this time on, "YYYY-MM-DDTHH:MM:SS" in UTC, finish those in hand and
   * stop; may be NULL.
   */
  const char *until;
  /**
   * More variables for the scripts, each "NAME=VALUE". May be NULL when `variable_count` is
   * 0.
   */
  const char *const *variables;
  /**
   * How many variables there are.
   */
  size_t variable_count;
  /**
   * How many tasks run at the same time. 0: the default, 2.
   */
  uint32_t tasks;
  /**
   * Make one run now, whatever the schedule says, and then stop.
   */
  uint8_t once;
  /**
   * Must be 0.
   */
  uint8_t reserved[3];
} efsb_run_options;

/**
 * How many snapshots efsb_prune() keeps; the fields mean what those of efsb_backup_options do.
 * At least one is not 0.
 */
typedef struct {
  /**
   * The newest ones.
   */
  uint32_t keep_last;
  /**
   * One of each hour.
   */
  uint32_t keep_hourly;
  /**
   * One of each day.
   */
  uint32_t keep_daily;
  /**
   * One of each week.
   */
  uint32_t keep_weekly;
  /**
   * One of each month.
   */
  uint32_t keep_monthly;
  /**
   * One of each year.
   */
  uint32_t keep_yearly;
} efsb_retention;

/**
 * Everything was done.
 */
#define EFSB_OK 0

/**
 * An argument or option is wrong.
 */
#define EFSB_INVALID_INPUT 1

/**
 * The file system, kernel or build cannot do this.
 */
#define EFSB_UNSUPPORTED 2

/**
 * Something named does not exist.
 */
#define EFSB_NOT_FOUND 3

/**
 * Something that must not exist does.
 */
#define EFSB_ALREADY_EXISTS 4

/**
 * The operating system refused access.
 */
#define EFSB_PERMISSION_DENIED 5

/**
 * A directory was needed.
 */
#define EFSB_NOT_A_DIRECTORY 6

/**
 * Something else than a directory was needed.
 */
#define EFSB_IS_A_DIRECTORY 7

/**
 * Another process holds it.
 */
#define EFSB_BUSY 8

/**
 * No space, quota or inodes left.
 */
#define EFSB_NO_SPACE 9

/**
 * Any other failure of the operating system.
 */
#define EFSB_IO 10

/**
 * A file kept changing while it was copied.
 */
#define EFSB_CHANGED_DURING_COPY 11

/**
 * Symbolic links or references go round in a circle.
 */
#define EFSB_LOOP 12

/**
 * A parameter or expression has no value.
 */
#define EFSB_UNRESOLVED_PARAMETER 13

/**
 * A pipeline definition is wrong.
 */
#define EFSB_INVALID_DEFINITION 14

/**
 * A format cannot carry what the definition says.
 */
#define EFSB_CANNOT_REPRESENT 15

/**
 * The state of things does not allow it now.
 */
#define EFSB_CONFLICT 16

/**
 * Credentials are missing or not accepted.
 */
#define EFSB_AUTH 17

/**
 * A service asked to slow down.
 */
#define EFSB_THROTTLED 18

/**
 * A service failed.
 */
#define EFSB_REMOTE 19

/**
 * It took too long.
 */
#define EFSB_TIMEOUT 20

/**
 * The caller asked to stop.
 */
#define EFSB_CANCELLED 21

/**
 * The run ended, but not everything was done.
 */
#define EFSB_INCOMPLETE 22

/**
 * A guard refused, before anything was changed.
 */
#define EFSB_SAFETY_STOP 23

/**
 * A fault of this library.
 */
#define EFSB_INTERNAL 24

/**
 * An argument that must not be NULL is.
 */
#define EFSB_NULL_ARGUMENT 1001

/**
 * A fault of this library was stopped before it could reach the caller.
 */
#define EFSB_PANIC 1002

/**
 * An option struct is longer than this library knows, and what it does not know is not zero.
 */
#define EFSB_E2BIG 1003

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes `*options`, of `size` bytes, the default. #EFSB_BACKUP_OPTIONS_INIT does the same;
 * this is for languages that lack macros.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_backup_options_init(efsb_backup_options *options, size_t size);

/**
 * A token nobody has cancelled. The caller frees it with efsb_cancel_token_free().
 */
efsb_cancel_token *efsb_cancel_token_new(void);

/**
 * Asks every call that uses `token` to stop; they return #EFSB_CANCELLED. Does nothing but
 * one atomic store, so it may be called from any thread and from a signal handler. NULL is
 * fine.
 *
 * Requires: `token` is NULL or alive.
 */
void efsb_cancel(const efsb_cancel_token *token);

/**
 * Whether efsb_cancel() was called for `token`; false for NULL.
 *
 * Requires: `token` is NULL or alive.
 */
bool efsb_is_cancelled(const efsb_cancel_token *token);

/**
 * Frees a token. Calls that use it go on, and can no longer be cancelled by it. NULL is fine.
 *
 * Requires: `token` is NULL, or came from efsb_cancel_token_new() and was not freed before.
 */
void efsb_cancel_token_free(efsb_cancel_token *token);

/**
 * Reads the definition in the file at `path`, in whatever form it is. `options` may be NULL.
 * `*definition`, freed with efsb_definition_free(), receives it.
 *
 * Requires: `path` is NULL or NUL-terminated; `options` is NULL or as its comments say; `definition` is
 * NULL or may be written.
 */
efsb_status efsb_definition_load(const char *path,
                                 const efsb_read_options *options,
                                 efsb_definition **definition);

/**
 * As efsb_definition_load(), from the `length` bytes at `text`, which need no NUL.
 *
 * Requires: `text` is NULL or has `length` bytes; the rest is as in efsb_definition_load().
 */
efsb_status efsb_definition_parse(const char *text,
                                  size_t length,
                                  const efsb_read_options *options,
                                  efsb_definition **definition);

/**
 * Frees a definition. NULL is fine.
 *
 * Requires: `definition` is NULL, or came from this library and was not freed before.
 */
void efsb_definition_free(efsb_definition *definition);

/**
 * The form it was read from, such as "cfn-yaml"; NULL for NULL. Lent as long as the
 * definition.
 *
 * Requires: `definition` is NULL or alive.
 */
const char *efsb_definition_form(const efsb_definition *definition);

/**
 * The pipeline's name in its file: a template's logical id, a resource's name; NULL where the
 * form has none, and for NULL. Lent as long as the definition.
 *
 * Requires: `definition` is NULL or alive.
 */
const char *efsb_definition_pipeline(const efsb_definition *definition);

/**
 * Finds everything that is wrong with the definition; no account is asked. `*findings`, freed
 * with efsb_finding_list_free(), receives it, also with #EFSB_INVALID_DEFINITION; it may be
 * NULL.
 *
 * Returns #EFSB_OK where there are no errors, though maybe warnings, and
 * #EFSB_INVALID_DEFINITION where there are.
 *
 * Requires: `definition` is NULL or alive; `findings` is NULL or may be written.
 */
efsb_status efsb_definition_validate(const efsb_definition *definition,
                                     efsb_finding_list **findings);

/**
 * Writes the definition in `form`, or in its own as it was. `*text`, freed with
 * efsb_string_free(), receives it.
 *
 * Returns #EFSB_CANNOT_REPRESENT where the form cannot carry what the definition says.
 *
 * Requires: `definition` is NULL or alive; `form` is NULL or NUL-terminated; `text` is NULL or may be
 * written.
 */
efsb_status efsb_definition_convert(const efsb_definition *definition,
                                    const char *form,
                                    char **text);

/**
 * Puts the arguments of every command that has several into the command itself, for Terraform,
 * which keeps no order. `*folded`, freed with efsb_definition_free(), receives the definition
 * with them.
 *
 * Returns #EFSB_CANNOT_REPRESENT where an argument has no command to go into.
 *
 * Requires: `definition` is NULL or alive; `folded` is NULL or may be written.
 */
efsb_status efsb_definition_fold_arguments(const efsb_definition *definition,
                                           efsb_definition **folded);

/**
 * Tells what else the definition's file holds that `form` does not carry. `*json`, freed with
 * efsb_string_free(), receives an array of texts.
 *
 * Requires: `definition` is NULL or alive; `form` is NULL or NUL-terminated; `json` is NULL or may be
 * written.
 */
efsb_status efsb_definition_left_behind(const efsb_definition *definition,
                                        const char *form,
                                        char **json);

/**
 * Tells what is different in `new_definition`; order counts where it means something.
 * `*json`, freed with efsb_string_free(), receives an array, empty where both mean the same,
 * of objects with `change` ("added", "removed", "changed"), `part` ("object", "parameter",
 * "value"), `id`, `key`, `old` and `new`. Secrets are covered.
 *
 * Requires: The definitions are NULL or alive; `json` is NULL or may be written.
 */
efsb_status efsb_definition_diff(const efsb_definition *old_definition,
                                 const efsb_definition *new_definition,
                                 char **json);

/**
 * Draws the definition as `kind`: "svg", "dot", "mermaid" or "text". `options` may be NULL.
 * `*picture`, freed with efsb_string_free(), receives it.
 *
 * Requires: `definition` is NULL or alive; `kind` is NULL or NUL-terminated; `options` is NULL or as its
 * comments say; `picture` is NULL or may be written.
 */
efsb_status efsb_definition_draw(const efsb_definition *definition,
                                 const char *kind,
                                 const efsb_draw_options *options,
                                 char **picture);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_READ_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_read_options_init(efsb_read_options *options, size_t size);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_RESOLVE_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_resolve_options_init(efsb_resolve_options *options, size_t size);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_DRAW_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_draw_options_init(efsb_draw_options *options, size_t size);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_SIMULATE_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_simulate_options_init(efsb_simulate_options *options, size_t size);

/**
 * Puts in the values of parameters and all else that is known before a run. `options` may be
 * NULL. `*resolved`, freed with efsb_definition_free(), receives the new definition; what is
 * a secret stays as it is written, or is covered. `*json`, freed with efsb_string_free(),
 * receives an object with `parameters` (each `id`, `values`, `origin`) and `unresolved` (each
 * `object`, `field`, `name`). Each of the two may be NULL.
 *
 * Returns #EFSB_NOT_FOUND for a value of an unknown parameter; #EFSB_UNRESOLVED_PARAMETER
 * where `require_values` misses one; #EFSB_INVALID_DEFINITION where a value is not of its
 * parameter's type, or an expression is wrong.
 *
 * Requires: `definition` is NULL or alive; `options` is NULL or as its comments say; `resolved` and
 * `json` are NULL or may be written.
 */
efsb_status efsb_definition_resolve(const efsb_definition *definition,
                                    const efsb_resolve_options *options,
                                    efsb_definition **resolved,
                                    char **json);

/**
 * Plays the definition over a span of time: every run, retry, failure and message that would
 * be, with nothing run and no time passing. `options` may be NULL. `*json`, freed with
 * efsb_string_free(), receives an object with `from`, `until`, `state`, `instances`,
 * `attempts`, `messages` and `resources`.
 *
 * Returns #EFSB_NOT_FOUND for a name that the definition does not have,
 * #EFSB_INVALID_DEFINITION for a definition with errors, #EFSB_UNRESOLVED_PARAMETER where a
 * parameter has no value, #EFSB_CANCELLED soon after `cancel` was.
 *
 * Requires: `definition` is NULL or alive; `options` is NULL or as its comments say; `json` is NULL or
 * may be written.
 */
efsb_status efsb_definition_simulate(const efsb_definition *definition,
                                     const efsb_simulate_options *options,
                                     char **json);

/**
 * The last error of this thread in words: one line, in UTF-8, what cannot be shown escaped;
 * "" when there is none. The string is lent until the next call on this thread that returns
 * an efsb_status: those calls set the last error, or clear it; no others do.
 */
const char *efsb_last_error_message(void);

/**
 * What kind of error the last error of this thread is; #EFSB_OK when there is none.
 */
efsb_status efsb_last_error_kind(void);

/**
 * The operation that failed, such as "open"; "" when there is no error. Lent as
 * efsb_last_error_message() lends.
 */
const char *efsb_last_error_op(void);

/**
 * The file that the last error of this thread is about, as bytes with a NUL after them; NULL
 * when it is about none. `length` receives the number of bytes without the NUL; it may be
 * NULL. Lent as efsb_last_error_message() lends.
 *
 * Requires: `length` is NULL or may be written.
 */
const char *efsb_last_error_path(size_t *length);

/**
 * The operating system's error number in the last error of this thread; 0 when it has none.
 */
int efsb_last_error_errno(void);

/**
 * Takes the last error of this thread, to keep it or give it to another thread; NULL when
 * there is none. The caller frees it with efsb_error_free(). Afterwards there is no last
 * error.
 */
efsb_error *efsb_last_error_take(void);

/**
 * The error in words: one line, in UTF-8, what cannot be shown escaped; "" for NULL. Lent as
 * long as the error.
 *
 * Requires: `error` is NULL or alive.
 */
const char *efsb_error_message(const efsb_error *error);

/**
 * What kind of error it is; #EFSB_OK for NULL.
 *
 * Requires: `error` is NULL or alive.
 */
efsb_status efsb_error_kind(const efsb_error *error);

/**
 * The operation that failed, such as "open"; "" for NULL. Lent as long as the error.
 *
 * Requires: `error` is NULL or alive.
 */
const char *efsb_error_op(const efsb_error *error);

/**
 * The file it is about, as bytes with a NUL after them; NULL when it is about none. Paths of
 * a report's errors are below the root, and empty for the root. `length` receives the number
 * of bytes without the NUL; it may be NULL. Lent as long as the error.
 *
 * Requires: `error` is NULL or alive; `length` is NULL or may be written.
 */
const char *efsb_error_path(const efsb_error *error,
                            size_t *length);

/**
 * The operating system's error number; 0 when there is none.
 *
 * Requires: `error` is NULL or alive.
 */
int efsb_error_errno(const efsb_error *error);

/**
 * Frees an error that efsb_last_error_take() gave. NULL is fine.
 *
 * Requires: `error` is NULL, or came from efsb_last_error_take() and was not freed before.
 */
void efsb_error_free(efsb_error *error);

/**
 * How many findings there are; 0 for NULL.
 *
 * Requires: `list` is NULL or alive.
 */
size_t efsb_finding_list_count(const efsb_finding_list *list);

/**
 * The finding at `index`, lent as long as the list; NULL beyond the end and for NULL.
 *
 * Requires: `list` is NULL or alive.
 */
const efsb_finding *efsb_finding_list_get(const efsb_finding_list *list, size_t index);

/**
 * Frees a list with its findings. NULL is fine.
 *
 * Requires: `list` is NULL, or came from this library and was not freed before.
 */
void efsb_finding_list_free(efsb_finding_list *list);

/**
 * Whether the service would refuse the definition for it; else it is a warning. False for
 * NULL.
 *
 * Requires: `finding` is NULL or alive.
 */
bool efsb_finding_is_error(const efsb_finding *finding);

/**
 * Its stable code, such as "E301"; NULL for NULL. Lent as long as the finding.
 *
 * Requires: `finding` is NULL or alive.
 */
const char *efsb_finding_code(const efsb_finding *finding);

/**
 * The object's or parameter's id; NULL where it is about the whole definition, and for NULL.
 * Lent as long as the finding.
 *
 * Requires: `finding` is NULL or alive.
 */
const char *efsb_finding_object(const efsb_finding *finding);

/**
 * The field's key; NULL where it is about no field, and for NULL. Lent as long as the
 * finding.
 *
 * Requires: `finding` is NULL or alive.
 */
const char *efsb_finding_field(const efsb_finding *finding);

/**
 * Where it is: "object.field", "object" or "definition"; NULL for NULL. Lent as long as the
 * finding.
 *
 * Requires: `finding` is NULL or alive.
 */
const char *efsb_finding_path(const efsb_finding *finding);

/**
 * What is wrong, and how to mend it; NULL for NULL. Lent as long as the finding.
 *
 * Requires: `finding` is NULL or alive.
 */
const char *efsb_finding_message(const efsb_finding *finding);

/**
 * Makes the contents of the directory `destination` equal those of the directory `source`.
 * `destination` is made if it is missing; its parent must exist. A `source` that is a file, a
 * symbolic link to no directory, or a special, goes into the directory `destination`, or gets
 * that name.
 *
 * `options` may be NULL: all defaults. What it points to is used until the call returns.
 *
 * `report` may be NULL. Else it receives NULL at first, and a report, which the caller frees
 * with efsb_report_free(), whenever the run went far enough to have one: always with #EFSB_OK
 * and #EFSB_INCOMPLETE, sometimes with other results.
 *
 * Returns #EFSB_OK when all that still exists was copied (exit status 0 or 24 of the command);
 * #EFSB_INCOMPLETE when entries failed, deletion was withheld or `stop_after_ms` ended the
 * run; #EFSB_CANCELLED; #EFSB_SAFETY_STOP when a guard refused before anything was changed;
 * another status when the run could not go on. Blocks until then; may be called from several
 * threads at once.
 *
 * Requires: `source` and `destination` are NULL or NUL-terminated; `options` is NULL or has as many
 * readable bytes as its `size` says, and its pointers are as their comments say; `report` is
 * NULL or may be written.
 */
efsb_status efsb_mirror(const char *source,
                        const char *destination,
                        const efsb_mirror_options *options,
                        efsb_report **report);

/**
 * Makes `*options`, of `size` bytes, the default. #EFSB_MIRROR_OPTIONS_INIT does the same;
 * this is for languages that lack macros.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_mirror_options_init(efsb_mirror_options *options, size_t size);

/**
 * Mounts `target`, a file system's id (or FS-ID:/PATH), HOST:/PATH or ADDRESS:/PATH, on the
 * directory `dir`. `*mount` receives the mount. The same one, there already, is taken as it
 * is. `options` may be NULL.
 *
 * Requires: The texts are NULL or NUL-terminated; `options` is NULL or has as many readable bytes as
 * its first field says, and its pointers are NULL or as it says; `mount` is NULL or may be
 * written.
 */
efsb_status efsb_mount_new(const char *target,
                           const char *dir,
                           const efsb_mount_options *options,
                           efsb_mount **mount);

/**
 * Checks what efsb_mount_new() is given and what is mounted there, and mounts nothing: a dry
 * run, which asks no server. `*there` receives whether the same mount is there already, so that
 * efsb_mount_new() would take it as it is.
 *
 * Requires: As efsb_mount_new(); `there` is NULL or may be written.
 */
efsb_status efsb_mount_find(const char *target,
                            const char *dir,
                            const efsb_mount_options *options,
                            bool *there);

/**
 * Writes the marker into the directory `dir`: from then on it proves that what is mounted there
 * is the file system `id`, which `expect_id` and `expect_destination_id` of efsb_backup_options
 * ask for. Nothing happens when it is there already.
 *
 * Returns #EFSB_ALREADY_EXISTS when the marker there names another file system.
 *
 * Requires: `dir` and `id` are NULL or NUL-terminated.
 */
efsb_status efsb_mark(const char *dir,
                      const char *id);

/**
 * What is mounted, as the kernel lists it; NULL for NULL. Lent as long as the mount.
 *
 * Requires: `mount` is NULL or alive.
 */
const char *efsb_mount_source(const efsb_mount *mount);

/**
 * Whether it was mounted before by somebody else; then it is not unmounted. False for NULL.
 *
 * Requires: `mount` is NULL or alive.
 */
bool efsb_mount_was_mounted(const efsb_mount *mount);

/**
 * Unmounts and frees `mount`; waits up to 10 seconds while it is in use. NULL is fine. Where
 * it fails, it stays mounted, and `mount` is freed all the same.
 *
 * Requires: `mount` is NULL, or came from efsb_mount_new() and was not freed before.
 */
efsb_status efsb_mount_close(efsb_mount *mount);

/**
 * Frees `mount` and leaves what it mounted in place. NULL is fine.
 *
 * Requires: `mount` is NULL, or came from efsb_mount_new() and was not freed before.
 */
void efsb_mount_keep(efsb_mount *mount);

/**
 * Unmounts what is mounted on `dir`. While it is in use, or its server silent, it is waited
 * for `timeout_seconds` (0: 10), then with `lazy` taken out of sight. `cancel` may be NULL.
 *
 * Requires: `dir` is NULL or NUL-terminated; `cancel` is NULL or alive.
 */
efsb_status efsb_unmount(const char *dir,
                         bool lazy,
                         double timeout_seconds,
                         const efsb_cancel_token *cancel);

/**
 * Makes `*options`, of `size` bytes, the default. #EFSB_MOUNT_OPTIONS_INIT does the same;
 * this is for languages that lack macros.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_mount_options_init(efsb_mount_options *options, size_t size);

/**
 * How the run ended: an EFSB_OUTCOME_ constant; #EFSB_OUTCOME_FAILED for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
int32_t efsb_report_outcome(const efsb_report *report);

/**
 * The stable name of an EFSB_OUTCOME_ constant, such as "complete"; "unknown" for a number
 * that is none. The string is static.
 */
const char *efsb_outcome_name(int32_t outcome);

/**
 * The exit status that the `efsbackup` command gives for this report; 1 for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
int efsb_report_exit_status(const efsb_report *report);

/**
 * How many entries: `what` is an EFSB_ENTRIES_ constant, `entry_type` an EFSB_TYPE_ constant.
 * The root directory is counted like any other. 0 for NULL and for other numbers.
 *
 * Requires: `report` is NULL or alive.
 */
uint64_t efsb_report_entries(const efsb_report *report,
                             int32_t what,
                             int32_t entry_type);

/**
 * How many bytes of file content: `what` is an EFSB_BYTES_ constant. 0 for NULL and for
 * other numbers.
 *
 * Requires: `report` is NULL or alive.
 */
uint64_t efsb_report_bytes(const efsb_report *report, int32_t what);

/**
 * When the run began, in nanoseconds since 1970-01-01 00:00 UTC; 0 for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
int64_t efsb_report_started_ns(const efsb_report *report);

/**
 * When the run ended, in nanoseconds since 1970-01-01 00:00 UTC; 0 for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
int64_t efsb_report_finished_ns(const efsb_report *report);

/**
 * How many seconds the run took, by a clock that never jumps; 0 for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
double efsb_report_seconds(const efsb_report *report);

/**
 * How many errors there were; 0 for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
uint64_t efsb_report_errors_total(const efsb_report *report);

/**
 * How many of its errors the report keeps: the first 1,000; 0 for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
size_t efsb_report_error_count(const efsb_report *report);

/**
 * The error at `index`, from 0; NULL when there is none. Lent as long as the report; never
 * free it.
 *
 * Requires: `report` is NULL or alive.
 */
const efsb_error *efsb_report_error(const efsb_report *report, size_t index);

/**
 * How many options differed from their defaults; 0 for NULL.
 *
 * Requires: `report` is NULL or alive.
 */
size_t efsb_report_option_count(const efsb_report *report);

/**
 * The option at `index`, from 0, as the command would be told it; NULL when there is none.
 * Lent as long as the report.
 *
 * Requires: `report` is NULL or alive.
 */
const char *efsb_report_option(const efsb_report *report, size_t index);

/**
 * Writes the report as JSON to `*json`, a string that the caller frees with
 * efsb_string_free(). The fields are the same in every language.
 *
 * Requires: `report` is NULL or alive; `json` is NULL or may be written.
 */
efsb_status efsb_report_to_json(const efsb_report *report, char **json);

/**
 * Frees a report. NULL is fine.
 *
 * Requires: `report` is NULL, or came from this library and was not freed before.
 */
void efsb_report_free(efsb_report *report);

/**
 * Names the repository `name` under the folder `root`, such as the file system's id. With
 * NULL for `name`: the only repository under `root`, which must exist then. `*repository`
 * receives it, or NULL.
 *
 * Requires: `root` and `name` are NULL or NUL-terminated; `repository` is NULL or may be written.
 */
efsb_status efsb_repository_new(const char *root,
                                const char *name,
                                efsb_repository **repository);

/**
 * The repository's name; NULL for NULL. Lent as long as the repository.
 *
 * Requires: `repository` is NULL or alive.
 */
const char *efsb_repository_name(const efsb_repository *repository);

/**
 * Frees a repository's handle; the snapshots stay. NULL is fine.
 *
 * Requires: `repository` is NULL, or came from efsb_repository_new() and was not freed before.
 */
void efsb_repository_free(efsb_repository *repository);

/**
 * Takes a snapshot of the directory `source`: what is wholly equal in the newest complete
 * snapshot is hard-linked, the rest is copied, and only when everything is durable does the
 * snapshot get its name.
 *
 * `options` may be NULL: all defaults. `report` and `snapshot` may be NULL; else they receive
 * NULL at first. `*report`, freed with efsb_report_free(), is set whenever the run went far
 * enough to have one; `*snapshot`, freed with efsb_snapshot_free(), whenever one was
 * published: always with #EFSB_OK (but in a dry run), and a partial one with #EFSB_INCOMPLETE
 * when entries failed.
 *
 * Returns what efsb_mirror() returns, #EFSB_SAFETY_STOP also for a repository that another
 * run holds, and #EFSB_CONFLICT when it was lost to another run.
 *
 * Requires: `repository` is NULL or alive; `source` is NULL or NUL-terminated; `options` is NULL or as
 * its comments say; `report` and `snapshot` are NULL or may be written.
 */
efsb_status efsb_backup(const efsb_repository *repository,
                        const char *source,
                        const efsb_backup_options *options,
                        efsb_report **report,
                        efsb_snapshot **snapshot);

/**
 * Lists every snapshot, the oldest first. `*list`, freed with efsb_snapshot_list_free(),
 * receives the list, or NULL.
 *
 * Requires: `repository` is NULL or alive; `list` is NULL or may be written.
 */
efsb_status efsb_snapshots(const efsb_repository *repository, efsb_snapshot_list **list);

/**
 * Copies the snapshot `id` ("latest" is the newest complete one) to `destination`, where what is restored must be missing unless
 * `remove_extraneous` is on: then it is restored over what is there, and a snapshot that
 * undoes this is kept, see efsb_restore_in_place(). The restored tree has files of its own: nothing in it is
 * hard-linked with a snapshot.
 *
 * With `entries`, `entry_count` files and directories in the snapshot, only these are
 * restored, each to the same place below `destination`; one with a `*`, `?` or `[` that is no
 * entry's name is a pattern as in `filter`. It may be NULL when the count is 0. `options` and
 * `report` are as those of efsb_mirror(), and so is what is returned; `link_dest` must be
 * empty.
 *
 * Requires: `repository` is NULL or alive; the texts are NULL or NUL-terminated; `options` is NULL or
 * as its comments say; `report` is NULL or may be written.
 */
efsb_status efsb_restore(const efsb_repository *repository,
                         const char *id,
                         const char *destination,
                         const char *const *entries,
                         size_t entry_count,
                         const efsb_mirror_options *options,
                         efsb_report **report);

/**
 * Restores the snapshot `id` (or "latest") over what is in `destination`: differing entries are replaced,
 * and with `remove_extraneous` those that the snapshot lacks removed. All that will be
 * replaced or removed is first kept as a snapshot, the undo; `*undo`, freed with
 * efsb_snapshot_free(), receives it, or NULL where nothing was to be kept. Restored in place,
 * it undoes this. With NULL for `undo` none is kept.
 *
 * `entries` are `entry_count` files and directories of the snapshot, or patterns where they
 * have a `*`, `?` or `[` and no entry is called so; without any, all is restored. Everything
 * else is as in efsb_restore().
 *
 * Requires: As efsb_restore(); `undo` is NULL or may be written.
 */
efsb_status efsb_restore_in_place(const efsb_repository *repository,
                                  const char *id,
                                  const char *destination,
                                  const char *const *entries,
                                  size_t entry_count,
                                  const efsb_mirror_options *options,
                                  efsb_report **report,
                                  efsb_snapshot **undo);

/**
 * Opens the embedded service with its state in the file at `state`, on a local disk; it is made
 * if missing. efsb_run() on the same state, or `efsbackup serve`, runs what is active there.
 *
 * Requires: `state` is NULL or NUL-terminated; `service` is NULL or may be written.
 */
efsb_status efsb_service_open_embedded(const char *state,
                                       efsb_service **service);

/**
 * Opens the service that `efsbackup serve` offers at `endpoint`, such as
 * "http://127.0.0.1:4664". The key is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where
 * `access_key_id` is NULL.
 *
 * Requires: The texts are NULL or NUL-terminated; `service` is NULL or may be written.
 */
efsb_status efsb_service_open_remote(const char *endpoint,
                                     const char *access_key_id,
                                     const char *secret_access_key,
                                     efsb_service **service);

/**
 * Opens AWS Data Pipeline. Region and credentials are looked for at once; `call` may cancel
 * that. `options` and `call` may be NULL.
 *
 * Returns #EFSB_UNSUPPORTED where the library was built without AWS, #EFSB_AUTH without
 * credentials, #EFSB_INVALID_INPUT without a region.
 *
 * Requires: `options` and `call` are NULL or as their comments say; `service` is NULL or may be written.
 */
efsb_status efsb_service_open_aws(const efsb_aws_options *options,
                                  const efsb_call_options *call,
                                  efsb_service **service);

/**
 * Closes a service. NULL is fine.
 *
 * Requires: `service` is NULL, or came from this library and was not freed before.
 */
void efsb_service_free(efsb_service *service);

/**
 * Says what is to be done to have a pipeline called `name` with this definition. Changes
 * nothing. `options` and `call` may be NULL. `*plan`, freed with efsb_plan_free(), receives it.
 *
 * Returns #EFSB_INVALID_INPUT for a name or id that no service takes, #EFSB_CONFLICT where
 * several pipelines have the name and unique id, #EFSB_CANCELLED, and what the service returns.
 *
 * Requires: `service` and `definition` are NULL or alive; `name` is NULL or NUL-terminated; `options` and
 * `call` are NULL or as their comments say; `plan` is NULL or may be written.
 */
efsb_status efsb_service_plan(const efsb_service *service,
                              const char *name,
                              const efsb_definition *definition,
                              const efsb_plan_options *options,
                              const efsb_call_options *call,
                              efsb_plan **plan);

/**
 * Whether there is nothing to do; true for NULL.
 *
 * Requires: `plan` is NULL or alive.
 */
bool efsb_plan_is_empty(const efsb_plan *plan);

/**
 * Why efsb_service_apply() refuses the plan; NULL where it does not. Lent as long as the plan.
 *
 * Requires: `plan` is NULL or alive.
 */
const char *efsb_plan_refusal(const efsb_plan *plan);

/**
 * The whole plan. `*json`, freed with efsb_string_free(), receives an object with `pipeline`,
 * `state`, `changes`, `description`, `steps`, `reasons`, `losses`, `errors`, `warnings`,
 * `unseen_secrets` and `refusal`. Secrets are covered.
 *
 * Requires: `plan` is NULL or alive; `json` is NULL or may be written.
 */
efsb_status efsb_plan_json(const efsb_plan *plan,
                           char **json);

/**
 * Frees a plan. NULL is fine.
 *
 * Requires: `plan` is NULL, or came from this library and was not freed before.
 */
void efsb_plan_free(efsb_plan *plan);

/**
 * Does what is planned; with `activate` the pipeline is active in the end, though the plan was
 * not made for that. After a failure a new plan has what is left. `call` may be NULL.
 * `*pipeline`, freed with efsb_string_free(), receives the pipeline's id; it may be NULL.
 *
 * Returns #EFSB_SAFETY_STOP for a plan with a refusal, #EFSB_CONFLICT where the pipeline is no
 * longer what was planned for, #EFSB_INVALID_DEFINITION where the service finds errors.
 *
 * Requires: `service` and `plan` are NULL or alive; `call` is NULL or as its comments say; `pipeline` is
 * NULL or may be written.
 */
efsb_status efsb_service_apply(const efsb_service *service,
                               const efsb_plan *plan,
                               bool activate,
                               const efsb_call_options *call,
                               char **pipeline);

/**
 * Runs a definition on this machine: its schedule, its scripts, its alarms. Waits until
 * everything is over or `until` has come. `options` and `call` may be NULL. `*json`, freed with
 * efsb_string_free(), receives an object with `outcome` ("finished", "failed", "cancelled"),
 * `pipeline`, `instances`, `notifications`, `log_dir` and `notifications_file`; it may be NULL.
 *
 * A script that fails is no error, but an outcome; so is a cancel, on which scripts are ended.
 * Returns #EFSB_INVALID_DEFINITION for a definition with errors or that can't be run on this
 * machine, #EFSB_UNRESOLVED_PARAMETER where a parameter has no value, #EFSB_NOT_FOUND for a
 * value of an unknown one.
 *
 * Requires: `definition` is NULL or alive; `options` and `call` are NULL or as their comments say; `json`
 * is NULL or may be written.
 */
efsb_status efsb_run(const efsb_definition *definition,
                     const efsb_run_options *options,
                     const efsb_call_options *call,
                     char **json);

/**
 * Starts a pipeline, or resumes it. `values`, `value_count` of them, each "NAME=VALUE", replace
 * those that are stored. `start`, "YYYY-MM-DDTHH:MM:SS" in UTC or NULL, is where the schedule
 * resumes; what falls due before it is skipped.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say.
 */
efsb_status efsb_service_activate(const efsb_service *service,
                                  const char *pipeline,
                                  const char *const *values,
                                  size_t value_count,
                                  const char *start,
                                  const efsb_call_options *call);

/**
 * Begins to stop a pipeline; it can be activated again. With `finish` what runs may finish, else
 * it is cancelled.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say.
 */
efsb_status efsb_service_deactivate(const efsb_service *service,
                                    const char *pipeline,
                                    bool finish,
                                    const efsb_call_options *call);

/**
 * Removes a pipeline with all its history; what runs is cancelled.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say.
 */
efsb_status efsb_service_delete(const efsb_service *service,
                                const char *pipeline,
                                const efsb_call_options *call);

/**
 * Removes the tags with the keys `remove`, then sets `tags`, each "KEY=VALUE". Each list may be
 * NULL when its count is 0.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say.
 */
efsb_status efsb_service_tag(const efsb_service *service,
                             const char *pipeline,
                             const char *const *tags,
                             size_t tag_count,
                             const char *const *remove,
                             size_t remove_count,
                             const efsb_call_options *call);

/**
 * Waits until a pipeline is so far: "scheduled" (it is active), "running" (something runs, or has
 * run), "finished" (all that has fallen due has ended) or "inactive". The log is told of changes.
 * `*json`, freed with efsb_string_free(), receives an object with `pipeline`, `state`, `statuses`
 * (how many instances are in each) and `failed`; it may be NULL.
 *
 * Returns #EFSB_TIMEOUT after `patience_ms`, and #EFSB_CONFLICT where it will never get there.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say; `json` is NULL or may be written.
 */
efsb_status efsb_service_wait(const efsb_service *service,
                              const char *pipeline,
                              const char *until,
                              const efsb_call_options *call,
                              char **json);

/**
 * The state of a pipeline, or of all where `pipeline` is NULL. `*json`, freed with
 * efsb_string_free(), receives an array of objects with `id`, `name`, `state` and `created`.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say; `json` is NULL or may be written.
 */
efsb_status efsb_service_status(const efsb_service *service,
                                const char *pipeline,
                                const efsb_call_options *call,
                                char **json);

/**
 * The instances of a pipeline in the order of their making, the `last` ones, or all where that is
 * 0. `*json`, freed with efsb_string_free(), receives an array of objects with `id`, `component`,
 * `status`, `attempts`, `scheduled_start`, `actual_start`, `actual_end` and `error`.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say; `json` is NULL or may be written.
 */
efsb_status efsb_service_runs(const efsb_service *service,
                              const char *pipeline,
                              size_t last,
                              const efsb_call_options *call,
                              char **json);

/**
 * Gives a command to instances: "rerun", "cancel" or "mark-finished". They are the
 * `instance_count` ids at `instances`, which may be NULL when that is 0, and all instances in
 * `status`, such as "FAILED", where that is not NULL. `*json`, freed with efsb_string_free(),
 * receives an array of their ids; it may be NULL.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say; `json` is NULL or may be written.
 */
efsb_status efsb_service_command(const efsb_service *service,
                                 const char *pipeline,
                                 const char *command,
                                 const char *const *instances,
                                 size_t instance_count,
                                 const char *status,
                                 const efsb_call_options *call,
                                 char **json);

/**
 * Makes a new pipeline called `name` of another one's definition, description and tags, and with
 * `activate` activates it. `*id`, freed with efsb_string_free(), receives its id; it may be NULL.
 *
 * Returns #EFSB_ALREADY_EXISTS where there is one of that name and unique id.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say; `id` is NULL or may be written.
 */
efsb_status efsb_service_clone(const efsb_service *service,
                               const char *pipeline,
                               const char *name,
                               bool activate,
                               const efsb_call_options *call,
                               char **id);

/**
 * A pipeline's definition: the one that was put last, or with `active` the one that was activated
 * last. AWS covers secrets in it. `*definition`, freed with efsb_definition_free(), receives it.
 *
 * Requires: `service` is NULL or alive; texts are NULL or NUL-terminated, lists as long as said; `call` is
 * NULL or as its comments say; `definition` is NULL or may be written.
 */
efsb_status efsb_service_definition(const efsb_service *service,
                                    const char *pipeline,
                                    bool active,
                                    const efsb_call_options *call,
                                    efsb_definition **definition);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_CALL_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_call_options_init(efsb_call_options *options, size_t size);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_PLAN_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_plan_options_init(efsb_plan_options *options, size_t size);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_RUN_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_run_options_init(efsb_run_options *options, size_t size);

/**
 * Makes `*options`, of `size` bytes, the default, as #EFSB_AWS_OPTIONS_INIT does.
 *
 * Requires: `options` is NULL or `size` bytes may be written at it.
 */
efsb_status efsb_aws_options_init(efsb_aws_options *options, size_t size);

/**
 * Its name, which is its folder's name; NULL for NULL. Lent as long as the snapshot.
 *
 * Requires: `snapshot` is NULL or alive.
 */
const char *efsb_snapshot_id(const efsb_snapshot *snapshot);

/**
 * What it is worth: an EFSB_STATE_ constant; #EFSB_STATE_UNKNOWN for NULL.
 *
 * Requires: `snapshot` is NULL or alive.
 */
int32_t efsb_snapshot_state(const efsb_snapshot *snapshot);

/**
 * The instant it is of, in nanoseconds since 1970-01-01 00:00 UTC; 0 when it is not known,
 * and for NULL.
 *
 * Requires: `snapshot` is NULL or alive.
 */
int64_t efsb_snapshot_time_ns(const efsb_snapshot *snapshot);

/**
 * When it was finished, in nanoseconds since 1970-01-01 00:00 UTC; 0 when it is not known,
 * and for NULL.
 *
 * Requires: `snapshot` is NULL or alive.
 */
int64_t efsb_snapshot_published_ns(const efsb_snapshot *snapshot);

/**
 * How many entries of a type (EFSB_TYPE_) it holds; 0 for NULL and for other numbers.
 *
 * Requires: `snapshot` is NULL or alive.
 */
uint64_t efsb_snapshot_entries(const efsb_snapshot *snapshot, int32_t entry_type);

/**
 * The sizes of its files in bytes, each counted once; 0 for NULL.
 *
 * Requires: `snapshot` is NULL or alive.
 */
uint64_t efsb_snapshot_bytes(const efsb_snapshot *snapshot);

/**
 * How many bytes were newly stored for it; 0 for NULL.
 *
 * Requires: `snapshot` is NULL or alive.
 */
uint64_t efsb_snapshot_new_bytes(const efsb_snapshot *snapshot);

/**
 * The id of the file system it is proved to be of; NULL when there is no proof, and for NULL.
 * Lent as long as the snapshot.
 *
 * Requires: `snapshot` is NULL or alive.
 */
const char *efsb_snapshot_file_system(const efsb_snapshot *snapshot);

/**
 * Frees what efsb_backup() gave; the snapshot itself stays. Not for snapshots of a list. NULL
 * is fine.
 *
 * Requires: `snapshot` is NULL, or came from efsb_backup() and was not freed before.
 */
void efsb_snapshot_free(efsb_snapshot *snapshot);

/**
 * How many snapshots the list has; 0 for NULL.
 *
 * Requires: `list` is NULL or alive.
 */
size_t efsb_snapshot_list_count(const efsb_snapshot_list *list);

/**
 * The snapshot at `index`, from 0, the oldest; NULL when there is none. Lent as long as the
 * list; never free it.
 *
 * Requires: `list` is NULL or alive.
 */
const efsb_snapshot *efsb_snapshot_list_get(const efsb_snapshot_list *list, size_t index);

/**
 * Frees a list. NULL is fine.
 *
 * Requires: `list` is NULL, or came from efsb_snapshots() and was not freed before.
 */
void efsb_snapshot_list_free(efsb_snapshot_list *list);

/**
 * The stable name of a status, such as "not-found"; "unknown" for a number that is none.
 * The string is static.
 */
const char *efsb_status_name(efsb_status status);

/**
 * Frees a string that efsbackup gave (not one that it lent). NULL is fine.
 *
 * Requires: `string` is NULL, or was given by this library and not freed before.
 */
void efsb_string_free(char *string);

/**
 * Reads every entry of the snapshot `id` ("latest" is the newest complete one) and compares it with its manifest. `*json`, freed
 * with efsb_string_free(), receives what was found, also with #EFSB_INCOMPLETE: `good`,
 * `differences` (each with `path`, `kind`, `what`, `repaired`) and more.
 *
 * With `source` it is compared with that tree instead; with `repair_from` what is not as the
 * manifest says is made anew where that tree still has it just so. One of the two may be
 * given. `sample_percent` reads only that share of the files' contents; 0 reads all. `call` and
 * `json` may be NULL.
 *
 * Returns #EFSB_OK if all is as it should be, #EFSB_INCOMPLETE if not.
 *
 * Requires: `repository` is NULL or alive; the texts are NULL or NUL-terminated; `call` is NULL or as its
 * comments say; `json` is NULL or may be written.
 */
efsb_status efsb_verify(const efsb_repository *repository,
                        const char *id,
                        const char *source,
                        const char *repair_from,
                        double sample_percent,
                        const efsb_call_options *call,
                        char **json);

/**
 * Tells what changed from the snapshot `id` (or "latest") to the snapshot `other`, or to the directory
 * `directory`: one of the two, the other NULL. `*json`, freed with efsb_string_free(),
 * receives an array of objects with `path`, `change` ("added", "removed", "changed") and
 * `what`. With `contents` files of a directory are read; else those of equal size and time
 * count as equal.
 *
 * Requires: `repository` is NULL or alive; the texts are NULL or NUL-terminated; `call` is NULL or as its
 * comments say; `json` is NULL or may be written.
 */
efsb_status efsb_diff(const efsb_repository *repository,
                      const char *id,
                      const char *other,
                      const char *directory,
                      bool contents,
                      const efsb_call_options *call,
                      char **json);

/**
 * Tells of `entry`, a path below the source, in every snapshot, the oldest first. `*json`,
 * freed with efsb_string_free(), receives an array of objects with `snapshot`, `known`
 * (whether the snapshot has a manifest), `there`, `what` (what differs from the version
 * before), `size` and `digest`.
 *
 * Requires: `repository` is NULL or alive; `entry` is NULL or NUL-terminated; `json` is NULL or may be
 * written.
 */
efsb_status efsb_history(const efsb_repository *repository,
                         const char *entry,
                         char **json);

/**
 * Makes `folder_count` existing `folders`, such as "daily.0", snapshots without copying them:
 * they are read and renamed into the repository, which is made if it is missing. `timezone`,
 * or NULL for UTC, is that of dates in their names. `*json`, freed with efsb_string_free(),
 * receives an array of objects with `folder`, `id`, `time`, `time_from` and `snapshot`. With
 * `dry_run` they are only checked.
 *
 * Returns #EFSB_SAFETY_STOP, with nothing changed, when something about a folder is not clear.
 *
 * Requires: `repository` is NULL or alive; `folders` has as many texts as said, and they and `timezone`
 * are NULL or NUL-terminated; `call` is NULL or as its comments say; `json` is NULL or may be
 * written.
 */
efsb_status efsb_adopt(const efsb_repository *repository,
                       const char *const *folders,
                       size_t folder_count,
                       const char *timezone,
                       bool dry_run,
                       const efsb_call_options *call,
                       char **json);

/**
 * Removes the snapshots that `retention` does not keep, but never the last complete one; with
 * `dry_run` only decides. `timezone`, or NULL for UTC, says where hours and days begin.
 * `*json`, freed with efsb_string_free(), receives an object with `decisions` (each `id`,
 * `keep` and `reasons`), `removed` and `left_over`.
 *
 * Requires: `repository` and `retention` are NULL or alive; `timezone` is NULL or NUL-terminated; `call`
 * is NULL or as its comments say; `json` is NULL or may be written.
 */
efsb_status efsb_prune(const efsb_repository *repository,
                       const efsb_retention *retention,
                       const char *timezone,
                       bool dry_run,
                       const efsb_call_options *call,
                       char **json);

/**
 * The version of the library that is loaded, such as "1.2.3"; compare EFSB_VERSION, that of
 * the header compiled with. The string is static.
 */
const char *efsb_version(void);

/**
 * The ABI of the library that is loaded; compare #EFSB_ABI_VERSION. It is also the number in
 * the library's SONAME, and rises when programs must be compiled again.
 */
uint32_t efsb_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EFSBACKUP_H */
