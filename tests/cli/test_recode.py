"""The codecs bzip2, xz, lzma and zstd, seen by the real tools and by Python's bz2 and lzma: what the
tools wrote comes out byte for byte when nothing changes, and the tools read what was patched."""

import bz2
import lzma
import os
import subprocess
from pathlib import Path

import pytest

RECODE = Path(os.environ["PATHPATCH_BUILD"]) / "recode"
OLD = b"/opt/placeholder/lib"
SAME = b"/usr/share/other/lib"
NEW = b"/usr/local/lib"
LONG = b"/home/somebody/with/a/long/name/lib"
TEXT = b"".join(b"%d %s/file%d\n" % (i * i, OLD if i % 9 == 0 else b"/usr", i) for i in range(9000))

# Words that leave one thing or another in the file.
TOOLS = {
    "bzip2": ["-1", "-9"],
    "xz": [
        "-0",
        "-3",
        "-6",
        "-6e",
        "-8",
        "-T2",
        "-T2 --block-size=100KiB",
        "--block-size=100KiB",
        "-Csha256",
        "-Cnone",
        "--x86 --lzma2=preset=6,lc=4,pb=0,dict=96KiB",
    ],
    "lzma": ["-1", "-6", "-6e"],
    "zstd": ["-1", "-3", "-19", "--ultra -22", "--no-check", "-"],
}
CASES = [(name, words.split()) for name, lines in TOOLS.items() for words in lines]


def tool(name, words, content, tmp_path):
    """Runs a tool on a file, or in a pipe for the word `-`: zstd then does not know the length."""
    path = tmp_path / "content"
    path.write_bytes(content)
    words = [name, "-q", "-c", *(["-T1"] if words == ["-"] else [*words, path])]
    return subprocess.run(words, input=content, capture_output=True, check=True).stdout


def recode(name, content, *words):
    run = subprocess.run([RECODE, name, *words], input=content, capture_output=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def decode(name, content):
    if name == "bzip2":
        return bz2.decompress(content)
    if name in ("xz", "lzma"):
        return lzma.decompress(content)
    run = subprocess.run(["zstd", "-dqc"], input=content, capture_output=True, check=True)
    return run.stdout


def test_text_has_the_path():
    assert TEXT.count(OLD) == 1000 and len(OLD) == len(SAME)


@pytest.mark.parametrize("name, words", CASES)
def test_unchanged(name, words, tmp_path):
    encoded = tool(name, words, TEXT, tmp_path)
    assert recode(name, encoded) == encoded


@pytest.mark.parametrize("name, words", CASES)
@pytest.mark.parametrize("new", [SAME, NEW, LONG])
def test_patched(name, words, new, tmp_path):
    """What comes out is what the tool itself makes of the patched text."""
    patched = recode(name, tool(name, words, TEXT, tmp_path), OLD, new)
    assert decode(name, patched) == TEXT.replace(OLD, new)
    assert patched == tool(name, words, TEXT.replace(OLD, new), tmp_path)


@pytest.mark.parametrize("name, words", [case for case in CASES if case[0] != "lzma"])
def test_rows(name, words, tmp_path):
    """Several files behind one another, as `cat` joins them."""
    row = b"".join(tool(name, words, part, tmp_path) for part in (TEXT, b"", OLD, TEXT[:70000]))
    text = TEXT + OLD + TEXT[:70000]
    assert recode(name, row) == row
    assert decode(name, recode(name, row, OLD, SAME)) == text.replace(OLD, SAME)
    assert decode(name, recode(name, row, OLD, LONG)) == text.replace(OLD, LONG)


def test_xz_keeps_its_blocks(tmp_path):
    """`xz --list` tells the same of the patched file: streams, blocks, their sizes, checks."""
    content = tool("xz", ["-T2", "--block-size=100KiB", "-Csha256"], TEXT, tmp_path)
    content += bytes(8) + tool("xz", ["--block-size=50KiB", "-2"], TEXT, tmp_path) + bytes(4)
    lists = []
    for content in (content, recode("xz", content, OLD, SAME)):
        (tmp_path / "list.xz").write_bytes(content)
        words = ["xz", "--robot", "--list", "-vv", tmp_path / "list.xz"]
        lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        # Offsets, compressed sizes and checksums differ; padding, text sizes and headers do not.
        rows = [line.split("\t") for line in lines.splitlines()]
        lists.append(
            [(r[1:3], r[4], r[6], r[8:]) for r in rows if r[0] == "stream"]
            + [(r[1:4], r[5], r[7], r[9], r[11:13], r[14:]) for r in rows if r[0] == "block"]
        )
    assert lists[0] == lists[1] and len(lists[0]) > 5


def test_zstd_keeps_skippable_frames():
    skippable = b"\x53\x2a\x4d\x18\x05\0\0\0seeks"
    frame = subprocess.run(["zstd", "-qc"], input=TEXT, capture_output=True, check=True).stdout
    patched = recode("zstd", skippable + frame + skippable, OLD, LONG)
    assert patched.startswith(skippable) and patched.endswith(skippable)
    assert decode("zstd", patched) == TEXT.replace(OLD, LONG)
