"""A second reader of snapshots, written from docs/format.md alone: what it reads is the source."""

from __future__ import annotations

import json
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

import efsbackup


@dataclass
class Entry:
    """One entry of a manifest."""

    kind: int
    mode: int
    owner: int
    group: int
    mtime_ns: int
    value: int | bytes | None
    """A file's size, what a symbolic link says, a device's number."""
    links: int | None
    xattrs: bytes | None
    digest: bytes | None


def lz4_block(data: bytes) -> bytes:
    """Decompresses one LZ4 block."""
    out, at = bytearray(), 0

    def length(start: int) -> int:
        nonlocal at
        more = start == 15
        while more:
            start += data[at]
            more = data[at] == 255
            at += 1
        return start

    while True:
        token = data[at]
        at += 1
        literals = length(token >> 4)
        out += data[at : at + literals]
        at += literals
        if at == len(data):
            return bytes(out)
        (offset,) = struct.unpack_from("<H", data, at)
        at += 2
        for _ in range(length(token & 15) + 4):
            out.append(out[-offset])


class Entries:
    """The entries of one block."""

    def __init__(self, data: bytes, digests: list[bytes]) -> None:
        self.data = data
        self.digests = digests
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def some(self, length: int) -> bytes:
        self.at += length
        return self.data[self.at - length : self.at]

    def entry(self) -> Entry:
        kind, flags = self.byte(), self.byte()
        mode, owner, group = self.number(), self.number(), self.number()
        folded, nanoseconds = self.number(), self.number()
        seconds = -(folded + 1) // 2 if folded % 2 else folded // 2
        value: int | bytes | None = None
        if kind in (0, 5, 6):
            value = self.number()
        elif kind == 2:
            value = self.some(self.number())
        links = self.number() if flags & 2 else None
        xattrs = self.digests.pop(0) if flags & 4 else None
        digest = self.digests.pop(0) if flags & 1 else None
        mtime = seconds * 10**9 + nanoseconds
        return Entry(kind, mode, owner, group, mtime, value, links, xattrs, digest)


def read_manifest(data: bytes) -> tuple[dict[bytes, Entry], bytes]:
    """The entries by their paths, and the hash at the end."""
    head = b"efsbackup manifest 2\n"
    assert data.startswith(head) and data[len(head)] <= 3
    whole, at = blake3(data[: len(head) + 1]), len(head) + 1
    entries: dict[bytes, Entry] = {}
    last = None
    while True:
        length, compressed, count = sizes = struct.unpack_from("<III", data, at)
        if sizes == (0, 0, 0):
            break
        assert length <= 16 << 20
        check = data[at + 12 : at + 44]
        whole.update(data[at : at + 44])
        body = data[at + 44 : at + 44 + compressed + 32 * count]
        assert blake3(body).digest() == check
        at += 44 + len(body)
        listed = body[compressed:]
        digests = [listed[32 * number : 32 * number + 32] for number in range(count)]
        block, folder = Entries(lz4_block(body[:compressed]), digests), b""
        assert len(block.data) == length
        while block.at < length:
            name_length = block.number()
            if name_length == 0:
                folder = block.some(block.number())
                continue
            name = block.some(name_length - 1)
            path = folder + b"/" + name if folder else name
            assert last is None or (folder, name) > last
            last = (folder, name)
            entries[path] = block.entry()
        assert not digests
    whole.update(data[at : at + 20])
    assert struct.unpack_from("<Q", data, at + 12) == (len(entries),)
    assert data[at + 20 :] == whole.digest()
    return entries, whole.digest()


def xattrs_digest(path: bytes) -> bytes | None:
    names = sorted(os.fsencode(name) for name in os.listxattr(path, follow_symlinks=False))
    if not names:
        return None
    hasher = blake3()
    for name in names:
        for part in (name, os.getxattr(path, name, follow_symlinks=False)):
            hasher.update(struct.pack("<Q", len(part)) + part)
    return hasher.digest()


def walk(root: bytes, path: bytes = b"") -> dict[bytes, os.stat_result]:
    """Everything below `root`, the root itself included."""
    here = os.path.join(root, path) if path else root
    found = {path: os.lstat(here)}
    if stat.S_ISDIR(found[path].st_mode):
        for name in os.listdir(here):
            found |= walk(root, os.path.join(path, name) if path else name)
    return found


KINDS = [
    stat.S_ISREG,
    stat.S_ISDIR,
    stat.S_ISLNK,
    stat.S_ISFIFO,
    stat.S_ISSOCK,
    stat.S_ISCHR,
    stat.S_ISBLK,
]


def compare(source: Path, root: Path, snapshot: str) -> dict[bytes, Entry]:
    """The manifest tells of each entry of the source what it is; the record vouches for it."""
    records = root / ".efsbackup" / "snapshots"
    record_text = (records / f"{snapshot}.json").read_bytes()
    record = json.loads(record_text)
    check = record["check"].encode()
    assert blake3(record_text.replace(check, b"0" * 64)).hexdigest().encode() == check
    assert blake3((records / f"{snapshot}.report.json").read_bytes()).hexdigest() == record["report"]
    entries, whole = read_manifest((records / f"{snapshot}.manifest").read_bytes())
    assert whole.hex() == record["manifest"]

    below = os.fsencode(source)
    links: dict[int, int] = {}
    found = walk(below)
    assert set(entries) == set(found)
    for path, there in found.items():
        entry, full = entries[path], os.path.join(below, path) if path else below
        assert KINDS[entry.kind](there.st_mode)
        assert (entry.owner, entry.group) == (there.st_uid, there.st_gid)
        assert (entry.mode, entry.mtime_ns) == (stat.S_IMODE(there.st_mode), there.st_mtime_ns)
        assert entry.xattrs == xattrs_digest(full)
        if entry.kind == 0:
            assert entry.value == there.st_size
            assert entry.digest == blake3(Path(os.fsdecode(full)).read_bytes()).digest()
        elif entry.kind == 2:
            assert entry.value == os.readlink(full)
        # Of one link group if and only if of one inode.
        assert (entry.links is not None) == (there.st_nlink > 1 and entry.kind != 1)
        if entry.links is not None:
            assert links.setdefault(there.st_ino, entry.links) == entry.links
    assert len(set(links.values())) == len(links)
    return entries


def test_the_format_is_described_well_enough_to_read_it(
    tmp_path: Path, source: Path, many: Path
) -> None:
    os.utime(source / "sub", ns=(0, -1_500_000_000))
    with open(source / "holes", "wb") as holes:
        holes.truncate(1 << 20)
    os.chmod(source / "holes", 0o4750)
    try:
        os.setxattr(source / "holes", "user.b", b"2")
        os.setxattr(source / "holes", "user.a", b"")
    except OSError as error:
        print(f"without extended attributes: {error}")
    repository = efsbackup.Repository(tmp_path / "backups", name="n")
    for number in range(2):
        # The second time most is carried over.
        (source / "changes").write_text(str(number))
        done = repository.backup(source)
        assert done.snapshot is not None
        compare(source, Path(repository.path), done.snapshot.id)
    wide = efsbackup.Repository(tmp_path / "backups", name="wide")
    done = wide.backup(many)
    assert done.snapshot is not None
    assert len(compare(many, Path(wide.path), done.snapshot.id)) > 10_000
