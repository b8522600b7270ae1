"""A file system may give less than it is asked for, and a signal may come first: no file is shorter for
that, or taken for another kind."""

from random import Random

import pytest
from faults import build_preload, preloading
from random_trees import RandomTree
from trees import TEXT, apply, patched, run, write


@pytest.fixture
def shim(tmp_path):
    return preloading(build_preload(tmp_path, "short_reads"))


@pytest.mark.parametrize("seed", range(4))
def test_random_trees(tmp_path, shim, seed):
    root = tmp_path / "root"
    tree = RandomTree(Random(seed), root, 60)
    calm = run("scan", root, root, "--json", "--memory=600M")
    done = run("scan", root, root, "--json", "--memory=600M", prefix=shim)
    # The summary tells the seconds.
    assert done.stdout.splitlines()[:-1] == calm.stdout.splitlines()[:-1]
    apply(root, "--memory=600M", prefix=shim)
    tree.check()
    run("verify", root, prefix=shim)


@pytest.mark.parametrize("length", [90, 5000, 200_000, 256 << 10, 600_000])
def test_at_the_end_of_a_file(tmp_path, shim, length):
    root = tmp_path / "root"
    content = b"." * length + TEXT
    file = write(root / "file", content)
    apply(root, prefix=shim)
    assert file.read_bytes() == patched(content) != content


def test_standard_input(tmp_path, shim):
    content = b"." * 300_000 + TEXT
    calm = run("scan", tmp_path, "-", stdin=content)
    assert calm.stdout.count(b"TERMUX__PREFIX") == 1
    done = run("scan", tmp_path, "-", stdin=content, prefix=shim)
    assert done.stdout.splitlines()[:-1] == calm.stdout.splitlines()[:-1]
