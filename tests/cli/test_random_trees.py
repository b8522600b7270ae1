"""Random trees against a model: see random_trees.py."""

from random import Random

import pytest
from random_trees import RandomTree
from trees import apply, describe, files_of, objects, run


@pytest.mark.parametrize("seed", range(12))
def test_apply(tmp_path, seed):
    random = Random(seed)
    root = tmp_path / "root"
    tree = RandomTree(random, root, 80)
    # What fits does not depend on the jobs: zstd in zstd in zstd in zstd needs it all.
    words = ["--json", f"--jobs={random.choice((1, 2, 4, 8))}", "--memory=600M"]
    ways = random.choice(([], [], ["--replace"], ["--durability=none"]))

    dry = apply(root, *words, "--dry-run")
    done = apply(root, *words, *ways)

    tree.check()
    said = {path for path, each in files_of(done).items() if each["outcome"] == "patched"}
    assert said == tree.patched_paths()
    assert files_of(dry) == files_of(done)
    assert objects(done)[-1]["left"] == 0

    run("verify", root)
    before = describe(root)
    again = apply(root, *words)
    assert objects(again)[-1]["patched"] == 0
    assert describe(root) == before
