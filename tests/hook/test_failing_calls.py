"""What tests/cli/test_failing_calls.py does, for what asks dpkg and reads its database: whichever call fails, what
can be seen of it is right, and once more brings it to the same end."""

import gzip
import sys

import pytest
from conftest import AS_ROOT, BUILD, CHANGED, PATCHED, PREFIX, SHIPPED, SOURCE, VALUES, Entry, app, conffile_of, opted_in

sys.path.insert(0, str(SOURCE / "tests" / "cli"))
from failing_calls import Command  # noqa: E402
from faults import tell  # noqa: E402


def installed_only(root):
    """dpkg has unpacked it all, and the hook has still to come."""
    root.fail_handler(True)
    root.install(opted_in(), app("other", conffile=CHANGED), fails=True)
    root.fail_handler(False)


def patched_before(root):
    """It was patched where dpkg's database was not to be found: the rows have no package, and no MD5."""
    package = opted_in()
    package.entries.append(Entry(f"{PREFIX}/share/app/doc.gz", content=gzip.compress(SHIPPED, mtime=0)))
    root.fail_handler(True)
    root.install(package, fails=True)
    root.fail_handler(False)
    away = root.admindir.rename(root.folder / "away")
    state = f"--state={root.admindir.parent}/pathpatch"
    done = root.run(BUILD / "pathpatch", "apply", f"--root={root.path}", state, root.path / PREFIX)
    assert done.returncode == 0, done.stdout
    away.rename(root.admindir)


def installed(root):
    root.install(opted_in(), app("other", conffile=CHANGED))


def moved(root):
    installed(root)
    root.pathpatch("apply", f"--set=TERMUX__HOME={VALUES['TERMUX__HOME']}/moved", "--revalue", root.path)


def changed(root):
    """One is upgraded, one is gone but for its conffile, one altogether, one is edited."""
    root.install(*(opted_in(name) for name in ("app", "removed", "purged", "edited")))
    root.write(conffile_of("edited"), b"by hand " + PATCHED)
    root.fail_handler(True)
    root.install(opted_in(version="2", conffile=CHANGED, data=CHANGED), fails=True)
    root.dpkg("--remove", "removed")
    root.dpkg("--purge", "purged")
    root.fail_handler(False)


# What is there before, and the command.
COMMANDS = {
    "configure": (installed_only, ["dpkg", "configure"]),
    "configure after other changes": (changed, ["dpkg", "configure"]),
    "configure after a run without dpkg": (patched_before, ["dpkg", "configure"]),
    "trigger": (installed_only, ["dpkg", "trigger"]),
    "prepare": (moved, ["dpkg", "prepare", "app"]),
    "restore": (moved, ["restore", "--package", "app"]),
    "verify": (installed, ["verify"]),
    "status": (moved, ["status"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_call(name, root, scratch, capsys):
    prepare, words = COMMANDS[name]
    prepare(root)
    here = scratch / "here"
    jobs = [] if name in ("verify", "status") else ["--jobs=1"]
    where = [f"--root={here}", f"--admindir={here}/var/lib/dpkg", *jobs]
    # A trigger looks at what has changed, and a file that could not be read has not.
    again = ["dpkg", "configure" if words[1] == "trigger" else words[1], *words[2:], *where] if words[0] == "dpkg" else None
    command = Command(
        scratch, [*words, *where], root.path, environment=root.environment, before=AS_ROOT, tries_again=again
    )
    wrong, count = command.sweep(6)
    tell(capsys, f"{name}: {count} of {len(command.calls)} calls fail")
    assert not wrong, "\n\n".join(wrong)
