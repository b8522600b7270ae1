"""What pathpatch left: is it damaged in the eyes of other programs, too?"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib

from .corpus import ar_members, format_of
from .tools import run

DECODERS = {
    "gzip": gzip.decompress,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
    "lzma": lambda content: lzma.decompress(content, lzma.FORMAT_ALONE),
    "zstd": lambda content: run("zstd", "-dqc", content=content),
}
# FILE!MEMBER!MEMBER: FORMAT: words
LINE = re.compile(rf"pathpatch: (?P<name>.+?): (?P<format>{'|'.join(DECODERS)}): .+")


def is_damaged(content, format_):
    """Is this rejected by a decoder that is not ours?"""
    if format_ not in DECODERS:
        return False
    try:
        DECODERS[format_](content)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError, AssertionError):
        return True
    return False


def says_damaged(line, contents):
    """Does a line of pathpatch name a compressed part of a file of `contents` that is damaged?"""
    match = LINE.fullmatch(line)
    if match is None:
        return False
    name, *members = match["name"].split("!")
    return is_damaged(_find(contents[name], members), match["format"])


def _find(content, members):
    """The member of a member..., without what it is packed in."""
    for name in members:
        while format_of(content) in DECODERS:
            content = DECODERS[format_of(content)](content)
        content = _member(content, name)
    return content


def _member(content, name):
    format_ = format_of(content)
    if format_ == "tar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return archive.extractfile(name).read()
    if format_ == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(name)
    return next(text for _, member, text in ar_members(content) if member == name)
