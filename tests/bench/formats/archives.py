"""zip and tar taken apart byte by byte, to change members and to compare everything else."""

import io
import struct
import tarfile
import zipfile
import zlib

from .corpus import ar_members
from .inject import patched

DEFLATED = zipfile.ZIP_DEFLATED


class Entry:
    """A member of a zip: where its parts stand, and its numbers."""

    def __init__(self, content, info, end):
        self.info = info
        self.start = info.header_offset
        self.header = content[self.start : self.start + 30]
        name_len, extra_len = struct.unpack_from("<HH", self.header, 26)
        self.name = content[self.start + 30 : self.start + 30 + name_len]
        self.extra = content[self.start + 30 + name_len : self.start + 30 + name_len + extra_len]
        self.data_at = self.start + 30 + name_len + extra_len
        self.data_end = self.data_at + info.compress_size
        self.data = content[self.data_at : self.data_end]
        self.behind = content[self.data_end : end]  # a descriptor, or bytes of nobody

    @property
    def text(self):
        return zlib.decompress(self.data, -15) if self.info.compress_type == DEFLATED else self.data


def zip_entries(content):
    """The members in the order of the file, and where the central directory starts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        start = archive.start_dir
    ends = [info.header_offset for info in infos[1:]] + [start]
    return [Entry(content, info, end) for info, end in zip(infos, ends)], start


def zip_change(content, change, pack):
    """The zip with members changed: change(entry) gives a text or None, pack(entry, text) its deflate
    stream. All else is copied, and numbers are mended where they stand."""
    entries, central_at = zip_entries(content)
    out = bytearray(content[: entries[0].start] if entries else b"")
    moved = {}
    for entry in entries:
        text = change(entry)
        moved[entry.start] = (len(out), None)
        if text is None:
            out += content[entry.start : entry.data_end] + entry.behind
            continue
        data = pack(entry, text) if entry.info.compress_type == DEFLATED else text
        sums = (zlib.crc32(text), len(data), len(text))
        moved[entry.start] = (len(out), sums)
        header = bytearray(entry.header)
        if not entry.info.flag_bits & 8:
            struct.pack_into("<III", header, 14, *sums)
        out += header + entry.name + entry.extra + data + _descriptor(entry, sums)
    return bytes(out) + _central(content, central_at, moved, len(out))


def _descriptor(entry, sums):
    old = struct.pack("<III", entry.info.CRC, entry.info.compress_size, entry.info.file_size)
    return entry.behind.replace(old, struct.pack("<III", *sums), 1)


def _central(content, at, moved, new_at):
    out = bytearray()
    while content.startswith(b"PK\1\2", at):
        name_len, extra_len, comment_len = struct.unpack_from("<HHH", content, at + 28)
        length = 46 + name_len + extra_len + comment_len
        record = bytearray(content[at : at + length])
        offset, sums = moved[struct.unpack_from("<I", record, 42)[0]]
        struct.pack_into("<I", record, 42, offset)
        if sums:
            struct.pack_into("<III", record, 16, *sums)
        out += record
        at += length
    end = bytearray(content[at:])
    struct.pack_into("<II", end, 12, len(out), new_at)
    return bytes(out + end)


def deflate(text, level):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 8)
    return packer.compress(text) + packer.flush()


def deflate_level(entries):
    """The level of zlib that gives the bytes of the largest member; the usual one where none does."""
    largest = max(
        (e for e in entries if e.info.compress_type == DEFLATED), key=lambda e: len(e.data), default=None
    )
    if largest is not None:
        for level in (6, 9, 8, 7, 5, 4, 3, 2, 1):
            if deflate(largest.text, level) == largest.data:
                return level
    return 9


def zip_fields(content):
    """Everything of a zip but the sums, lengths and offsets of its members."""
    entries, central_at = zip_entries(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        fields = [archive.comment, [info.filename for info in archive.infolist()]]
    fields.append(content[: entries[0].start] if entries else b"")
    for entry in entries:
        info = entry.info
        fields.append(
            (info.filename, info.date_time, info.compress_type, info.comment, info.extra)
            + (info.create_system, info.create_version, info.extract_version, info.flag_bits)
            + (info.internal_attr, info.external_attr, info.volume)
        )
        fields.append((entry.header[:14], entry.name, entry.extra.rstrip(b"\0")))
        fields.append((len(entry.behind), entry.behind[:4] == b"PK\7\10"))
    first = entries[0] if entries else None
    fields.append(first is not None and first.info.compress_type == 0 and first.name == b"mimetype")
    return fields


def zip_texts(content):
    """Name to text, after Python has checked every CRC."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def tar_fields(content, sizes=True):
    """Everything of a tar but the bytes of its files: what tarfile knows, and the headers as they
    are. Names and targets may hold placeholders, and then their header has another sum. Without
    `sizes`: a compressed member may have another size, and what follows stands elsewhere."""
    fields = [len(content) if sizes else len(content) % 512]
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for info in archive:
            fields.append(
                (patched(info.name.encode()), info.mode, info.uid, info.gid, info.mtime)
                + (info.type, patched(info.linkname.encode()), info.uname, info.gname)
                + (info.devmajor, info.devminor, info.sparse)
                + (sorted((key, patched(value.encode())) for key, value in info.pax_headers.items()),)
            )
            header = content[info.offset : info.offset + 512]
            fields.append((header[100:124], header[136:148], header[156:157], header[257:345]))
            if sizes:
                fields.append((info.size, info.offset, info.offset_data))
    return fields


def ar_fields(content):
    """Names, times, owners and modes. The size of a compressed member may be another one."""
    return [header[:48] for header, _, _ in ar_members(content)]
