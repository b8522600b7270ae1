"""Small .debs, byte by byte: what dpkg-deb would not write."""

import bz2
import gzip
import io
import lzma
import tarfile

from patching import tool

EPOCH = 1700000000
CODERS = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ".zst": lambda data: tool("zstd", "-19", "-q", "-c", content=data),
}
DECODERS = {
    "": lambda data: data,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".bz2": bz2.decompress,
    ".lzma": lzma.decompress,
    ".zst": lambda data: tool("zstd", "-d", "-q", "-c", content=data),
}
CONTROL = b"Package: app\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@localhost>\nDescription: x\n"


def tar(files, **fields):
    """A GNU tar of name to content; a name with a slash at its end is a folder, a str content is the
    target of a symlink, None leaves the content out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mtime = EPOCH
            member.uname = member.gname = "root"
            member.mode = 0o755 if name.endswith("/") else 0o644
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            for key, value in fields.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def archive(members):
    """An ar archive of (name, content)."""
    data = b"!<arch>\n"
    for name, content in members:
        data += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), EPOCH, 0, 0, b"100644", len(content))
        data += content + b"\n" * (len(content) % 2)
    return data


def parse(data):
    """The members of an archive: name to content, in their order."""
    assert data[:8] == b"!<arch>\n"
    at, found = 8, {}
    while at < len(data):
        size = int(data[at + 48 : at + 58])
        found[data[at : at + 16].decode().strip()] = data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return found


def deb(files, suffix=".xz", control=None, more=()):
    """A package; `control`: other control files."""
    control = tar({"./": None, "./control": CONTROL, **(control or {})})
    return archive(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar" + suffix, CODERS[suffix](control)),
            ("data.tar" + suffix, CODERS[suffix](tar(files))),
            *more,
        ]
    )


def members(data, part):
    """The tar of a part: [(name, everything that a header says, content)]."""
    name, stored = next((n, s) for n, s in parse(data).items() if n.startswith(part + ".tar"))
    plain = DECODERS[name[len(part) + 4 :]](stored)
    found = []
    with tarfile.open(fileobj=io.BytesIO(plain)) as opened:
        for member in opened:
            header = member.mode, member.uid, member.gid, member.mtime, member.type, member.uname, member.linkname
            found.append((member.name, header, opened.extractfile(member).read() if member.isfile() else None))
    return found
