"""The compressed formats, through Python's own decoders and the real tools.

Each says how content is made of parts (members, streams), packs a text with the parameters of a
part, decodes, and lists the fields that a rewrite must keep.
"""

import bz2
import gzip
import lzma
import struct
import tempfile
import zlib
from pathlib import Path

from .tools import run


class Gzip:
    name = "gzip"
    suffix = ".gz"

    @staticmethod
    def parts(content):
        """(header, text) of each member. Python's decoder tells where a member ends."""
        parts = []
        while content.startswith(b"\x1f\x8b"):
            decoder = zlib.decompressobj(wbits=31)
            text = decoder.decompress(content)
            parts.append((_gzip_header(content), text))
            content = decoder.unused_data
        return parts, content

    @staticmethod
    def pack(header, text):
        level = {4: "-1", 2: "-9"}.get(header[8], "-6")
        return header + run("gzip", level, "-nc", content=text)[10:]

    @staticmethod
    def decode(content):
        return gzip.decompress(content)

    @classmethod
    def fields(cls, content):
        parts, padding = cls.parts(content)
        return [header for header, _ in parts] + [len(padding), not padding.strip(b"\0")]

    @staticmethod
    def test(path):
        run("gzip", "-t", path)


def _gzip_header(content):
    """RFC 1952, 2.3."""
    flags, at = content[3], 10
    if flags & 4:
        at += 2 + struct.unpack_from("<H", content, at)[0]
    for flag in (8, 16):
        if flags & flag:
            at = content.index(0, at) + 1
    return content[: at + (2 if flags & 2 else 0)]


class Bzip2:
    name = "bzip2"
    suffix = ".bz2"

    @staticmethod
    def parts(content):
        parts = []
        while content:
            decoder = bz2.BZ2Decompressor()
            text = decoder.decompress(content)
            parts.append((content[:4], text))
            content = decoder.unused_data
        return parts, b""

    @staticmethod
    def pack(header, text):
        return run("bzip2", f"-{header[3:4].decode()}", "-c", content=text)

    @staticmethod
    def decode(content):
        return bz2.decompress(content)

    @classmethod
    def fields(cls, content):
        return [header for header, _ in cls.parts(content)[0]]

    @staticmethod
    def test(path):
        run("bzip2", "-t", path)


class Xz:
    name = "xz"
    suffix = ".xz"
    # xz(1): the size of the dictionary tells the preset; where two share it, the usual one.
    PRESETS = {"256KiB": 0, "1MiB": 1, "2MiB": 2, "4MiB": 4, "8MiB": 6, "16MiB": 7, "32MiB": 8, "64MiB": 9}
    CHECKS = {"None": "none", "CRC32": "crc32", "CRC64": "crc64", "SHA-256": "sha256"}

    @classmethod
    def parts(cls, content):
        """Files of one stream are made again with its check, preset and kind of encoder."""
        blocks = [fields for fields in cls.fields(content) if fields[0] == "block"]
        return [(blocks[0], cls.decode(content))], b""

    @classmethod
    def pack(cls, block, text):
        check, present, filters = block[4], block[6], block[7]
        preset = cls.PRESETS[filters.rpartition("dict=")[2]]
        threads = "-T2" if present != "--" else "-T1"
        return run("xz", "-c", f"-{preset}", threads, f"-C{cls.CHECKS[check]}", content=text)

    @staticmethod
    def decode(content):
        return lzma.decompress(content)

    @staticmethod
    def fields(content):
        """Of xz --list: of each block its numbers, length of its text, check, length of its header,
        sizes that are present, filters."""
        with tempfile.NamedTemporaryFile(suffix=".xz") as file:
            file.write(content)
            file.flush()
            lines = run("xz", "--robot", "-lvv", file.name).decode().splitlines()
        fields = []
        for columns in (line.split("\t") for line in lines):
            if columns[0] == "stream":
                fields.append(("stream", columns[1], columns[2], columns[8], columns[9]))
            elif columns[0] == "block":
                kept = [columns[i] for i in (1, 2, 7, 9, 11, 12, 15)]
                fields.append(("block", *kept))
        return fields

    @staticmethod
    def test(path):
        run("xz", "-t", path)


class Zstd:
    name = "zstd"
    suffix = ".zst"

    @classmethod
    def parts(cls, content):
        return [(cls.fields(content), cls.decode(content))], b""

    @staticmethod
    def decode(content):
        return run("zstd", "-dqc", content=content)

    @staticmethod
    def fields(content):
        """RFC 8878, 3.1: of each frame its descriptor, window, dictionary and content size; skippable
        frames whole."""
        fields = []
        at = 0
        while at < len(content):
            magic, length = struct.unpack_from("<II", content, at)
            if 0x184D2A50 <= magic <= 0x184D2A5F:
                fields.append(content[at : at + 8 + length])
                at += 8 + length
                continue
            assert magic == 0xFD2FB528
            descriptor = content[at + 4]
            header_len = 5 + (0 if descriptor & 32 else 1) + (0, 1, 2, 4)[descriptor & 3]
            header_len += (1 if descriptor & 32 else 0, 2, 4, 8)[descriptor >> 6]
            fields.append(content[at : at + header_len])
            at += header_len
            last = False
            while not last:
                block = int.from_bytes(content[at : at + 3], "little")
                last = block & 1
                at += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
            at += 4 if descriptor & 4 else 0
        return fields

    @staticmethod
    def test(path):
        run("zstd", "-tq", path)


CODINGS = {coding.name: coding for coding in (Gzip, Bzip2, Xz, Zstd)}


def zstd_of(text, *words, known=True):
    """`known`: the frame tells the length of its text, as that of a file does."""
    if not known:
        return run("zstd", "-qc", *words, content=text)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text"
        path.write_bytes(text)
        return run("zstd", "-qc", *words, path)
