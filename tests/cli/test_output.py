"""What commands print: the same fields in every command's JSON; colours and progress on a terminal, in order."""

import fcntl
import gzip
import json
import os
import pty
import re
import shutil
import subprocess
import threading
import time

import debs
import pytest
from trees import BUILD, SETS, STATE, TEXT, VALUES, apply, objects, padded, run, write

FILE = {"type", "path", "outcome", "hits", "problems", "error"}
SUMMARY = {"type", "command", "files", "dry_run", "seconds"}


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    for name in ("a", "b", "c"):
        write(root / name, TEXT)
    write(root / "cut.gz", gzip.compress(TEXT)[:-4])
    return root


def deb(folder):
    members = [("debian-binary", b"2.0\n")]
    control = {"./": None, "./control": debs.CONTROL}
    for name, files in (("control", control), ("data", {"./": None, "./etc/": None, "./etc/motd": TEXT})):
        members.append((f"{name}.tar", debs.tar(files)))
    folder.mkdir(exist_ok=True)
    (folder / "in.deb").write_bytes(debs.archive(members))
    return folder / "in.deb"


def told_by(command, root):
    """A run of the command that has something to tell of every kind."""
    if command == "deb":
        return run_plain("deb", *SETS, deb(root.parent / "debs"), root.parent / "out.deb", "--json")
    if command == "bootstrap":
        shutil.make_archive(str(root.parent / "archive"), "tar", root)
        prefix = root.parent / "device" / VALUES["TERMUX__PREFIX"].lstrip("/")
        prefix.parent.mkdir(parents=True)
        words = ["--root", root.parent / "device", *SETS, root.parent / "archive.tar", prefix, "--json"]
        return run_plain("bootstrap", *words, status=1)
    if command in ("lint", "pad"):
        write(root / "plain", b"/data/data/com.termux/files/usr/bin\n")
        return run_plain(command, root, "--json", status=1)
    if command in ("restore", "verify", "status"):
        apply(root, status=1)
        write(root / "b", b"changed")
    words = {"apply": [*SETS, root], "verify": ["--verbose"], "status": []}.get(command, [root])
    return run(command, root, *words, "--json", status=0 if command == "status" else 1)


def run_plain(*words, status=0):
    done = subprocess.run([BUILD / "pathpatch", *words], stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize("command", ["apply", "scan", "lint", "pad", "restore", "verify", "status", "deb", "bootstrap"])
def test_fields_of_json(command, root):
    told = objects(told_by(command, root))
    files = [each for each in told if each["type"] == "file"]
    assert (len(files) > 0) == (command not in ("status", "lint"))
    for each in told:
        assert each["type"] != "findings" or each.keys() == {"type", "path", "findings"}
    for each in files:
        assert FILE <= each.keys()
    assert FILE | {"package", "command"} >= set().union(*files)
    assert told[-1].keys() >= SUMMARY
    assert (told[-1]["type"], told[-1]["command"]) == ("summary", command)
    assert [each["type"] for each in told].count("summary") == 1


def test_an_error_ends_json(root):
    done = run("apply", root, "--json", root, "--set=TERMUX__PREFIX=relative", status=2)
    (error,) = objects(done)
    assert error.keys() == {"type", "command", "error"}
    assert done.stderr.decode() == f"pathpatch: {error['error']}\n"


# ---- on a terminal ----


class Terminal:
    """Runs a program on a terminal of its own and keeps all that comes."""

    def __init__(self, *words, **environment):
        main, side = pty.openpty()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TERMUX", "NO_COLOR"))}
        self.process = subprocess.Popen(
            [BUILD / "pathpatch", *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=side,
            stderr=side,
            env={**clean, "TERM": "xterm", **environment},
        )
        os.close(side)
        self.main = main
        self.raw = b""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        try:
            while chunk := os.read(self.main, 65536):
                self.raw += chunk
        except OSError:  # the other side is closed
            pass

    def end(self):
        self.process.wait()
        self.reader.join()
        os.close(self.main)
        return self.raw.decode()


def screen(raw):
    """The lines that are left to be read, without colours: a \\r goes back, and what then comes is written
    over what stands there."""
    lines = []
    for line in re.sub(r"\033\[[0-9]*m", "", raw).replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            cleared = part.startswith("\033[K")
            part = part.removeprefix("\033[K")
            shown = part if cleared else part + shown[len(part) :]
        lines.append(shown)
    return lines


def seen(*words, **environment):
    return Terminal(*words, **environment).end()


def without_seconds(text):
    return re.sub(r"[0-9.]+ s\b", "S s", text)


@pytest.mark.parametrize(
    ("option", "environment", "colored"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"NO_COLOR": ""}, True),
        ((), {"TERM": "dumb"}, False),
        (("--color=never",), {}, False),
        (("--color=always",), {"NO_COLOR": "1"}, True),
    ],
    ids=str,
)
def test_color(root, option, environment, colored):
    for command in ("scan", "apply"):
        raw = seen(command, f"--root={root}", *SETS, "-n" if command == "apply" else "--jobs=1", root, *option, **environment)
        assert ("\033[32m" in raw) == colored
        assert raw.count("\033[0m") == raw.count("\033[32m")


def test_no_color_in_a_pipe(root):
    assert b"\033" not in run("scan", root, root, status=1).stdout
    assert b"\033[32m" in run("scan", root, root, "--color=always", status=1).stdout
    assert b"\033" not in run("scan", root, root, "--color=always", "--json", status=1).stdout


def held_up(root, *words, state=STATE, **environment):
    """A run that waits more than a second for another one."""
    state = root / state
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    with open(state / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = Terminal(*words, **environment)
        while b"waiting for another run" not in running.raw:
            assert running.process.poll() is None, running.raw
            time.sleep(0.01)
        time.sleep(1.1)
    return running.end()


@pytest.mark.parametrize("command", ["apply", "restore"])
def test_progress_after_a_second(root, command):
    if command == "restore":
        apply(root, status=1)
    words = [command, f"--root={root}", *SETS, f"--state={root / STATE}", root]
    raw = held_up(root, *words)
    shown = r"\d+ files?, \d s \[ *<=> *\]" if command == "apply" else r"[0-3] of 3 files, \d s \[=*>? *\] +\d+%"
    assert re.search(rf"\r\033\[K{command}: {shown}", raw)
    # Never as wide as the terminal, or its line would break.
    assert max(len(line) for line in re.findall(r"\033\[K([^\r\n]*)", raw)) < 80
    expected = ["a", "b", "c", *(["cut.gz"] if command == "apply" else []), "summary"]
    lines = screen(raw)
    assert lines.pop() == ""
    assert re.fullmatch(r"pathpatch: waiting for another run \(process \d+\) to end; .*", lines.pop(0))
    assert len(lines) == len(expected)
    for line, name in zip(lines[:-1], expected):
        assert line.removeprefix("pathpatch: ").startswith(f"{name}: ")
    assert lines[-1].endswith(" s")


def test_progress_of_a_bootstrap(root):
    """What is in the archive is known: there is no block that moves to and fro."""
    shutil.make_archive(str(root.parent / "archive"), "tar", root)
    prefix = VALUES["TERMUX__PREFIX"].lstrip("/")
    words = ["bootstrap", f"--root={root}", *SETS, root.parent / "archive.tar", root / prefix]
    raw = held_up(root, *words, state=prefix + ".pathpatch")
    assert re.search(r"\r\033\[Kbootstrap: [1-4] of 4 files, \d s \[=+>? *\] +\d+%", raw) and "<=>" not in raw
    assert screen(raw)[-2].startswith("4 files, 3 patched")


def test_progress_without_a_hit(tmp_path):
    """It comes by what was looked at, not by what was found."""
    write(tmp_path / "a", b"nothing\n")
    raw = held_up(tmp_path, "apply", f"--root={tmp_path}", *SETS, f"--state={tmp_path / STATE}", tmp_path)
    assert "apply: 1 file, 1 s" in raw


def test_no_progress(root):
    words = ["apply", f"--root={root}", *SETS, f"--state={root / STATE}", root]
    for option, environment in (("--progress=never", {}), ("--quiet", {}), ("-n", {"TERM": "dumb"})):
        assert "\r\033[K" not in held_up(root, *words, option, **environment)


def test_a_quick_run_shows_none(root):
    """Also where it may."""
    assert "\r\033[K" not in seen("scan", f"--root={root}", root, "--progress=always")


@pytest.mark.parametrize("jobs", [1, 4])
def test_order_of_both_outputs(root, jobs):
    """Messages stand between the lines of their neighbours, on a terminal and in a file."""
    shutil.copy(root / "cut.gz", root / "aa.gz")
    words = ["scan", f"--root={root}", root, f"--jobs={jobs}"]
    on_terminal = [line.split(":")[1].strip() if line.startswith("pathpatch") else line.split(":")[0] for line in screen(seen(*words))[:-2]]
    assert list(dict.fromkeys(on_terminal)) == ["a", "aa.gz", "b", "c", "cut.gz"]
    done = subprocess.run([BUILD / "pathpatch", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert without_seconds(done.stdout) == without_seconds("\n".join(screen(seen(*words))))


def test_paths_can_be_used_again(tmp_path):
    """Without --root they begin with a slash."""
    file = write(tmp_path / "file", padded("TERMUX__PREFIX"))
    assert run_plain("scan", tmp_path).stdout.decode().startswith(f"{file}:0: ")
    assert json.loads(run_plain("scan", tmp_path, "--json").stdout.splitlines()[0])["path"] == str(file)
    write(tmp_path / "cut.gz", gzip.compress(TEXT)[:-4])
    assert f"pathpatch: {tmp_path}/cut.gz: " in run_plain("scan", tmp_path, status=1).stderr.decode()


@pytest.mark.parametrize("command", ["scan", "lint", "verify", "status"])
@pytest.mark.parametrize("words", [(), ("--json",)], ids=["text", "json"])
def test_output_that_is_lost(root, command, words):
    """Whoever reads it must not take what is there for all there is."""
    apply(root, status=1)
    paths = [f"--root={root}"] if command in ("verify", "status") else [root]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BUILD / "pathpatch", command, *words, *paths], stdout=full, stderr=subprocess.PIPE, text=True
        )
    told = done.stderr.splitlines()[-1]
    lost = "pathpatch: cannot write all of the standard output: No space left on device"
    assert (done.returncode, told) == (3, lost)
