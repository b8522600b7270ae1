"""Restore gives back what was shipped, byte for byte; so do the default values."""

import json
import os
import subprocess

import pytest
from shipped_trees import (
    DEFAULTS,
    DOWNLOADS,
    LONG_VALUES,
    SOURCE,
    VALUES,
    copy_tree,
    decoded,
    describe,
    describe_state,
    differences,
    environment,
    padded,
    run,
    set_times,
    sets,
    termux,
    write,
    write_oddities,
    write_packages,
)

PACKAGES = ("bash-completion", "file", "hostname", "less", "logrotate", "nano", "netbase", "tree")
NOTHING = ([], [], [0, 0, 0, 0], [])


class Device:
    """A tree as shipped, a copy that is worked on, and the state beside it."""

    def __init__(self, folder, fill):
        self.shipped = folder / "shipped"
        self.shipped.mkdir()
        fill(self.shipped)
        set_times(self.shipped)
        self.before = describe(self.shipped)
        self.root = folder / "root"
        self.state = folder / "state"
        copy_tree(self.shipped, self.root)

    def run(self, command, *words, **options):
        return run(
            command, f"--root={self.root}", f"--state={self.state}", *words, cwd=self.root, **options
        )

    def apply(self, values, *words, **options):
        return self.run("apply", *sets(values), *words, ".", **options)

    def restore(self, *words, **options):
        return self.run("restore", *words, **options)

    def changes(self):
        return differences(self.before, describe(self.root))


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    def fill(root):
        write_packages(PACKAGES, root)
        write_oddities(root)

    return Device(tmp_path_factory.mktemp("packages"), fill)


@pytest.fixture
def real(packages):
    """Real packages; other tests may have left anything in the copy."""
    copy_tree(packages.shipped, packages.root)
    for path in packages.state.glob("**/*"):
        if path.is_file():
            path.unlink()
    return packages


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path, write_oddities)


def patched_count(device, values):
    """Every placeholder is gone where it may go; checked with Python's own decoders."""
    count = 0
    for name, told in device.changes().items():
        path = device.root / name
        if path.is_symlink():
            assert not termux.held(os.readlink(path).encode())
        elif path.suffix in (".gz", ".xz", ".bz2", "") and ".tar" not in path.suffixes:
            shipped = decoded(device.shipped, name)
            assert decoded(device.root, name) == patched(shipped, values), name
        assert told[0][:3] == told[1][:3], name
        count += 1
    return count


def patched(data, values):
    for encoding in ("ascii", "utf-16-le", "utf-32-be"):
        for name, value in values.items():
            data = data.replace(
                padded(name).decode().encode(encoding),
                termux.padded(name, value).decode().encode(encoding),
            )
    return data


@pytest.mark.parametrize("words", [(), ("--replace",)])
def test_apply_and_restore(real, words):
    real.apply(VALUES, *words)
    assert len(real.changes()) > 100
    real.restore(".", *words)
    assert real.changes() == {}
    assert describe_state(real.state)[:4] == NOTHING


def test_new_values_defaults_restore(real):
    real.apply(VALUES)
    count = len(real.changes())
    assert count > 100
    real.apply(LONG_VALUES, "--revalue")
    assert len(real.changes()) == count
    real.apply(VALUES, "--revalue")
    assert len(real.changes()) == count
    real.apply(DEFAULTS, "--revalue")
    assert real.changes() == {}
    real.restore(".")
    assert real.changes() == {}
    assert describe_state(real.state)[:4] == NOTHING


def test_bench_of_real_packages(tmp_path):
    """tests/bench/restore, which takes all packages of tests/bench/packages, with some."""
    names = ("ed", "less", "libcommons-cli-java", "netbase")
    done = subprocess.run(
        [SOURCE / "tests/bench/restore", f"--folder={tmp_path}", f"--downloads={DOWNLOADS}", "--packages", *names],
        env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("restore") == 2 and "WRONG" not in done.stdout


def test_new_values_are_written_everywhere(device):
    device.apply(VALUES)
    count = patched_count(device, VALUES)
    assert count > 15
    device.apply(LONG_VALUES, "--revalue")
    assert patched_count(device, LONG_VALUES) == count
    assert VALUES["TERMUX__PREFIX"].encode() not in b"".join(
        path.read_bytes() for path in (device.root / "odd").iterdir() if path.is_file()
    )


def test_restore_of_new_values(device):
    device.apply(VALUES)
    device.apply(LONG_VALUES, "--revalue")
    device.restore(".")
    assert device.changes() == {}


def test_one_path_and_what_is_below_it(device):
    device.apply(VALUES)
    all_changes = set(device.changes())
    done = device.restore("odd/a.xz", "odd/other", "odd/link")
    # Other names of the same files go with them.
    restored = {"odd/a.xz", "odd/link", "odd/other/two", "odd/one", "odd/other/two.gz", "odd/one.gz"}
    assert set(device.changes()) == all_changes - restored
    assert set(done.stdout.splitlines()[:-1]) == {f"{name}: restored" for name in restored}
    device.restore(".")
    assert device.changes() == {}


def test_dry_run(device):
    device.apply(VALUES)
    before, state = describe(device.root), describe_state(device.state)
    done = device.restore(".", "--dry-run")
    assert "would be restored" in done.stdout
    assert describe(device.root) == before and describe_state(device.state) == state


def test_edited_file_is_left(device):
    device.apply(VALUES)
    (device.root / "odd/plain").write_bytes(b"mine\n" + padded("TERMUX__PREFIX", VALUES))
    (device.root / "odd/a.gone").write_bytes(b"")
    (device.root / "odd/special").unlink()
    done = device.restore(".", "--json", status=1)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    left = {t["path"]: t["error"] for t in told if t.get("outcome") == "left"}
    assert left.keys() == {"odd/plain", "odd/special"} and all(left.values())
    assert told[-1]["left"] == 2 and told[-1]["restored"] == len(told) - 3
    assert set(device.changes()) == {"odd", "odd/plain", "odd/special", "odd/a.gone"}
    assert [row[1] for row in describe_state(device.state)[0]] == ["plain", "special"]


def test_file_that_is_shipped_again(device):
    """By a package manager that knows nothing of us: it is what restore would make of it."""
    device.apply(VALUES)
    os.unlink(device.root / "odd/plain")
    write(device.root / "odd/plain", (device.shipped / "odd/plain").read_bytes())
    device.restore(".")
    assert set(device.changes()) <= {"odd"}


def test_nothing_recorded(device):
    done = device.restore(".")
    assert done.stdout.startswith("0 files restored")
    assert device.changes() == {}


def test_a_package_or_a_path_that_is_not_there(device):
    done = device.restore("--package", "none", status=2)
    assert "--package none: there is no such package" in done.stderr
    done = device.restore("none", status=1)
    assert "pathpatch: none: nothing is recorded of it, and" in done.stderr and "1 could not be" in done.stdout
    # One that is there, and one that is recorded alone.
    device.restore(".", "etc")
    assert device.changes() == {}


def test_help_and_mistakes(device, tmp_path):
    assert "--conffiles" in device.restore("--help").stdout
    device.restore(status=2)
    device.restore("--nonsense", ".", status=2)
    done = run("restore", f"--root={device.root}", tmp_path, status=2)
    assert "outside the root" in done.stderr


def test_apply_after_restore_patches_again(device):
    device.apply(VALUES)
    first = describe(device.root)
    device.restore(".")
    device.run("apply", ".")
    assert describe(device.root) == first
