"""The matching rules on random texts, against another statement of them (matching.py): what is
written, that a second run writes nothing, with the ledger and without, and that restore gives back
what was shipped."""

import gzip
import os
import random
import shutil

import pytest
from matching import Rules
from trees import WIDE, describe, run, write

# Defaults that begin as another one, or end as another one; and values that look like them.
STEMS = (b"/a", b"/a/b", b"/a/c", b"/ab", b"/a/b/c", b"/b")
VALUES = (b"/", b"/a", b"/b", b"/c", b"/x", b"/x/a", b"/a/x", b"/b/c", b"/x/y", b"/bcd", b"/xyzw", "/x/é".encode())
BUFFER = 256 << 10  # so many bytes are looked at at once


def random_rules(random):
    few = random.random() < 0.5
    table = set()
    while len(table) < random.choice((1, 2, 2, 3, 4)):
        stem = random.choice(STEMS)
        table.add((stem, len(stem) + (random.randrange(1, 6) if few else random.randrange(16, 24))))
    table = sorted(table)
    random.shuffle(table)
    values = []
    for default, length in table:
        fitting = [value for value in VALUES if len(value) <= length]
        values.append(default if random.random() < 0.25 else random.choice(fitting))
    return Rules(table, values)


def random_piece(random, rules):
    find = random.choice(rules.finds)
    kind = random.random()
    if kind < 0.5:
        return find
    if kind < 0.6:
        return find[:-1]
    if kind < 0.65:
        return find[1:]
    if kind < 0.7:
        return random.choice(rules.puts)
    if kind < 0.8:
        return b"/" * random.randrange(1, 2 + random.choice((3, len(find))))
    return random.choice((*STEMS, b"a", b"a/b", b"b/", b"x", b"c", b"\0", b".", b"=", b"\n"))


def wide(piece, encoding):
    return piece.decode(errors="ignore").encode(encoding)


def random_text(random, rules):
    encodings = random.choice((("utf-8",), ("utf-8",), *[(each,) for each in WIDE], ("utf-8", *WIDE)))
    pieces = [
        wide(random_piece(random, rules), random.choice(encodings)) for _ in range(random.randrange(1, 12))
    ]
    return bytes(random.randrange(3)) + b"".join(pieces)


class Tree:
    """Random texts as files, at every place of the buffers, in gzip, and as symlinks."""

    def __init__(self, random, rules):
        self.rules = rules
        self.files = {}
        self.links = {}
        for at in range(24):
            self.files[f"plain-{at}"] = random_text(random, rules)
            self.files[f"packed-{at}.gz"] = random_text(random, rules)
        for at in range(3):
            text = random_text(random, rules)
            before = BUFFER * random.choice((1, 1, 2)) - random.randrange(len(text) + 300)
            self.files[f"long-{at}"] = b"." * before + text
            self.files[f"long-{at}.gz"] = b"." * before + text + b"." * random.randrange(2) * BUFFER
        for at in range(4):
            target = b"".join(random_piece(random, rules) for _ in range(6)).replace(b"\0", b"")
            self.links[f"link-{at}"] = b"../" + target

    def write(self, root):
        root.mkdir()
        for name, text in self.files.items():
            write(root / name, gzip.compress(text, mtime=0) if name.endswith(".gz") else text)
        for name, target in self.links.items():
            os.symlink(target, os.fsencode(root / name))

    def check(self, root):
        for name, text in self.files.items():
            content = (root / name).read_bytes()
            if name.endswith(".gz"):
                content = gzip.decompress(content)
            assert content == self.rules.patched(text), (name, text)
        for name, target in self.links.items():
            assert os.readlink(os.fsencode(root / name)) == self.rules.patched(target)


def words_of(rules, folder):
    table = folder / "table.ini"
    lines = ["[table]", "name = t", "state = /state", "admindir = /dpkg"]
    words = [f"--table={table}", "--any-bytes"]
    for i, ((default, length), value) in enumerate(zip(rules.table, rules.values)):
        lines += [f"[P{i}]", f"default = {default.decode()}", f"length = {length}", f"env = P{i}"]
        words.append(f"--set=P{i}={value.decode()}")
    table.write_text("\n".join(lines) + "\n")
    return words


def contents(root):
    return {name: seen[0] for name, seen in describe(root).items() if not name.startswith(b"state")}


def apply_again(tmp_path, root, words, status=0):
    """To a copy that no ledger knows."""
    again = tmp_path / "again"
    shutil.copytree(root, again, symlinks=True, ignore=shutil.ignore_patterns("state"))
    run("apply", again, again, *words, status=status)
    assert contents(again) == contents(root)


@pytest.mark.parametrize("seed", range(30))
def test_random_texts(tmp_path, seed):
    spot = random.Random(seed)
    rules = random_rules(spot)
    while rules.is_refused():
        rules = random_rules(spot)
    words = words_of(rules, tmp_path)
    root = tmp_path / "root"
    tree = Tree(spot, rules)
    tree.write(root)
    shipped = contents(root)
    # Wide text is left, and told, where a value is not ASCII.
    status = None if any(not value.isascii() for value in rules.values) else 0
    run("apply", root, root, *words, status=status)
    tree.check(root)
    patched = contents(root)
    run("apply", root, root, *words, status=status)
    assert contents(root) == patched
    apply_again(tmp_path, root, words, status)
    run("restore", root, root, words[0])
    assert contents(root) == shipped


def test_root_behind_a_cut_placeholder(tmp_path):
    """What is written for the root does not fill up the padding of what stands before it."""
    rules = Rules([(b"/a/lib", 80), (b"/a/files", 45)], [b"/x/lib", b"/"])
    words = words_of(rules, tmp_path)
    root = tmp_path / "root"
    root.mkdir()
    texts = {str(cut): rules.finds[0][:-cut] + rules.finds[1] + b"x" for cut in range(1, 80)}
    for name, text in texts.items():
        write(root / name, text)
    run("apply", root, root, *words)
    for name, text in texts.items():
        assert (root / name).read_bytes() == rules.patched(text)
    apply_again(tmp_path, root, words)


def test_refused_values(tmp_path):
    """Those, and only those, that could form a placeholder with what stands beside them."""
    spot = random.Random(1)
    refused = 0
    for _ in range(150):
        rules = random_rules(spot)
        words = words_of(rules, tmp_path)
        done = run("scan", tmp_path, tmp_path, *words, status=None)
        assert done.returncode == (2 if rules.is_refused() else 0), (rules.table, rules.values, done.stderr)
        refused += rules.is_refused()
    assert 20 < refused < 130
