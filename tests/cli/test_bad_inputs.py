"""Mutations of every fixture, and of packages, bootstraps, tables and env-files: none crashes or hangs the program,
changes a file that it tells an error of, or writes outside the root.

That nothing is written outside is seen without the sandbox: by a tree of others around the root, and in
a part of the runs by what strace sees of every call that names a file.

A sample of inputs is taken, the same each time. With PATHPATCH_INPUTS=2000 there are that many, in some
minutes: PATHPATCH_INPUTS=2000 ctest --test-dir build/dev -R bad_inputs."""

import json
import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import bad_inputs
import pytest
from faults import folder_in_memory, tell
from patching import BUILD, TEXT, VALUES

COUNT = int(os.environ.get("PATHPATCH_INPUTS", "300"))
SHARES = {"contents": 0.5, "packages": 0.2, "bootstraps": 0.16, "tables": 0.07, "env_files": 0.07}
# Files that one run looks at, where it can; it is a matter of time alone.
BATCH = 25
# One run in so many is traced.
TRACED = 5
CPU_SECONDS = 10
SETS = [f"--set={name}={value}" for name, value in VALUES.items()]
CHANGES = (
    "open,openat,creat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat,link,linkat,"
    "truncate,chmod,fchmodat,chown,lchown,fchownat,utimensat,mknod,mknodat,setxattr,lsetxattr"
)


def describe(folder):
    seen = {}
    for at, folders, names in os.walk(folder):
        for name in [*folders, *names, "."]:
            path = Path(at) / name
            st = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
            seen[str(path)] = (content, st.st_mode, st.st_ino, st.st_mtime_ns, st.st_ctime_ns)
    return seen


class Place:
    """A root among folders that are nobody's business; links in the root lead to them."""

    def __init__(self, folder, kind):
        self.kind = kind
        self.root = folder / "around" / "root"
        self.temporary = folder / "temporary"
        self.input = folder / "input"
        self.out = folder / "out"
        self.around = folder / "around"
        for name in ("before", "behind"):
            (self.around / name).mkdir(parents=True)
            (self.around / name / "a").write_bytes(TEXT)
            (self.around / name / "b.conf").write_bytes(TEXT)
        (self.around / "text").write_bytes(TEXT)
        for each in (self.root, self.temporary, self.input, self.out):
            each.mkdir()
        self.runs = self.traced = 0
        self.log = folder / "trace"

    def new_root(self):
        shutil.rmtree(self.root)
        self.root.mkdir()
        (self.root / "link").symlink_to("../before")
        (self.root / "link-to-a-file").symlink_to("../behind/a")

    def outside(self):
        seen = describe(self.around)
        inside = str(self.root)
        # The folder around gets and loses the root between runs.
        del seen[str(self.around / ".")]
        return {path: what for path, what in seen.items() if not path.startswith(inside)}

    def run(self, *words):
        trace = []
        self.runs += 1
        if self.runs % TRACED == 1:
            self.traced += 1
            trace = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", f"trace={CHANGES}", "-o", self.log]
        done = subprocess.run(
            [*trace, BUILD / "pathpatch", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=900,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5)),
            env={
                "PATH": os.environ["PATH"],
                "TMPDIR": str(self.temporary),
                # Leaks cannot be looked for under strace.
                "ASAN_OPTIONS": f"exitcode=99:detect_leaks={0 if trace else 1}",
            },
        )
        told = done.stdout + done.stderr
        assert done.returncode in (0, 1, 2, 3), (words, done.returncode, told[-4000:])
        assert b"Sanitizer" not in told and b"runtime error" not in told, (words, told[-4000:])
        assert list(self.temporary.iterdir()) == []
        if trace:
            assert strays(self.log.read_text(errors="replace"), self.allowed()) == [], words
        return done

    def allowed(self):
        # tests/coverage counts in files.
        folders = (self.root, self.temporary, self.out, BUILD / "counters")
        return tuple(f"{each}/" for each in folders) + ("/dev/null",)


def strays(log, allowed):
    """Calls that would change a file elsewhere, whether they worked or not."""
    found = []
    for line in log.splitlines():
        call = re.match(r"\d+ +(\w+)\((.*)", line)
        if not call or (call[1].startswith("open") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", line)):
            continue
        if call[1] in ("mkdir", "mkdirat") and "EEXIST" in line:
            continue  # the folders above the state are looked at so
        for folder, path in re.findall(r'(?:(AT_FDCWD<[^>]*>|\d+<[^>]*>), )?"((?:\\.|[^"\\])*)"', call[2]):
            at = os.path.join(folder[folder.find("<") + 1 : -1], path) if folder else path
            if call[1].startswith("symlink") and not folder and call[2].startswith(f'"{path}"'):
                continue  # the target
            if not (os.path.normpath(at) + "/").startswith(allowed) and os.path.normpath(at) not in allowed:
                found.append(line)
    return found


def objects(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def state_of(path):
    st = path.lstat()
    return path.read_bytes(), st.st_mode, st.st_ino, st.st_mtime_ns


def check_contents(place, inputs):
    """scan, lint, apply and restore, of a folder of them."""
    place.new_root()
    folder = place.root / "content"
    folder.mkdir()
    for i, (name, content) in enumerate(inputs):
        (folder / f"{i}-{name}").write_bytes(content)
    before = {path: state_of(path) for path in folder.iterdir()}
    rooted = [f"--root={place.root}", "--json"]

    place.run("scan", *rooted, folder)
    place.run("lint", "--json", folder)
    assert {path: state_of(path) for path in folder.iterdir()} == before

    done = place.run("apply", *rooted, *SETS, folder)
    told = {each["path"]: each for each in objects(done) if each["type"] == "file"}
    assert set(folder.iterdir()) == set(before)
    for path, was in before.items():
        one = told.get(str(path.relative_to(place.root)), {"outcome": "nothing", "error": None})
        if one["error"] is not None or one["outcome"] != "patched":
            assert state_of(path) == was, (path, one)
    place.run("restore", *rooted, *SETS, folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == {path: was[0] for path, was in before.items()}


def check_packages(place, inputs):
    out = place.out / "out.deb"
    place.new_root()
    packages = {place.input / f"{i}-{name}": content for i, (name, content) in enumerate(inputs)}
    for package, content in packages.items():
        package.write_bytes(content)
        for words in ([], ["--relocate"]):
            done = place.run("deb", "--json", *SETS, *words, package, out)
            # What is no whole package makes none.
            assert out.exists() == (done.returncode in (0, 1)), (package, done)
            assert {path.name for path in place.out.iterdir()} <= {"out.deb"}
            out.unlink(missing_ok=True)
    place.run("lint", "--json", place.input)
    place.run("scan", "--json", place.input)
    assert {path: path.read_bytes() for path in place.input.iterdir()} == packages
    shutil.rmtree(place.input)
    place.input.mkdir()


def check_bootstraps(place, inputs):
    for name, content in inputs:
        place.new_root()
        archive = place.input / name
        dest = place.root / VALUES["TERMUX__PREFIX"].lstrip("/")
        dest.parent.mkdir(parents=True)
        archive.write_bytes(content)
        done = place.run("bootstrap", f"--root={place.root}", "--json", *SETS, archive, dest)
        assert dest.exists() == (done.returncode in (0, 1)), (name, done)
        assert set(dest.parent.iterdir()) <= {dest}
        archive.unlink()


def check_words(place, option, inputs):
    """A file of settings, for what changes a root and what looks at it."""
    for name, content in inputs:
        place.new_root()
        path, text = place.input / name, place.root / "text"
        path.write_bytes(content)
        text.write_bytes(TEXT)
        was = state_of(text)
        place.run("scan", f"--root={place.root}", f"{option}={path}", place.root)
        values = SETS[:1] if option == "--table" else []
        done = place.run("apply", f"--root={place.root}", f"{option}={path}", *values, place.root)
        if done.returncode != 0:
            assert state_of(text) == was, (name, done)
        path.unlink()


def check(place, inputs):
    if place.kind == "contents":
        check_contents(place, inputs)
    elif place.kind == "packages":
        check_packages(place, inputs)
    elif place.kind == "bootstraps":
        check_bootstraps(place, inputs)
    else:
        check_words(place, "--table" if place.kind == "tables" else "--env-file", inputs)


def inputs_of(kind):
    sources = list(getattr(bad_inputs, kind)().items())
    for number in range(round(COUNT * SHARES[kind])):
        name, content = sources[number % len(sources)]
        yield name, bad_inputs.mutated(name, content, number)


@pytest.mark.parametrize("kind", SHARES)
def test_bad_inputs(kind, tmp_path, capsys):
    inputs = list(inputs_of(kind))
    with folder_in_memory(tmp_path) as folder:
        place = Place(folder, kind)
        before = place.outside()
        for i in range(0, len(inputs), BATCH):
            batch = inputs[i : i + BATCH]
            try:
                check(place, batch)
                assert place.outside() == before
            except AssertionError as error:
                raise AssertionError(f"inputs {i} to {i + len(batch)} of {kind}: {error}") from error
    tell(capsys, f"{kind}: {len(inputs)} inputs, {place.runs} runs, {place.traced} of them traced")


def test_writes_elsewhere_are_found_out():
    allowed = ("/root/", "/dev/null")
    assert strays('1 openat(AT_FDCWD</x>, "a", O_RDONLY) = 3</x/a>', allowed) == []
    assert strays('1 openat(5</root>, "a", O_RDWR|O_CREAT, 0600) = 3', allowed) == []
    assert strays('1 symlinkat("/elsewhere", 5</root>, "a") = 0', allowed) == []
    assert strays('1 openat(AT_FDCWD</x>, "/dev/null", O_RDWR) = 3', allowed) == []
    for line in (
        '1 openat(AT_FDCWD</x>, "a", O_WRONLY) = 3',
        '1 openat(5</root>, "../a", O_RDWR) = -1 EACCES (Permission denied)',
        '1 renameat(5</root>, "a", 6</x>, "b") = 0',
        '1 unlink("/x/a") = 0',
        '1 symlinkat("/root/a", 5</x>, "a") = 0',
    ):
        assert strays(line, allowed) == [line]
