"""One .tar.xz in blocks, as several threads of xz write it: scanned, and patched."""

import hashlib
import itertools
import lzma
import shutil
import subprocess
import tarfile
from pathlib import Path

from .corpus import SET, VALUES, termux
from .measure import MIB, Side, duel

READ_LEN = 96 * MIB
WRITTEN_LEN = 16 * MIB  # to encode takes fifty times as long as to decode


ENCODE = ["xz", "-2", "-T2", "--block-size=2MiB", "-c"]


def in_blocks(plain, path):
    with open(path, "wb") as out:
        subprocess.run([*ENCODE, plain], stdout=out, check=True)
    return path


def _tar(path, files, text_len):
    with tarfile.open(path, "w") as archive:
        for file in files:
            archive.add(file, file.name)
            text_len -= file.stat().st_size
            if text_len < 0:
                break
    return path


def xz(setting):
    corpus = setting.corpus
    corpus.reset()
    with setting.scratch() as scratch:
        folder = Path(scratch)
        clean = (path for path in sorted(corpus.clean.rglob("*")) if path.is_file() and not path.is_symlink())
        yield _scan(setting, in_blocks(_tar(folder / "clean", clean, READ_LEN), folder / "clean.tar.xz"))
        yield _patch(setting, _tar(folder / "plain", corpus.paths("plain"), WRITTEN_LEN), folder)


def _scan(setting, archive):
    def side(jobs):
        words = setting.pathpatch("scan", archive.parent, "--quiet", archive, jobs=jobs)
        return Side(f"scan --jobs={jobs}", words, statuses=(0, 1))

    return duel(
        f"scan of one .tar.xz of {archive.stat().st_size // MIB} MiB in blocks with 2 threads against 1",
        0.55,
        side(2),
        side(1),
        setting.rounds,
        Side("xz -t -T2", ["xz", "-t", "-T2", archive]),
        "what xz itself gains by its second thread is the floor. Beyond that one thread looks through the text.",
    )


def _patch(setting, plain, folder):
    shipped = in_blocks(plain, folder / "shipped.tar.xz")
    archive, state = folder / "it.tar.xz", folder / "state"
    right = hashlib.sha256(termux.patched(plain.read_bytes(), VALUES)).digest()
    number = itertools.count()

    def side(jobs):
        def renew():
            shutil.copyfile(shipped, archive)
            if state.exists():
                state.rename(folder / f"state {next(number)}")

        def check(_):
            assert hashlib.sha256(lzma.decompress(archive.read_bytes())).digest() == right

        words = setting.pathpatch("apply", folder, "--quiet", SET, archive, jobs=jobs)
        return Side(f"apply --jobs={jobs}", words, prepare=renew, check=check)

    return duel(
        f"patch of one .tar.xz of {plain.stat().st_size // MIB} MiB in blocks with 2 threads against 1",
        0.55,
        side(2),
        side(1),
        setting.rounds,
        Side("xz -2 -T2", [*ENCODE, plain]),
        "to encode is nearly all of it, and takes xz itself, too, more than half as long with its second thread. "
        "Blocks are encoded two by two, each pair as long as its slower one.",
    )
