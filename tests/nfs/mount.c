/* Mounts TARGET on DIR read-only, reads FILE there, and unmounts it: mount TARGET DIR FILE. */
#include "check.h"

int main(int count, char **arguments) {
  CHECK(count == 4);
  efsb_mount_options options = EFSB_MOUNT_OPTIONS_INIT;
  options.read_only = 1;
  efsb_mount *mount = NULL;
  CHECK(efsb_mount_new(arguments[1], arguments[2], &options, &mount) == EFSB_OK);
  CHECK_TEXT(efsb_mount_source(mount), arguments[1]);
  CHECK(!efsb_mount_was_mounted(mount));
  CHECK_TEXT(read_file(arguments[3]), "read me\n");

  efsb_mount *again = NULL;
  CHECK(efsb_mount_new(arguments[1], arguments[2], &options, &again) == EFSB_OK);
  CHECK(efsb_mount_was_mounted(again));
  CHECK(efsb_mount_close(again) == EFSB_OK);
  CHECK_TEXT(read_file(arguments[3]), "read me\n");

  CHECK(efsb_mount_close(mount) == EFSB_OK);
  CHECK(fopen(arguments[3], "r") == NULL);

  CHECK(efsb_mount_new(arguments[1], arguments[2], NULL, &mount) == EFSB_OK);
  efsb_mount_keep(mount);
  CHECK_TEXT(read_file(arguments[3]), "read me\n");
  CHECK(efsb_unmount(arguments[2], false, 0.0, NULL) == EFSB_OK);
  CHECK(efsb_unmount(arguments[2], false, 0.0, NULL) == EFSB_NOT_FOUND);
  return 0;
}
