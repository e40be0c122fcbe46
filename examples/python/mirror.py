"""Mirror a directory, with progress; Ctrl-C stops it.

python mirror.py /mnt/source /mnt/destination
"""

import sys

import efsbackup


def show(progress: efsbackup.Progress) -> None:
    print(
        f"\r{progress.entries} entries, {progress.bytes_written} bytes written",
        end="",
        file=sys.stderr,
    )


def main(source: str, destination: str) -> int:
    try:
        report = efsbackup.mirror(source, destination, delete=True, progress=show, check=False)
    except efsbackup.EfsBackupError as error:
        print(error, file=sys.stderr)
        return 1
    print(file=sys.stderr)
    for failed in report.errors:
        print(failed, file=sys.stderr)
    print(
        f"{report.outcome}: {report.entries.scanned.total} entries, "
        f"{report.bytes.copied} bytes copied"
    )
    return 0 if report.outcome is efsbackup.Outcome.COMPLETE else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
