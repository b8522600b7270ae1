"""A file that is patched again: with a table that knows more, or after somebody wrote to it. Its row
holds what the runs before wrote as well, so that restore gives back what was shipped."""

import gzip
import os
import sqlite3
from contextlib import closing

import pytest
from shipped_trees import describe, differences, run, tarred, write

LENGTHS = {"A": 60, "B": 70, "C": 64}
VALUES = {"A": "/data/user/10/a", "B": "/mnt/expand/0123/b", "C": "/c"}


def default(name):
    return f"/srv/{name.lower()}/dir"


def shipped(name):
    return default(name).ljust(LENGTHS[name], "/").encode()


def patched(name):
    return VALUES[name].ljust(LENGTHS[name], "/").encode()


class Root:
    def __init__(self, folder):
        self.folder, self.path, self.state = folder, folder / "root", folder / "state"
        self.path.mkdir()

    def run(self, command, names, *words, **options):
        table = self.folder / f"{names}.ini"
        table.write_text(
            f"[table]\nname = {names}\nstate = /state\nadmindir = /dpkg\n"
            + "".join(f"[{n}]\ndefault = {default(n)}\nlength = {LENGTHS[n]}\n" for n in names)
        )
        return run(
            command, f"--root={self.path}", f"--state={self.state}", f"--table={table}",
            *words, cwd=self.path, **options,
        )  # fmt: skip

    def apply(self, names, *words, **options):
        sets = [f"--set={name}={VALUES[name]}" for name in names]
        return self.run("apply", names, *sets, *words, ".", **options)

    def write(self, path, content):
        return write(self.path / path, content)

    def append(self, path, content):
        with open(self.path / path, "ab") as file:
            file.write(content)

    def rows(self):
        ledger = sqlite3.connect(f"file:{self.state}/ledger.db?mode=ro", uri=True)
        with closing(ledger):
            return ledger.execute("SELECT count(*) FROM file").fetchone()[0]


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path)


TEXT = b"a=" + shipped("A") + b"\nb=" + shipped("B") + b"\na=" + shipped("A") + b"/x\n"


def write_all(root):
    """A file of every kind, all of which hold A and B."""
    root.write("plain", TEXT)
    root.write("linked", b"linked " + TEXT)
    os.link(root.path / "linked", root.path / "another")
    root.write("text.gz", gzip.compress(TEXT, mtime=0))
    # A stands in plain bytes, B in a compressed member, and the other way round.
    root.write("one.tar", tarred({"a": shipped("A"), "b.gz": gzip.compress(shipped("B"), mtime=0)}))
    root.write("two.tar", tarred({"a.gz": gzip.compress(shipped("A"), mtime=0), "b": shipped("B")}))
    os.symlink(shipped("A") + b"x" + shipped("B"), root.path / "link")


@pytest.mark.parametrize("words", [(), ("--replace",)])
def test_a_table_that_knows_more(root, words):
    write_all(root)
    before = describe(root.path)
    root.apply("A", *words)
    root.apply("AB", *words)
    for text in (root.path / "plain").read_bytes(), gzip.decompress((root.path / "text.gz").read_bytes()):
        assert text == TEXT.replace(shipped("A"), patched("A")).replace(shipped("B"), patched("B"))
    assert os.readlink(root.path / "link").encode() == patched("A") + b"x" + patched("B")
    done = root.run("restore", "AB", ".")
    assert differences(before, describe(root.path)) == {}, done.stdout + done.stderr
    assert root.rows() == 0


def test_new_values_of_a_file_that_was_patched_twice(root):
    write_all(root)
    before = describe(root.path)
    root.apply("A")
    root.apply("AB")
    root.run("apply", "AB", "--set=A=/new/a", "--set=B=/new/b", "--revalue", ".")
    text = (root.path / "plain").read_bytes()
    assert text.count(b"/new/a//") == 2 and text.count(b"/new/b//") == 1
    root.run("restore", "AB", ".")
    assert differences(before, describe(root.path)) == {}


def test_a_name_that_came_later(root):
    """The row is that of another name of the inode, which sorts behind."""
    root.write("z", TEXT)
    root.apply("AB")
    os.link(root.path / "z", root.path / "a")
    root.append("a", shipped("B"))
    root.apply("AB")
    assert root.rows() == 2
    root.run("restore", "AB", ".")
    assert (root.path / "z").read_bytes() == TEXT + shipped("B")
    assert (root.path / "z").stat().st_ino == (root.path / "a").stat().st_ino


def test_a_table_that_does_not_know_what_was_written(root):
    """A row has one set of values: the file is left rather than forgotten in part."""
    root.write("plain", TEXT)
    root.apply("A")
    done = root.apply("B", status=1)
    assert "A" in done.stderr and "table" in done.stderr
    assert (root.path / "plain").read_bytes() == TEXT.replace(shipped("A"), patched("A"))
    root.apply("AB")
    root.run("restore", "AB", ".")
    assert (root.path / "plain").read_bytes() == TEXT


@pytest.mark.parametrize("where", ["end", "head"])
def test_a_placeholder_that_somebody_wrote(root, where):
    """What was shipped with those bytes is unknown: they are taken for shipped, as they were written."""
    more = b"mine=" + shipped("B") + b"\n"
    root.write("plain", TEXT)
    root.apply("AB")
    if where == "end":
        root.append("plain", more)
    else:
        root.write("plain", more + (root.path / "plain").read_bytes())
    done = root.apply("AB")
    assert "plain: " in done.stdout and done.stdout.count("plain") == 1
    text = (root.path / "plain").read_bytes()
    assert shipped("A") not in text and shipped("B") not in text
    root.run("restore", "AB", ".")
    expected = TEXT + more if where == "end" else more + TEXT
    assert (root.path / "plain").read_bytes() == expected
    assert root.rows() == 0


def test_a_placeholder_in_a_compressed_file_that_somebody_wrote(root):
    root.write("text.gz", gzip.compress(TEXT, mtime=0))
    root.apply("AB")
    text = gzip.decompress((root.path / "text.gz").read_bytes())
    root.write("text.gz", gzip.compress(text + shipped("B"), mtime=0))
    root.apply("AB")
    root.run("restore", "AB", ".")
    assert gzip.decompress((root.path / "text.gz").read_bytes()) == TEXT + shipped("B")


def test_a_link_that_somebody_made(root):
    os.symlink(shipped("A"), root.path / "link")
    root.apply("AB")
    os.unlink(root.path / "link")
    os.symlink(shipped("B") + b"mine", root.path / "link")
    root.apply("AB")
    root.run("restore", "AB", ".")
    assert os.readlink(root.path / "link").encode() == shipped("B") + b"mine"


def test_a_new_file_in_the_place_of_the_old_one(root):
    """An upgrade by somebody who knows nothing of us: placeholders may overlap the recorded ones."""
    root.write("plain", TEXT)
    root.write("text.gz", gzip.compress(TEXT, mtime=0))
    root.write("was-plain", TEXT)
    root.apply("AB")
    fresh = {
        "plain": TEXT[7:] + shipped("B"),
        "text.gz": gzip.compress(b"new " + TEXT, mtime=0),
        "was-plain": gzip.compress(TEXT, mtime=0),
    }
    for name, content in fresh.items():
        (root.path / name).unlink()
        root.write(name, content)
    before = describe(root.path)
    root.apply("AB")
    assert differences(before, describe(root.path)).keys() == fresh.keys()
    root.run("restore", "AB", ".")
    assert differences(before, describe(root.path)) == {}
    assert not any((root.state / "pristine").iterdir())


def test_an_edited_file_moves_with_the_values_that_stay(root):
    """B's value is the same before and after: it is recorded all the same."""
    root.write("plain", TEXT)
    root.apply("AB")
    root.append("plain", b"mine\n")
    root.run("apply", "AB", "--set=A=/new/a", f"--set=B={VALUES['B']}", "--revalue", ".")
    assert b"/new/a//" in (root.path / "plain").read_bytes()
    root.run("restore", "AB", ".")
    assert (root.path / "plain").read_bytes() == TEXT + b"mine\n"


def test_dry_run_says_it_and_leaves_it(root):
    root.write("plain", TEXT)
    root.apply("AB")
    root.append("plain", shipped("B"))
    before = describe(root.path)
    done = root.apply("AB", "--dry-run")
    assert "would be patched" in done.stdout
    assert describe(root.path) == before
