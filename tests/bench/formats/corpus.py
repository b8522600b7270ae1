"""The compressed files and archives in Debian packages, told by their content."""

import hashlib
import io
import lzma
import struct
import tarfile
from dataclasses import dataclass
from pathlib import Path

MAGICS = (
    ("gzip", 0, b"\x1f\x8b\x08"),
    ("bzip2", 0, b"BZh"),
    ("xz", 0, b"\xfd7zXZ\0"),
    ("zstd", 0, b"\x28\xb5\x2f\xfd"),
    ("zip", 0, b"PK\3\4"),
    ("ar", 0, b"!<arch>\n"),
    ("cpio", 0, b"070701"),
    ("tar", 257, b"ustar"),
)
AR_HEADER_LEN = 60
DICTIONARIES = {step << n for step in (2, 3) for n in range(31) if step << n < 1 << 32}


def format_of(content):
    """A format's name, or None for all that holds text as it is or is no business of ours."""
    for name, offset, magic in MAGICS:
        if content.startswith(magic, offset):
            return name
    return "lzma" if _is_lzma(content) else None


def _is_lzma(content):
    """The rule of liblzma: .lzma has no magic number, but few properties and dictionaries."""
    if len(content) < 13:
        return False
    properties, dictionary, length = struct.unpack_from("<BIQ", content)
    known = length < 1 << 38 or length == (1 << 64) - 1
    return properties < 225 and known and dictionary in DICTIONARIES


@dataclass
class Sample:
    name: str  # package!member!path
    format: str
    path: Path  # where the content is kept

    @property
    def content(self):
        return self.path.read_bytes()


def collect(debs, folder):
    """The packages, and every compressed file and archive in them: each content once."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = {}
    for package, deb in debs.items():
        for name, content in _contents(package, deb.read_bytes()):
            kind = format_of(content)
            digest = hashlib.sha256(content).hexdigest()
            if kind is None or digest in samples:
                continue
            samples[digest] = Sample(name, kind, folder / digest)
            if not samples[digest].path.exists():
                samples[digest].path.write_bytes(content)
    return list(samples.values())


def ar_members(content):
    """(header, name, content) of each member; ar(5)."""
    at = 8
    while at < len(content):
        header = content[at : at + AR_HEADER_LEN]
        size = int(header[48:58])
        start = at + AR_HEADER_LEN
        yield header, header[:16].decode("latin-1").rstrip(" /"), content[start : start + size]
        at = start + size + size % 2


def _contents(package, deb):
    yield package, deb
    for _, member, content in ar_members(deb):
        yield f"{package}!{member}", content
        if member.startswith(("control.tar", "data.tar")):
            plain = lzma.decompress(content) if member.endswith(".xz") else content
            name = f"{package}!{member.removesuffix('.xz')}"
            yield name, plain
            with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
                for info in archive:
                    if info.isfile():
                        yield f"{name}!{info.name}", archive.extractfile(info).read()
