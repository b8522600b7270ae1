"""A placeholder whose value is another after each update of the app: the native library directory, to
which symlinks lead. A new value needs no --revalue, costs no look at other files, and no link is followed."""

import os
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from bootstrap_trees import Device, File, Link, padded, write_zip
from generator import termux
from trees import BUILD, TEXT, describe, patched, run, write

NATIVE = "TERMUX_APP__NATIVE_LIB_DIR"
DATA = "--set=TERMUX_APP__DATA_DIR=" + termux.user_values(10)["TERMUX_APP__DATA_DIR"]
REFUSED = 2
LINK_COUNT = 5000
MEMORY = Path("/dev/shm")


@pytest.fixture
def root():
    """In memory where there is such a folder: thousands of links are written."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def installed(root, update):
    """A native library directory as Android makes one at an update, with a library in it."""
    folder = f"/data/app/~~{update:A<22}==/com.termux-{update:B<22}==/lib/arm64"
    write(root / folder.lstrip("/") / "libtool.so", b"\x7fELF" + TEXT)
    (root / folder.lstrip("/")).chmod(0o555)
    return folder


def target(folder, name):
    return (termux.padded(NATIVE, folder) + b"/" + name.encode()).decode()


def lay(root, link_count, file_count):
    links = [root / f"usr/libexec/{number}" for number in range(link_count)]
    links[0].parent.mkdir(parents=True)
    for link in links:
        link.symlink_to(padded(NATIVE).decode() + f"/{link.name}")
    return links, [write(root / f"usr/etc/{number}", TEXT) for number in range(file_count)]


def update(root, folder, *words, **options):
    return run("apply", root, DATA, f"--set={NATIVE}={folder}", "--quiet", *words, root / "usr", **options)


def leads_to(links, folder):
    return all(os.readlink(link) == target(folder, link.name) for link in links)


def test_links_follow_an_update(root):
    links, (file,) = lay(root, 3, 1)
    links[2].unlink()
    links[2].symlink_to(target(None, "libtool.so"))
    links[2].rename(links[2].with_name("libtool.so"))
    links[2] = links[2].with_name("libtool.so")
    first, second = installed(root, "first"), installed(root, "second")
    libraries = describe(root / "data/app")
    update(root, first)
    assert leads_to(links, first) and file.read_bytes() == patched(TEXT)
    before = file.lstat()
    update(root, second)
    assert leads_to(links, second)
    after = file.lstat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    assert describe(root / "data/app") == libraries
    # What was recorded holds where nothing else is said, and restore leads back.
    assert b" 0 patched" in run("apply", root, DATA, root / "usr").stdout
    run("restore", root, root)
    assert leads_to(links, None) and file.read_bytes() == TEXT


def test_other_values_still_need_revalue(root):
    links, _ = lay(root, 1, 1)
    first, second = installed(root, "first"), installed(root, "second")
    update(root, first)
    done = update(root, second, "--set=TERMUX__HOME=/elsewhere", status=REFUSED)
    assert b"TERMUX__HOME" in done.stderr and b"--revalue" in done.stderr
    assert leads_to(links, first)


def test_an_update_costs_some_calls_a_link_and_none_a_file(root):
    links, files = lay(root, LINK_COUNT, 300)
    update(root, installed(root, "first"))
    second = installed(root, "second")
    log = root / "log"
    update(root, second, prefix=["strace", "-f", "-e", "trace=%file,%desc", "-o", log], environment={"ASAN_OPTIONS": "detect_leaks=0"})
    assert leads_to(links, second)
    lines = log.read_text(errors="replace").splitlines()
    calls = Counter(found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line)))
    assert (calls["symlinkat"], calls["renameat"]) == (LINK_COUNT, LINK_COUNT + 1)  # and STATE/values
    assert sum(calls[name] for name in ("syncfs", "fsync", "fdatasync")) < 40
    assert sum(calls[name] for name in calls if name != "mmap") < 20 * LINK_COUNT
    written = [line for line in lines if "O_WRONLY" in line or "O_RDWR" in line]
    assert not any(f'"{file.name}"' in line for line in written for file in files)
    assert not any("libtool.so" in line for line in lines)


def test_a_bootstrap_and_the_next_update(root):
    device = Device(root)
    links = {f"bin/{number}": Link(padded(NATIVE).decode() + f"/{number}") for number in range(3)}
    archive = write_zip(root / "a.zip", {"etc/a": File(TEXT), **links})
    first, second = installed(device.root, "first"), installed(device.root, "second")
    device.bootstrap(archive, f"--set={NATIVE}={first}")
    made = [device.dest / name for name in links]
    assert leads_to(made, first)
    # In the env-file it would soon be wrong.
    env_file = device.dest / "var/lib/pathpatch/environment"
    assert NATIVE not in env_file.read_text()
    device.pathpatch("apply", device.dest, f"--env-file={env_file}", f"--set={NATIVE}={second}")
    assert leads_to(made, second)
    device.pathpatch("apply", device.dest, f"--env-file={env_file}")
    assert leads_to(made, second)


@pytest.mark.parametrize("there", [True, False])
def test_the_hook_believes_a_directory_that_is_there(root, there):
    """dpkg runs in a shell that the app started after its update, or in one from before it."""
    device = Device(root)
    admindir = "var/lib/dpkg"
    stanza = b"Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nDescription: a\n\n"
    entries = {
        f"{admindir}/status": File(stanza.replace(b"\nVersion", b"\nMaintainer: n <n@localhost>\nVersion")),
        f"{admindir}/info/a.list": File(b"/.\n"),
        "bin/a": Link(padded(NATIVE).decode() + "/a"),
    }
    first = installed(device.root, "first")
    device.bootstrap(write_zip(root / "a.zip", entries), f"--set={NATIVE}={first}")
    second = installed(device.root, "second") if there else "/data/app/gone/lib/arm64"
    subprocess.run(
        [BUILD / "pathpatch", "dpkg", "trigger", f"--root={device.root}", f"--admindir={device.dest / admindir}"],
        env={**device.environment, NATIVE: second},
        check=True,
        capture_output=True,
    )
    assert leads_to([device.dest / "bin/a"], second if there else first)
