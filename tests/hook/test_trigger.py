"""When the handler runs, and what happens when it fails."""

import fcntl
import re
import subprocess
from collections import Counter

from conftest import (
    AS_ROOT,
    BUILD,
    CHANGED,
    CHANGED_PATCHED,
    PATCHED,
    SHIPPED,
    app,
    conffile_of,
    data_of,
    opted_in,
    packages,
)


def chain(length, **fields):
    """Packages that each depend on the one before."""
    return [
        opted_in(f"app{i}", Depends=f"app{i - 1}" if i else "", **fields) for i in range(length)
    ]


def test_chain_of_ten_costs_two_runs_at_most(root):
    root.install(*reversed(chain(10)))
    assert 1 <= root.calls() <= 2
    for i in range(10):
        assert root.read(f"/app{i}.saw") == PATCHED + PATCHED
    root.assert_clean()
    root.install(*chain(10, version="2", conffile=CHANGED))
    assert 1 <= root.calls() <= 2
    for i in range(10):
        assert root.read(f"/app{i}.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()


def test_failed_handler_leaves_packages_unpacked(root):
    root.fail_handler(True)
    root.install(opted_in("one"), opted_in("two"), fails=True)
    for name in ("one", "two"):
        assert root.status(name) == "unpacked"
        assert not root.exists(f"/{name}.saw")
    root.fail_handler(False)
    root.dpkg("--configure", "-a")
    for name in ("pathpatch", "one", "two"):
        assert root.status(name) == "installed"
    for name in ("one", "two"):
        assert root.read(f"/{name}.saw") == PATCHED + PATCHED
    root.assert_clean()


def test_failed_handler_in_an_upgrade(root):
    root.install(opted_in())
    root.fail_handler(True)
    root.install(opted_in(version="2", conffile=CHANGED), fails=True)
    assert root.status("app") == "unpacked"
    assert root.read(conffile_of("app")) == PATCHED
    root.fail_handler(False)
    root.dpkg("--configure", "-a")
    assert root.read("/app.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()


def test_unpack_alone_then_configure(root):
    root.dpkg("--unpack", packages.write(opted_in(), root.debs, "none"))
    root.dpkg("--configure", "-a")
    assert root.read("/app.saw") == PATCHED + PATCHED
    root.assert_clean()


def test_package_that_is_not_patched_runs_nothing(root):
    other = opted_in()
    del other.control["preinst"], other.control["triggers"]
    del other.fields["Dynamic-Variables"]
    root.install(other)
    assert root.calls() == 0


def test_options_that_the_hook_has_no_use_for(root):
    for words in (["--dry-run"], ["--files-from=/dev/null"]):
        output = root.pathpatch("dpkg", "trigger", *words, status=2)
        assert words[0].split("=")[0] in output


def calls_of(root, name):
    """What a trigger with nothing to do asks of the system: how often, by call."""
    log = root.folder / name
    # Who is traced cannot look for leaks.
    root.environment["ASAN_OPTIONS"] = "detect_leaks=0"
    done = root.run(
        "strace", "-ff", "-o", log, "-e", "trace=execve,openat,open,getdents64,getdents",
        BUILD / "pathpatch", "dpkg", "trigger", f"--root={root.path}", f"--admindir={root.admindir}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    logs = list(log.parent.glob(log.name + ".*"))
    found = [re.findall(r"^(\w+)\((?!.*ENOENT)", each.read_text(), re.MULTILINE) for each in logs]
    return Counter(call for calls in found for call in calls), sum(bool(calls) for calls in found)


def test_nothing_to_do_costs_the_same_for_any_number_of_packages(root):
    """One dpkg-query, and no look at what is installed."""
    root.install(opted_in("first"))
    before = calls_of(root, "before")
    assert before[1] == 2
    root.install(*(opted_in(f"app{i}") for i in range(30)))
    assert calls_of(root, "after") == before


def test_what_dpkg_knew_before_another_run_ended_is_old(root):
    """The handler asks beside its other work; where it has to wait for another run, it asks again."""
    plain = app("plain")
    del plain.fields["Dynamic-Variables"]
    root.install(opted_in("first"), plain)
    words = ["dpkg", "trigger", f"--root={root.path}", f"--admindir={root.admindir}"]
    with open(root.admindir.parent / "pathpatch/lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [*AS_ROOT, BUILD / "pathpatch", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=root.environment,
        )
        assert b"waiting for another run" in waiting.stderr.readline()
        status = root.admindir / "status"
        text = status.read_text()
        status.write_text(text.replace("Package: plain\n", "Package: plain\nDynamic-Variables: yes\n"))
    waiting.communicate()
    assert waiting.returncode == 0
    assert root.read(data_of("plain")) == PATCHED


def test_disk_is_waited_for_a_few_times(root):
    """Not for what others have written, and not for each step."""
    root.install(opted_in("first"), opted_in("second"))
    root.write(data_of("second"), SHIPPED)
    (root.admindir / "info/second.list").touch()
    log = root.folder / "syncs"
    root.environment["ASAN_OPTIONS"] = "detect_leaks=0"
    done = root.run(
        "strace", "-f", "-o", log, "-e", "trace=fsync,fdatasync,syncfs,sync",
        BUILD / "pathpatch", "dpkg", "trigger", f"--root={root.path}", f"--admindir={root.admindir}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert root.read(data_of("second")) == PATCHED
    calls = Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))
    # The ledger's are for what is intended, for what was done, and for closing it.
    assert calls["fsync"] >= 1 and calls["syncfs"] == calls["sync"] == 0
    assert calls.total() <= 9, calls
