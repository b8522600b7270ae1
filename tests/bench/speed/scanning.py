"""Scans: of trees without placeholders, against ripgrep and the floor; of archives."""

import re
import sys

from .measure import LEFT, MIB, Side, duel

NEEDLE = "/data/data/com.termux"
HITS = (0, 1)  # what rg exits with: it found something, or nothing

WALK = """
import gzip, os, sys, zipfile

def parts_of(content):
    try:
        if content.startswith(b"\\x1f\\x8b"):
            return [gzip.decompress(content)]
        if content.startswith(b"PK\\3\\4"):
            with zipfile.ZipFile(path) as archive:
                return [archive.read(info) for info in archive.infolist()]
    except Exception:
        pass
    return [content]

needle = sys.argv[1].encode()
for tree in sys.argv[2:]:
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            with open(path, "rb") as file:
                content = file.read()
            if any(needle in part for part in parts_of(content)):
                print(path)
"""


def _is_file_count(output):
    assert re.fullmatch(rb"\d+ files, \d+ hits\n", output), output


BEYOND = "Beyond that every text is looked through and digested, and what is packed in it opened as well."


def floor_side(setting, look, *paths, jobs=2, prepare=None):
    words = [setting.tools / "floor", look, jobs, *paths]
    return Side(f"floor {look}", words, prepare=prepare, check=_is_file_count)


def _nothing(output):
    assert output == b"", output[:2000]


def _plain(setting, jobs=2):
    """Nothing is found, and so nothing is printed."""
    words = setting.on_corpus("scan", "--no-decode", "--quiet", setting.corpus.clean, jobs=jobs)
    return Side(f"scan --jobs={jobs}", words, check=_nothing, statuses=LEFT)


def scan(setting):
    grep = ["rg", "-j2", "-uuu", "-a", "-lF", NEEDLE, setting.corpus.clean]
    yield duel(
        "scan, nothing to patch, plain bytes, against ripgrep",
        0.55,
        _plain(setting),
        Side("rg -a -lF", grep, statuses=HITS),
        setting.rounds,
        floor_side(setting, "none", setting.corpus.clean),
        "ripgrep takes little longer than to open, read and close every file. What pathpatch takes beyond that "
        "is the walk, a read more for each file (a short one may not be its end), and the matching.",
    )


def floor(setting):
    yield duel(
        "the same against open, read, close of every file",
        1.05,
        _plain(setting),
        floor_side(setting, "none", setting.corpus.clean),
        setting.rounds,
    )


def wide(setting):
    yield duel(
        "matching in all encodings against bytes alone, by the floor's reader",
        1.05,
        floor_side(setting, "matcher", setting.corpus.clean),
        floor_side(setting, "bytes", setting.corpus.clean),
        setting.rounds,
    )


def threads(setting):
    yield duel(
        "scan with 2 threads against 1", 0.55, _plain(setting, 2), _plain(setting, 1), setting.rounds
    )
    archive = setting.corpus.large_zip()
    sides = (
        Side(f"scan --jobs={jobs}", setting.on_corpus("scan", "--quiet", archive, jobs=jobs), check=_nothing)
        for jobs in (2, 1)
    )
    yield duel(
        f"scan of one zip of {archive.stat().st_size // MIB} MiB with 2 threads against 1",
        0.55,
        *sides,
        setting.rounds,
        why="its directory and all headers are read and compared before the threads begin.",
    )


def archives(setting):
    """The lists must agree. Whoever does not know padding also lists what holds the bare path."""
    corpus = setting.corpus
    corpus.reset()
    sample = corpus.sample
    injected = {str(path) for path in corpus.paths("plain", "gzip", "zip", below=sample)}

    def all_found(output):
        missing = injected - set(output.decode(errors="surrogateescape").splitlines())
        assert not missing, sorted(missing)[:5]

    def all_scanned(output):
        lines = output.decode(errors="surrogateescape").splitlines()
        names = {f"{corpus.folder}/{re.match(r'[^!]*?(?=!|:[0-9]+: |$)', line).group()}" for line in lines}
        missing = injected - names
        assert not missing, sorted(missing)[:5]

    yield duel(
        "scan with gzip and zip content against a Python walk",
        0.12,
        Side("scan", setting.on_corpus("scan", *sample), check=all_scanned, statuses=LEFT),
        Side("python", [sys.executable, "-c", WALK, NEEDLE, *sample], check=all_found),
        setting.rounds,
        floor_side(setting, "decode", *sample),
        f"to decode is most of it. {BEYOND}",
    )


def gzips(setting):
    corpus = setting.corpus
    corpus.reset()
    found = [path for folder in corpus.sample for path in folder.rglob("*.gz")]
    paths = [path for path in found if path.is_file() and not path.is_symlink()]
    listed = corpus.folder / "gzips"
    listed.write_text("".join(f"{path}\n" for path in paths))
    count = len(set(paths) & set(corpus.paths("gzip")))

    def enough(output):
        assert len(output.splitlines()) >= count, len(output.splitlines())

    grep = ["xargs", "-d", "\\n", "rg", "-j2", "-z", "-uuu", "-a", "-lF", NEEDLE]
    yield duel(
        f"scan of {len(paths)} gzip files against rg -z",
        0.06,
        Side("scan", setting.on_corpus("scan", f"--files-from={listed}"), check=enough, statuses=LEFT),
        Side("rg -z", grep, stdin=listed, check=enough, statuses=(0, 123)),
        setting.rounds,
        floor_side(setting, "decode", *paths),
        f"to decode is most of it. {BEYOND} The program's start is felt: a hundred milliseconds are all.",
    )
