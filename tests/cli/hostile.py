"""Files that are not to be touched: damaged, lying, over a limit, or of a format that is left alone.

CASES: the file's name to how it is made, where in it the problem is (a member, or ""), and words of
the message. Every file holds a placeholder where its format has room for one.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from patching import PLACEHOLDER, SOURCE, TEXT, tool

CASES = {}


def case(name, words, member=""):
    """Takes a function that makes the content into the table."""

    def add(make):
        CASES[name] = (make, member, words)
        return make

    return add


def flipped(content, at):
    """One bit is another."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


# ---- one stream ----


def zstd(content, *words):
    return tool("zstd", "-qc", *words, content=content)


STREAMS = {
    "gz": lambda text: gzip.compress(text, mtime=0),
    "bz2": bz2.compress,
    "xz": lambda text: lzma.compress(text, check=lzma.CHECK_CRC64),
    "lzma": lambda text: lzma.compress(text, lzma.FORMAT_ALONE),
    "zst": lambda text: zstd(text, "--check"),
}
# Where a check stands, counted from the end. lzma has none.
CHECKS = {"gz": -8, "bz2": -3, "xz": -30, "zst": -1}


def add_stream_cases(suffix, encode):
    case(f"truncated.{suffix}", "truncated|ends|unexpected|more bytes")(lambda: encode(TEXT)[:-9])
    case(f"head-only.{suffix}", "truncated|ends|unexpected|more bytes")(lambda: encode(TEXT)[:19])
    case(f"garbage-behind.{suffix}", "trailing garbage|garbage|corrupt")(
        lambda: encode(TEXT) + b"garbage " + PLACEHOLDER
    )
    if suffix in CHECKS:
        case(f"bad-check.{suffix}", "check|CRC|integrity|corrupt")(
            lambda: flipped(encode(TEXT), CHECKS[suffix])
        )


for _suffix, _encode in STREAMS.items():
    add_stream_cases(_suffix, _encode)


@case("bad-length.gz", "length")
def bad_length():
    return flipped(gzip.compress(TEXT), -4)


@case("second-member-damaged.gz", "CRC|check")
def second_member():
    return gzip.compress(TEXT) + flipped(gzip.compress(TEXT), -8)


@case("reserved-flag.gz", "flag")
def reserved_flag():
    content = bytearray(gzip.compress(TEXT))
    content[3] |= 0x20
    return bytes(content)


def with_extra(field):
    plain = gzip.compress(TEXT, mtime=0)
    return plain[:3] + b"\x04" + plain[4:10] + struct.pack("<H", len(field)) + field + plain[10:]


@case("dictzip.gz", "dictzip")
def dictzip():
    chunk = struct.pack("<HHHH", 1, len(TEXT), 1, 60)
    return with_extra(b"RA" + struct.pack("<H", len(chunk)) + chunk)


@case("bgzf.gz", "BGZF")
def bgzf():
    return with_extra(b"BC" + struct.pack("<HH", 2, 200))


@case("known-length.lzma", "length")
def known_length():
    content = bytearray(lzma.compress(TEXT, lzma.FORMAT_ALONE))
    content[5:13] = struct.pack("<Q", len(TEXT))
    return bytes(content)


@case("needs-memory.xz", "memory")
def needs_memory():
    """Decodes in a little over 64 MiB; the encoder for it takes 674 MiB."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9}]
    return lzma.compress(TEXT, check=lzma.CHECK_CRC32, filters=filters)


@case("with-dictionary.zst", "dictionary")
def with_dictionary():
    return zstd(TEXT, "-D", str(SOURCE / "tests/cli/data/zstd.dictionary"))


# ---- bombs ----


@case("bomb.bz2", "over 2000 times")
def bomb_bz2():
    return (SOURCE / "fixtures/bad/bad-bomb.bz2").read_bytes()


@case("bomb.zst", "over 2000 times")
def bomb_zst():
    return zstd(bytes(256 << 20), "-1")


@case("bomb.tar.bz2", "over 2000 times")
def bomb_in_a_tar():
    """The first member is as large as all of the rest."""
    info = tarfile.TarInfo("zeros")
    info.size = 1 << 30
    return bz2.compress(info.tobuf() + bytes(200 << 20))


# ---- zip ----


def archive(*members, method=zipfile.ZIP_DEFLATED, before=b""):
    """A zip of (name, content) pairs, behind other bytes."""
    out = io.BytesIO(before)
    with zipfile.ZipFile(out, "a") as made:
        for name, content in members:
            made.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def stored(*members, before=b""):
    return archive(*members, method=zipfile.ZIP_STORED, before=before)


def poked(content, magic, at, layout, value, which=0):
    """A number in the n-th record with this magic is another."""
    found = -1
    for _ in range(which + 1):
        found = content.index(magic, found + 1)
    size = struct.calcsize(layout)
    return content[: found + at] + struct.pack(layout, value) + content[found + at + size :]


STUB = b"a program that unpacks itself\n"
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"


@case("truncated.zip", "truncated")
def zip_truncated():
    return archive(("a", TEXT))[:-30]


@case("half.zip", "truncated")
def zip_half():
    content = archive(("a", TEXT), ("b", TEXT))
    return content[: len(content) // 2]


@case("garbage-behind.zip", "garbage")
def zip_garbage():
    return archive(("a", TEXT)) + b"garbage"


def zip_stub():
    """A stored member: the placeholder can be seen from outside."""
    return stored(("a", TEXT), before=STUB)


@case("truncated-stub.zip", "truncated|offset|central")
def zip_truncated_stub():
    """Bytes are missing between the stub and the end."""
    content = archive(("a", TEXT), ("b", TEXT * 3), before=STUB)
    return content[:60] + content[90:]


@case("stub.zip.gz", "stub|behind")
def zip_stub_gz():
    return gzip.compress(zip_stub())


@case("commented-stub.zip.gz", "stub|behind")
def zip_commented_stub_gz():
    return gzip.compress(zip_stub()[:-2] + b"\x10\0a zip's comment.")


@case("multi-disk.zip", "several disks")
def zip_disks():
    return poked(archive(("a", TEXT)), END, 4, "<H", 1)


@case("disk-in-entry.zip", "several disks")
def zip_disk_in_entry():
    return poked(archive(("a", TEXT)), CENTRAL, 34, "<H", 1)


@case("zip64.zip", "zip64")
def zip64():
    content = archive(("a", TEXT))
    end = content.index(END)
    count, size, offset = struct.unpack_from("<HII", content, end + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    tail = poked(content[end:], END, 16, "<I", 0xFFFFFFFF)
    return content[:end] + record + locator + tail


@case("overlapping.zip", "overlap")
def zip_overlap():
    """The second entry stands for the bytes of the first, and a little less."""
    content = stored(("a", archive(("b", TEXT * 3))), ("b", b""))
    inner = content.index(LOCAL, 4)
    name_at = content.rindex(CENTRAL)
    central = content[name_at:]
    central = poked(central, CENTRAL, 42, "<I", inner)
    # What the central directory says of it is what its local header says.
    central = central[:8] + content[inner + 6 : inner + 10] + central[12:]
    central = central[:16] + content[inner + 14 : inner + 26] + central[28:]
    return content[:name_at] + central


@case("same-bytes-twice.zip", "overlap")
def zip_twice():
    """Every entry of the central directory is the one member: a bomb of little more than names."""
    one = archive(("a", TEXT * 100))
    start, end = one.index(CENTRAL), one.index(END)
    central = one[start:end] * 500
    tail = struct.pack("<4sHHHHIIH", END, 0, 0, 500, 500, len(central), start, 0)
    return one[:start] + central + tail


@case("entry-count.zip", "central directory")
def zip_count():
    content = poked(archive(("a", TEXT), ("b", TEXT)), END, 8, "<H", 1)
    return poked(content, END, 10, "<H", 1)


@case("outside.zip", "outside|reaches|local header")
def zip_outside():
    return poked(archive(("a", TEXT)), CENTRAL, 42, "<I", 0x7FFFFFF0)


@case("names-differ.zip", "name")
def zip_names():
    return poked(archive(("a", TEXT)), LOCAL, 30, "<c", b"z")


@case("stored-length.zip", "lengths|reaches|length")
def zip_stored_len():
    return poked(archive(("a", TEXT)), CENTRAL, 20, "<I", 0x00FFFFFF)


@case("lying-length.zip", "claims", "a")
def zip_text_len():
    content = poked(archive(("a", TEXT)), CENTRAL, 24, "<I", 10)
    return poked(content, LOCAL, 22, "<I", 10)


@case("lying-crc.zip", "CRC", "a")
def zip_crc():
    content = poked(archive(("a", TEXT)), CENTRAL, 16, "<I", 10)
    return poked(content, LOCAL, 14, "<I", 10)


@case("damaged-member.zip", "deflate", "folder/a")
def zip_damaged_member():
    content = bytearray(archive(("folder/a", TEXT)))
    content[30 + len("folder/a")] = 0xFF
    return bytes(content)


@case("encrypted.zip", "encrypted", "a")
def zip_encrypted():
    content = poked(archive(("a", TEXT)), LOCAL, 6, "<H", 1)
    return poked(content, CENTRAL, 8, "<H", 1)


@case("deflate64.zip", "method", "a")
def zip_method():
    content = poked(archive(("a", TEXT)), LOCAL, 8, "<H", 9)
    return poked(content, CENTRAL, 10, "<H", 9)


@case("signed.jar", "signed")
def signed_jar():
    return archive(("META-INF/MANIFEST.MF", b"x"), ("META-INF/A.SF", b"x"), ("a", TEXT))


@case("signed.whl", "signed")
def signed_wheel():
    return archive(("a", TEXT), ("a-1.dist-info/RECORD.jws", b"{}"))


# ---- tar, ar, cpio ----


def tar(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


@case("truncated.tar", "truncated|ends")
def tar_truncated():
    return tar(("a", TEXT))[:2000]


@case("bad-checksum.tar", "checksum|header|garbage")
def tar_checksum():
    """The header of the second member is wrong by a bit."""
    return flipped(tar(("a", TEXT), ("b", TEXT)), 512 + -(-len(TEXT) // 512) * 512 + 4)


@case("huge.tar", "truncated|ends|large")
def tar_huge():
    content = bytearray(tar(("a", TEXT)))
    content[124:136] = b"77777777777\0"
    content[148:156] = b"        "
    content[148:156] = b"%06o\0 " % sum(content[:512])
    return bytes(content)


def ar(*members, magic=b"!<arch>\n"):
    out = magic
    for name, content in members:
        out += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"100644", len(content))
        out += content + b"\n" * (len(content) % 2)
    return out


@case("truncated.a", "truncated|ends")
def ar_truncated():
    return ar((b"a/", TEXT))[:-100]


@case("bad-header.a", "header")
def ar_header():
    return ar((b"a/", TEXT + b"." * (len(TEXT) % 2)), (b"b/", TEXT))[: -len(TEXT) - 2] + b"no"


@case("package.deb", "pathpatch deb", "")
def package():
    data = gzip.compress(tar(("./a", TEXT)))
    return ar((b"debian-binary", b"2.0\n"), (b"control.tar.gz", gzip.compress(tar())), (b"data.tar.gz", data))


def cpio(magic, content):
    fields = [1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, 2, sum(content) & 0xFFFFFFFF]
    header = magic + b"".join(b"%08X" % field for field in fields) + b"a\0"
    header += bytes(-len(header) % 4)
    end = magic + b"".join(b"%08X" % field for field in [0] * 11 + [11, 0]) + b"TRAILER!!!\0"
    return header + content + bytes(-len(content) % 4) + end + bytes(-len(end) % 4)


@case("sums.cpio", "070702|sums|checksum")
def cpio_sums():
    return cpio(b"070702", TEXT)


@case("truncated.cpio", "truncated|ends")
def cpio_truncated():
    return cpio(b"070701", TEXT)[:1000]


# ---- nesting ----


@case("deep.gz", "deeper", "")
def deep_gzip():
    content = TEXT
    for _ in range(6):
        content = gzip.compress(content)
    return content


@case("deep.tar.gz", "deeper", "a!b!a")
def deep_mixed():
    """Four layers are the tar.gz and the zip in it; what is below them is too deep."""
    return gzip.compress(tar(("a", archive(("b", tar(("a", gzip.compress(TEXT))))))))


# ---- formats that are left as they are ----

MAGICS = {
    "left.lz4": (b"\x04\x22\x4d\x18\x64\x40\xa7", "lz4"),
    "left.Z": (b"\x1f\x9d\x90", "compress"),
    "left.lz": (b"LZIP\x01\x0c", "lzip"),
    "left.7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "7z"),
    "left.squashfs": (b"hsqs\x01\0\0\0", "squashfs"),
    "left.sqlite": (b"SQLite format 3\0", "SQLite"),
    "left.pdf": (b"%PDF-1.7\n", "PDF"),
    "left.beam": (b"FOR1\0\0\1\0BEAM", "BEAM"),
    "left.gresource": (b"GVariant\0\0\0\0", "GResource"),
    "left.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
}


def add_magic_case(name, magic, words):
    case(name, words)(lambda: magic + TEXT)


for _name, (_magic, _words) in MAGICS.items():
    add_magic_case(_name, _magic, _words)


@case("left-in-a.tar", "SQLite", "database")
def left_in_a_tar():
    return tar(("database", b"SQLite format 3\0" + TEXT))
