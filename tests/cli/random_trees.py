"""Random trees of every kind of file, and a model of what patching makes of each: Python's own
replace, on what Python's own modules and the formats' own tools decode."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile
import zipfile

from trees import OLD_NS, VALUES, WIDE, padded, patched, write

NAMES = sorted(VALUES)
DEPTH_MAX = 4  # layers of compression and archives
ENCODINGS = ("ascii",) * 6 + WIDE
MTIME = 981173106


class Plain:
    """Bytes; what an executable holds is left, where it is a file or a member itself."""

    def __init__(self, content):
        self.content = content

    def encoded(self):
        return self.content

    def is_executable(self):
        return self.content.startswith((b"\x7fELF", b"#!"))

    def changes(self, itself):
        return not (itself and self.is_executable()) and patched(self.content) != self.content

    def check(self, content, itself):
        left = itself and self.is_executable()
        assert content == (self.content if left else patched(self.content))


class Packed:
    """A node in a compressed stream."""

    def __init__(self, kind, inside):
        self.kind = kind
        self.inside = inside
        self.made = self.tool("-c", inside.encoded())

    def tool(self, word, content):
        if self.kind == "zst":
            words = ["zstd", "-q", word if word == "-d" else "-5"]
            return subprocess.run(words, input=content, stdout=subprocess.PIPE, check=True).stdout
        module = {"gz": gzip, "bz2": bz2, "xz": lzma}[self.kind]
        if word == "-d":
            return module.decompress(content)
        options = {"gz": {"mtime": MTIME}, "bz2": {}, "xz": {"preset": 0}}[self.kind]
        return module.compress(content, **options)

    def encoded(self):
        return self.made

    def is_executable(self):
        return False

    def changes(self, itself):
        return self.inside.changes(False)

    def check(self, content, itself):
        if not self.changes(itself):
            assert content == self.made
        self.inside.check(self.tool("-d", content), False)


class Archive:
    """Members: name, permission bits, node."""

    def __init__(self, members):
        self.members = members
        self.made = self.make()

    def encoded(self):
        return self.made

    def is_executable(self):
        return False

    def is_left(self, mode, node):
        return mode & 0o111 != 0 or node.is_executable()

    def changes(self, itself):
        return any(
            not self.is_left(mode, node) and node.changes(True) for _, mode, node in self.members
        )

    def check(self, content, itself):
        if not self.changes(itself):
            assert content == self.made
        found = self.list(content)
        assert [info for info, _ in found] == [info for info, _ in self.list(self.made)]
        for (name, mode, node), (_, member) in zip(self.members, found):
            if self.is_left(mode, node):
                assert member == node.encoded()
            else:
                node.check(member, True)


class Zip(Archive):
    def make(self):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for at, (name, mode, node) in enumerate(self.members):
                info = zipfile.ZipInfo(name, (2001, 2, 3, 4, 5, 6))
                info.external_attr = (0o100000 | mode) << 16
                info.compress_type = zipfile.ZIP_STORED if at % 3 == 2 else zipfile.ZIP_DEFLATED
                info.comment = b"comment of %d" % at
                archive.writestr(info, node.encoded())
            archive.comment = b"comment of all"
        return data.getvalue()

    def list(self, content):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert archive.comment == b"comment of all"
            fields = ("filename", "date_time", "external_attr", "compress_type", "comment", "extra")
            return [
                ([getattr(info, field) for field in fields], archive.read(info))
                for info in archive.infolist()
            ]


class Tar(Archive):
    form = tarfile.PAX_FORMAT

    def make(self):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=self.form) as archive:
            for name, mode, node in self.members:
                info = tarfile.TarInfo(name)
                info.mode = mode
                info.mtime = MTIME
                info.size = len(node.encoded())
                archive.addfile(info, io.BytesIO(node.encoded()))
        return data.getvalue()

    def list(self, content):
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return [
                ((info.name, info.mode, info.mtime, info.type), archive.extractfile(info).read())
                for info in archive
            ]


class GnuTar(Tar):
    form = tarfile.GNU_FORMAT


def random_text(random):
    """Placeholders at any place, whole, in a run of slashes, or short of one, between bytes that
    cannot make one whole."""
    encoding = random.choice(ENCODINGS)
    pieces = []
    for _ in range(random.choice((0, 1, 3, 10, 60))):
        name = random.choice(NAMES)
        text = padded(name).decode()
        kind = random.random()
        if kind < 0.4:
            pieces.append(text)
        elif kind < 0.5:
            pieces.append(text + "/" * random.randrange(1, 9) + "x")
        elif kind < 0.6:
            pieces.append(text[: -random.randrange(1, 40)] + "\n")
        elif kind < 0.7:
            pieces.append(text.rstrip("/") + " ")
        else:
            pieces.append(random.choice(("word ", "\n", "/", "\0", "# comment\n", "=")) * random.randrange(40))
    content = "".join(pieces).encode(encoding)
    # Wide text also at odd offsets; and more than a buffer holds.
    head = random.randbytes(random.choice((0, 1, 2, 3, 700)))
    tail = random.randbytes(random.choice((0, 1, 900)))
    if random.random() < 0.05:
        head += b"." * (random.randrange(1, 4) * (256 << 10) - len(head) - random.randrange(400))
    # What the random bytes look like is not the point here.
    return b"text:" + head + b"\n" + content + tail


def random_plain(random):
    kind = random.random()
    if kind < 0.1:
        return Plain(b"\x7fELF\x02\x01\x01" + random_text(random))
    if kind < 0.2:
        return Plain(b"#!/bin/sh\n" + random_text(random))
    if kind < 0.25:
        return Plain(b"")
    return Plain(random_text(random))


def random_mode(random):
    return random.choice((0o644, 0o644, 0o600, 0o640, 0o755, 0o4644))


def random_node(random, layers=DEPTH_MAX):
    kind = random.random()
    if layers == 0 or kind < 0.45:
        return random_plain(random)
    if kind < 0.8:
        packing = random.choice(("gz", "gz", "gz", "bz2", "xz", "zst"))
        return Packed(packing, random_node(random, layers - 1))
    make = random.choice((Zip, Tar, GnuTar))
    return make(
        [
            (f"folder/{'n' * random.randrange(1, 150)}-{at}", random_mode(random), random_node(random, layers - 1))
            for at in range(random.randrange(1, 6))
        ]
    )


class RandomTree:
    """A tree below a root, and what is expected of each of its files."""

    def __init__(self, random, root, count):
        self.root = root
        self.files = {}  # path: (mode, node)
        self.links = {}  # path: target
        self.twins = {}  # path: the path that it is a hard link to
        for at in range(count):
            folder = "/".join(f"d{random.randrange(4)}" for _ in range(random.randrange(4)))
            self.add(random, f"{folder}/f{at}".lstrip("/"))
        for path in self.files:
            write(root / path, self.files[path][1].encoded(), self.files[path][0])
        for path, target in self.links.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, root / path)
        for path, twin in self.twins.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            os.link(root / twin, root / path)

    def add(self, random, path):
        kind = random.random()
        if kind < 0.1:
            text = padded(random.choice(NAMES)).decode()
            self.links[path] = random.choice((text, text + "lib/x", "../" + text, text[:-1] + "x", "x"))
        elif kind < 0.2 and self.files:
            self.twins[path] = random.choice(sorted(self.files))
        else:
            self.files[path] = (random_mode(random), random_node(random))

    def is_patched(self, path):
        mode, node = self.files[path]
        return not (mode & 0o111 or node.is_executable()) and node.changes(True)

    def patched_paths(self):
        paths = {path for path in self.files if self.is_patched(path)}
        paths |= {path for path, twin in self.twins.items() if self.is_patched(twin)}
        return paths | {
            path for path, target in self.links.items() if patched(target.encode()) != target.encode()
        }

    def check(self):
        for path, (mode, node) in self.files.items():
            content = (self.root / path).read_bytes()
            if self.is_patched(path):
                node.check(content, True)
            else:
                assert content == node.encoded(), path
            st = (self.root / path).stat()
            assert (st.st_mode & 0o7777, st.st_mtime_ns) == (mode, OLD_NS), path
        for path, target in self.links.items():
            assert os.readlink(self.root / path) == patched(target.encode()).decode(), path
        for path, twin in self.twins.items():
            assert os.path.samefile(self.root / path, self.root / twin), path
