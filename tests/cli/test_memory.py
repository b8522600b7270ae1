"""How much memory a run takes: plain content, gzip and zip go through in pieces, whatever their size;
for the other codecs --memory is the limit.

PATHPATCH_LARGE=1 takes a GiB, which is the most that is decoded, in place of 300 MB."""

import bz2
import gzip
import lzma
import os
import re
import subprocess
import sys
import zipfile

import pytest
from patching import PLACEHOLDER, SOURCE, TEXT, command_line, patched, run

MIB = 1 << 20
PIECES = 1023 if os.environ.get("PATHPATCH_LARGE") else 300  # of a MiB
LIMIT = 64 * MIB
# What a run takes that has nothing to decode, and room for what an allocator cannot give back.
BESIDE = 24 * MIB

# A process that is started counts the memory of the one that started it as its own until then: a small
# one in between.
SMALL = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL)
print(f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}", file=sys.stderr)
sys.exit(done.returncode)
"""


def peak_of(root, *words, status=0):
    """Bytes that `apply` took at most, and what it said."""
    line = [sys.executable, "-S", "-c", SMALL, *map(str, command_line("apply", root, "--jobs=2", *words))]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    said, peak = re.fullmatch(r"(.*)peak (\d+)\n", done.stderr, re.DOTALL).groups()
    return int(peak) * 1024, said


def piece(number):
    """A MiB: mostly zeros, a bit of text of its own, and a placeholder that moves along."""
    text = b"%d: " % number + PLACEHOLDER + b"/bin\n" + bytes(range(256)) * 8
    return (bytes(number * 977 % (MIB - 8192)) + text).ljust(MIB, b"\0")


def write_pieces(out, count=PIECES):
    for number in range(count):
        out.write(piece(number))


def check_pieces(content, count=PIECES):
    for number in range(count):
        assert content.read(MIB) == patched(piece(number)) != piece(number)
    assert content.read(1) == b""


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_gzip(root):
    with gzip.open(root / "it.gz", "wb", compresslevel=1) as out:
        write_pieces(out)
    peak, _ = peak_of(root)
    with gzip.open(root / "it.gz") as content:
        check_pieces(content)
    assert peak <= LIMIT


@pytest.mark.parametrize(
    "method, count", [(zipfile.ZIP_DEFLATED, PIECES), (zipfile.ZIP_STORED, 100)], ids=["deflated", "stored"]
)
def test_zip(root, method, count):
    with zipfile.ZipFile(root / "it.zip", "w", method, compresslevel=1) as out:
        with out.open("it", "w") as member:
            write_pieces(member, count)
        out.writestr("small", TEXT)
    peak, _ = peak_of(root)
    with zipfile.ZipFile(root / "it.zip") as archive:
        with archive.open("it") as content:
            check_pieces(content, count)
        assert archive.read("small") == patched(TEXT)
    assert peak <= LIMIT


def test_what_is_over_the_limit_does_not_depend_on_jobs(root):
    """Of members that are small enough, the first GiB is looked into; TEXT behind it is not."""
    with zipfile.ZipFile(root / "it.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for i in range(6):
            out.writestr(f"text {i}", TEXT)
            out.writestr(f"zeros {i}", bytes(200 * MIB))
        out.writestr("behind", TEXT)
    before = (root / "it.zip").read_bytes()
    said = [run("scan", root, root, f"--jobs={jobs}") for jobs in (1, 2, 3)]
    found = [done.stdout.splitlines()[:-1] for done in said]
    assert [line.split(":")[0] for line in found[0]] == [f"it.zip!text {i}" for i in range(6) for _ in "12"]
    assert [line.split(":")[1] for line in said[0].stderr.splitlines()] == [" it.zip!zeros 5", " it.zip!behind"]
    assert found[0] == found[1] == found[2]
    assert said[0].stderr == said[1].stderr == said[2].stderr
    assert (root / "it.zip").read_bytes() == before


def test_a_sparse_file(root):
    places = (0, 256 * 1024 - 7, 400 * MIB + 11, (1 << 30) - len(PLACEHOLDER))
    with open(root / "it", "wb") as out:
        for place in places:
            out.seek(place)
            out.write(PLACEHOLDER)
    before = (root / "it").stat()
    peak, _ = peak_of(root)
    after = (root / "it").stat()
    assert (after.st_size, after.st_blocks) == (before.st_size, before.st_blocks) and after.st_size == 1 << 30
    with open(root / "it", "rb") as content:
        for place in places:
            content.seek(place)
            assert content.read(len(PLACEHOLDER)) == patched(PLACEHOLDER)
        content.seek(MIB)
        assert content.read(MIB) == bytes(MIB)
    assert peak <= LIMIT


def zstd(content, *words):
    return subprocess.run(["zstd", "-q", *words], input=content, stdout=subprocess.PIPE, check=True).stdout


BOMBS = {
    "it.bz2": lambda: (SOURCE / "fixtures/bad/bad-bomb.bz2").read_bytes(),
    "it.xz": lambda: lzma.compress(bytes(200 * MIB), preset=0),
    "wide.xz": lambda: lzma.compress(bytes(200 * MIB), preset=6),
    "it.zst": lambda: zstd(bytes(200 * MIB), "-1"),
    "wide.zst": lambda: zstd(bytes(200 * MIB), "-19", "--long=27"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(root, name):
    """The decoder's memory counts, and what it puts out is never kept."""
    content = BOMBS[name]()
    (root / name).write_bytes(content)
    (root / "sound.gz").write_bytes(gzip.compress(TEXT))
    peak, said = peak_of(root, "--memory=32M", status=1)
    assert said.startswith(f"pathpatch: {name}: ") and said.count("\n") == 1
    assert (root / name).read_bytes() == content
    assert gzip.decompress((root / "sound.gz").read_bytes()) == patched(TEXT)
    assert peak <= 32 * MIB + BESIDE


def many(pack):
    """More than fit at once; each alone does."""
    text = b"".join(piece(number) for number in range(9))
    return {f"{i}": pack(text) for i in range(4)}, patched(text)


CODECS = {
    "bz2": (bz2.compress, bz2.decompress, 32),
    "xz": (lambda text: lzma.compress(text, preset=6), lzma.decompress, 128),
    "zst": (lambda text: zstd(text, "-3"), lambda packed: zstd(packed, "-d"), 192),
}


@pytest.mark.parametrize("name", CODECS)
def test_encoders_share_the_memory(root, name):
    pack, unpack, mib = CODECS[name]
    packed, wanted = many(pack)
    for path, content in packed.items():
        (root / path).write_bytes(content)
    peak, said = peak_of(root, f"--memory={mib}M")
    assert said == ""
    for path in packed:
        assert unpack((root / path).read_bytes()) == wanted
    assert peak <= mib * MIB + BESIDE


def test_too_little_memory(root):
    """What cannot be decoded or encoded within it is left, and told."""
    text = piece(1)
    (root / "it.xz").write_bytes(lzma.compress(text, preset=9))
    before = (root / "it.xz").read_bytes()
    peak, said = peak_of(root, "--memory=80M", status=1)
    assert "it.xz" in said and "memory" in said
    assert (root / "it.xz").read_bytes() == before
    assert peak <= 80 * MIB + BESIDE
    assert run("apply", root, "--memory=1G").returncode == 0
    assert lzma.decompress((root / "it.xz").read_bytes()) == patched(text)
