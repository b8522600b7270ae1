"""The corpus: Debian packages unpacked, with placeholders in 2.5% of the files.

    debs/          the packages; both sizes share them
    SIZE/clean/    what is in them, a folder a package
    SIZE/tree/     the same files (hard links), but for those with placeholders
    SIZE/shipped/  the files with placeholders once more: reset() takes them from here

Which files get placeholders depends on the checksum of their path alone.
"""

import functools
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tempfile
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from generator import downloads, termux

BENCH = Path(__file__).resolve().parents[1]
VERSION = 2  # of what is done to the packages; another one builds the trees anew
VALUES = termux.user_values(10)
SET = f"--set=TERMUX_APP__DATA_DIR={VALUES['TERMUX_APP__DATA_DIR']}"
# Of all files.
SHARES = {"plain": 0.02, "gzip": 0.0045, "zip": 0.00025}
TEXT_ENDINGS = (".properties", ".txt", ".xml", ".MF")
FILE_LEN_MAX = 32 << 20
LARGE_ZIP_TEXT = 256 << 20
NUL_LOOK = 8192


@dataclass
class Corpus:
    folder: Path
    packages: dict  # name: version
    files: int
    bytes: int
    injected: dict  # path below tree/: "plain", "gzip" or "zip"

    @property
    def clean(self):
        return self.folder / "clean"

    @property
    def tree(self):
        return self.folder / "tree"

    @property
    def state(self):
        return self.folder / "state"

    @property
    def sample(self):
        """The folders of every fourth package, for what is slow; all of them in a small corpus."""
        names = sorted(self.packages)
        return [self.tree / name for name in (names[::4] if len(names) > 40 else names)]

    def paths(self, *kinds, below=None):
        """Files with placeholders of these kinds, in all folders or some."""
        paths = [self.tree / path for path, kind in self.injected.items() if kind in kinds]
        if below is None:
            return paths
        return [path for path in paths if any(folder in path.parents for folder in below)]

    def path_list(self, *kinds):
        """A file with a path a line."""
        path = self.folder / ("paths-" + "-".join(kinds))
        path.write_text("".join(f"{each}\n" for each in self.paths(*kinds)))
        return path

    def large_zip(self):
        """One archive of what would be many files: text without placeholders."""
        path = self.folder / "large.zip"
        left = LARGE_ZIP_TEXT
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(_files(self.clean)):
                if left > 0 and _kind(self.clean / name) == "plain":
                    archive.write(self.clean / name, name)
                    left -= archive.getinfo(name).file_size
        return path

    @functools.cached_property
    def _old_states(self):
        return tempfile.TemporaryDirectory(dir=self.folder)

    def reset(self):
        """Files and state as before any patch, on the disk. Nothing is deleted: ext4 looks at each inode
        that was freed in the last minutes before it gives out another, and it would be measured as well."""
        for path in self.injected:
            target = self.tree / path
            if target.exists() and target.stat().st_nlink > 1:
                target.unlink()
            shutil.copy2(self.folder / "shipped" / path, target)
        if self.state.exists():
            self.state.rename(tempfile.mkdtemp(dir=self._old_states.name))
        subprocess.run(["sync", "-f", self.folder], check=True)

    def unpatched(self, *kinds):
        """The files of these kinds that a right patcher would have left otherwise."""
        expected = self._digests()
        return [path for path in self.paths(*kinds) if digest(path) != expected[path]]

    def _digests(self):
        if not hasattr(self, "_expected"):
            shipped = self.folder / "shipped"
            self._expected = {
                self.tree / path: digest(shipped / path, VALUES) for path in self.injected
            }
        return self._expected


def digest(path, values=None):
    """Of the file's decoded content, patched with the values."""
    sums = hashlib.sha256()
    for name, content in _decoded(path):
        sums.update(name + (termux.patched(content, values) if values else content))
    return sums.digest()


def _decoded(path):
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        yield b"", gzip.decompress(content)
    elif content.startswith(b"PK\3\4"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield info.filename.encode(), archive.read(info)
    else:
        yield b"", content


# ---- building it ----


def names(size):
    lists = ["corpus-quick"] if size == "quick" else ["corpus-quick", "corpus-full"]
    lines = [line for name in lists for line in (BENCH / name).read_text().splitlines()]
    return [line for line in lines if not line.startswith("#")]


def build(size, folder):
    """The corpus in the folder; what is there already is taken."""
    debs = downloads.fetch(names(size), folder / "debs")
    packages = {name: deb.name.split("_")[1] for name, deb in debs.items()}
    place = folder / size
    facts = place / "corpus.json"
    wanted = {"version": VERSION, "packages": packages}
    if facts.exists():
        known = json.loads(facts.read_text())
        if {key: known[key] for key in wanted} == wanted:
            return Corpus(place, packages, known["files"], known["bytes"], known["injected"])
    shutil.rmtree(place, ignore_errors=True)
    print(f"building the corpus: {len(debs)} packages", flush=True)
    _unpack(debs, place / "clean")
    subprocess.run(["cp", "-al", place / "clean", place / "tree"], check=True)
    files = sorted(_files(place / "clean"))
    corpus = Corpus(
        place, packages, len(files), sum((place / "clean" / f).stat().st_size for f in files), {}
    )
    _inject(corpus, files)
    corpus.reset()
    known = {"files": corpus.files, "bytes": corpus.bytes, "injected": corpus.injected}
    facts.write_text(json.dumps({**wanted, **known}, indent=1))
    return corpus


def _unpack(debs, folder):
    folder.mkdir(parents=True)

    def unpack(item):
        subprocess.run(["dpkg-deb", "-x", item[1], folder / item[0]], check=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(unpack, debs.items()))
    # A folder that its owner cannot write would stop reset() for all but root.
    subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)


def _files(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield os.path.relpath(path, folder)


def _inject(corpus, files):
    wanted = {kind: round(share * len(files)) for kind, share in SHARES.items()}
    for path in sorted(files, key=lambda path: (zlib.crc32(path.encode(errors="surrogateescape")), path)):
        if not any(wanted.values()):
            break
        source = corpus.clean / path
        facts = source.stat()
        # Programs are left alone, and a file with more names would be told by all of them.
        if facts.st_size > FILE_LEN_MAX or facts.st_mode & 0o111 or facts.st_nlink > 2:
            continue
        kind = _kind(source)
        content = MAKERS[kind](source.read_bytes()) if wanted.get(kind) else None
        if content is None:
            continue
        target = corpus.folder / "shipped" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        shutil.copystat(source, target)
        corpus.injected[path] = kind
        wanted[kind] -= 1


def _kind(path):
    """None for what is patched in no way that is measured."""
    with open(path, "rb") as file:
        head = file.read(NUL_LOOK)
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"PK\3\4"):
        return "zip"
    return "plain" if _is_text(head) else None


def _is_text(head):
    """Neither a program nor binary: those are left alone, or told by rules of their own."""
    return not head.startswith(b"#!") and b"\0" not in head


# Each gives the content with placeholders, or None where no path stands in it.


def _text(content):
    if not _is_text(content[:NUL_LOOK]):
        return None
    changed = termux.with_placeholders(content)
    return changed if termux.held(changed) else None


def _gzip(content):
    try:
        changed = _text(gzip.decompress(content))
    except (OSError, EOFError, zlib.error):
        return None
    return gzip.compress(changed, 9, mtime=0) if changed is not None else None


def _zip(content):
    """A line in its first text. A signed archive is not patched, a wheel gets other sums."""
    out = io.BytesIO()
    changed = False
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        if any(name.endswith((".SF", ".dist-info/RECORD")) for name in old.namelist()):
            return None
        for info in old.infolist():
            member = old.read(info)
            if not changed and member and info.filename.endswith(TEXT_ENDINGS):
                member += b"\nprefix=" + termux.padded("TERMUX__PREFIX") + b"/bin\n"
                changed = True
            new.writestr(info, member, info.compress_type, 9)
    return out.getvalue() if changed else None


MAKERS = {"plain": _text, "gzip": _gzip, "zip": _zip}
