"""The hand-made fixtures: good ones are patched, the others keep every byte."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
FIXTURES = SOURCE / "fixtures"
sys.path.insert(0, str(FIXTURES))
from generator import termux  # noqa: E402

BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
VALUES = termux.user_values(10)
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def files(kind):
    return sorted(path.name for path in (FIXTURES / kind).iterdir())


def apply(tmp_path, kind, name, status):
    """Patches a copy and returns it. The root is a folder of its own, so the ledger is too."""
    copy = tmp_path / "root" / name
    copy.parent.mkdir()
    shutil.copy2(FIXTURES / kind / name, copy)
    done = subprocess.run(
        [BUILD / "pathpatch", "apply", f"--root={tmp_path / 'root'}", copy]
        + [f"--set={key}={value}" for key, value in VALUES.items()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode in status, done.stdout
    return copy, done.stdout


def patched(content):
    """The oracle: replaces the placeholders in every encoding."""
    for encoding in ("ascii", *WIDE):
        for name, value in VALUES.items():
            content = content.replace(
                termux.padded(name).decode().encode(encoding),
                termux.padded(name, value).decode().encode(encoding),
            )
    return content


@pytest.mark.parametrize("name", files("good"))
def test_good(tmp_path, name):
    before = (FIXTURES / "good" / name).read_bytes()
    copy, _ = apply(tmp_path, "good", name, [0])
    after = copy.read_bytes()
    if name.endswith(".gz"):
        assert gzip.decompress(after) == patched(gzip.decompress(before))
        assert after[:10] == before[:10]
        subprocess.run(["gzip", "--test", copy], check=True)
    else:
        assert after == patched(before)
    assert (after == before) == (name == "good-near-miss.txt")
    assert os.stat(copy).st_mtime_ns == os.stat(FIXTURES / "good" / name).st_mtime_ns


def test_good_header_and_tail_of_gzip(tmp_path):
    copy, _ = apply(tmp_path, "good", "good-name-and-time.gz", [0])
    assert copy.read_bytes()[10:16] == b"app.1\0"
    (tmp_path / "root").rename(tmp_path / "first")
    copy, _ = apply(tmp_path, "good", "good-zero-padded.gz", [0])
    assert copy.read_bytes().endswith(b"\0" * 512)


@pytest.mark.parametrize("name", files("bad"))
def test_bad(tmp_path, name):
    copy, output = apply(tmp_path, "bad", name, [1])
    assert copy.read_bytes() == (FIXTURES / "bad" / name).read_bytes()
    assert name in output


@pytest.mark.parametrize("name", files("unsupported"))
def test_unsupported(tmp_path, name):
    copy, _ = apply(tmp_path, "unsupported", name, [0, 1])
    assert copy.read_bytes() == (FIXTURES / "unsupported" / name).read_bytes()


def test_every_fixture_is_described():
    text = (FIXTURES / "README.md").read_text()
    for kind in ("good", "bad", "unsupported"):
        for name in files(kind):
            assert f"**{kind}/{name}**" in text
