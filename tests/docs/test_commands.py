"""Each command of the documentation is run: the blocks of the pages, in their order, in a scratch folder
that has what they name."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "fixtures"))
from generator import bootstrap, package, termux, termux_package  # noqa: E402

BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
FOLDERS = ("docs", "dpkg-hook", "fixtures", "repository", "patcher/man")
PAGES = sorted(
    str(path.relative_to(SOURCE))
    for folder in (SOURCE, *(SOURCE / name for name in FOLDERS))
    for path in (folder.glob("*") if folder == SOURCE else folder.rglob("*"))
    if path.suffix in (".md", ".1", ".5", ".7") and path.is_file()
)

# Why a command is not run here.
NOT_RUN = {
    "./fixtures/demo": "installs packages on the machine, downloads others and builds everything",
    "./tests/run": "runs this",
    "cmake --preset release && cmake --build --preset release": "tests/run builds, with presets of the same file",
}
# First words of blocks that are no commands: texts of files, messages, paths.
NO_COMMANDS = re.compile(r"/data/|Build-Depends:|\{|deb |written |cli/ |\[table\]|C: ")

APP = "@com.termux.pathpatch"
VALUES = termux.user_values(10)
TEXT = b"".join(termux.padded(name) + b"/x\n" for name in termux.TABLE)
PATCHED = termux.patched(TEXT, VALUES)

# Paths of a device are those of a folder that stands for it: a program is given these.
WRAPPER = """#!/usr/bin/python3
import os, sys
words = [{device!r} + word if word.startswith("/data/") else word for word in sys.argv[1:]]
if {root!r} and (words != sys.argv[1:] or words[0] in ("dpkg", "notify", "verify")):
    words.insert(1, {root!r})
os.execv({program!r}, sys.argv[:1] + words)
"""


def blocks_of(page):
    """Texts of the blocks of a page: indented in Markdown, not filled in a man page."""
    text = (SOURCE / page).read_text()
    if not page.endswith(".md"):
        text = text.replace("\\-", "-").replace("\\e", "\\")
        return re.findall(r"^\.nf\n(.*?)^\.fi$", text, re.M | re.S)
    return [re.sub("^    ", "", block, flags=re.M) for block in re.findall(r"(?<=\n\n)(?:    .*\n)+", text)]


def commands_of(page):
    """The commands of a page: lines of a block, with their continuations."""
    for block in blocks_of(page):
        if not NO_COMMANDS.match(block):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                yield re.sub(r"\s+# .*", "", line)


def runnable(page):
    return [line for line in commands_of(page) if line not in NOT_RUN]


class Scratch:
    def __init__(self, folder):
        self.folder = folder
        self.app = f"{APP}.{os.getpid()}"
        self.listeners = []
        self.device = folder / "mobile"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TERMUX", "DPKG", "PREFIX"))},
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }
        self.lay_programs()
        self.lay_files()
        self.lay_packages()

    def lay_programs(self):
        for name in ("bin", "build/release"):
            (self.folder / name).mkdir(parents=True)
        self.wrap("mv", "/bin/mv")
        self.wrap("pathpatch", str(BUILD / "pathpatch"), f"--root={self.device}")
        (self.folder / "build/release/pathpatch").symlink_to(BUILD / "pathpatch")
        for name in ("fixtures", "repository", "patcher"):
            (self.folder / name).symlink_to(SOURCE / name)

    def wrap(self, name, program, root=""):
        wrapper = self.folder / "bin" / name
        wrapper.write_text(WRAPPER.format(device=str(self.device), program=program, root=root))
        wrapper.chmod(0o755)

    def lay_files(self):
        # Android makes the folders of users, and of an app's files.
        files = [f"mobile/data/user/{name}" for name in ("10/com.termux/files", "11/com.termux/files", "12")]
        for folder in ("usr/etc", "device/data/etc", *files):
            (self.folder / folder).mkdir(parents=True)
        for name in ("usr/etc/motd", "device/data/etc/motd", "motd"):
            (self.folder / name).write_bytes(TEXT)
        shutil.copy(SOURCE / "dpkg-hook/termux/environment", self.folder)

    def lay_packages(self):
        prefix = termux.PREFIX.lstrip("/")
        fields = {"Package": "app", "Version": "1", "Architecture": "all", "Maintainer": "nobody <n@localhost>"}
        app = package.Package({**fields, "Description": "made for a test"})
        app.entries.append(package.Entry(f"{prefix}/etc/motd", content=TEXT))
        termux_package.opt_in(app)
        app.control["postinst"] = "#!/bin/sh\n"
        (self.folder / "pool").mkdir()
        shutil.copy(package.write(app, self.folder / "pool"), self.folder / "in.deb")
        bootstrap.write([app], self.folder / "bootstrap.zip")

    def run(self, command, status=0):
        done = subprocess.run(
            ["sh", "-euc", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == status, (command, done.stdout)
        return done.stdout

    def listen(self, command):
        """Starts an app that goes on listening."""
        listener = subprocess.Popen(
            ["sh", "-euc", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.listeners.append(listener)
        while self.app not in Path("/proc/net/unix").read_text():
            assert listener.poll() is None, command
            time.sleep(0.01)

    def heard(self):
        """Ends the apps. Returns the messages that came."""
        lines = []
        for listener in self.listeners:
            listener.terminate()
            lines += listener.communicate()[0].splitlines()
        self.listeners = []
        return [json.loads(line)["type"] for line in lines]

    def data(self, path):
        return (self.folder / path).read_bytes()


@pytest.fixture
def scratch(tmp_path):
    made = Scratch(tmp_path)
    yield made
    made.heard()


@pytest.fixture
def with_app(scratch):
    """The app that the pages speak of listens."""
    scratch.listen(f"pathpatch listen {scratch.app}")
    return scratch


def follow(scratch, page, statuses=()):
    """Runs the commands of a page as a reader would, and returns what each has printed. `statuses`:
    those that are not 0, by a text that the command holds."""
    told = {}
    for line in runnable(page):
        status = next((status for text, status in statuses if text in line), 0)
        # Names are shared by all of a machine.
        command = line.replace(APP, scratch.app)
        if command.startswith("pathpatch listen"):
            scratch.listen(command)
        else:
            told[line] = scratch.run(command, status)
    return told


def told_by(told, words):
    (line,) = [line for line in told if words in line]
    return told[line]


def test_every_command_is_followed():
    """A page with commands has a test below that follows it."""
    followed = set(re.findall(r'follow\(\w+, "([^"]+)"', Path(__file__).read_text()))
    assert {page for page in PAGES if runnable(page)} == followed
    assert set(NOT_RUN) <= {line for page in PAGES for line in commands_of(page)}


def assert_bootstrapped(scratch, user=10, **others):
    values = {**termux.user_values(user), **others}
    moved = Path(str(scratch.device) + values["TERMUX__PREFIX"])
    assert (moved / "etc/motd").read_bytes() == termux.patched(TEXT, values)


def assert_deb_is_patched(scratch):
    scratch.run("dpkg-deb --extract out.deb looked-at")
    assert scratch.data(f"looked-at{termux.PREFIX}/etc/motd") == PATCHED


def test_readme(with_app):
    told = follow(with_app, "README.md")
    assert "good-text.conf:0: " in told_by(told, " scan ")
    assert "11 files as patched, 0 not" in told_by(told, " verify ")
    for file in (SOURCE / "fixtures/good").iterdir():
        assert with_app.data(f"phone/{file.name}") == file.read_bytes()
    assert_bootstrapped(with_app)
    assert with_app.heard()[-1] == "complete"
    assert_deb_is_patched(with_app)


def test_packages(scratch):
    told = follow(scratch, "docs/packages.md")
    assert told_by(told, "printf").rstrip("\n").encode() == termux.padded("TERMUX__PREFIX")
    assert told_by(told, "pathpatch scan").count("etc/motd:") == len(termux.TABLE)
    assert_deb_is_patched(scratch)
    assert told_by(told, "grep").count("/x\n") == len(termux.TABLE)
    scratch.run("dpkg-deb --extract moved.deb moved")
    assert "/data/data/com.termux" not in scratch.run("grep -rh /data moved")


def test_bootstrap(scratch):
    """Nobody listens at first."""
    told = follow(scratch, "docs/bootstrap.md", [("--notify", 75)])
    assert told_by(told, "--resend") == "1 delivered\n"
    assert scratch.heard() == ["complete"]
    assert_bootstrapped(scratch, 11)
    assert_bootstrapped(scratch, 12, TERMUX_APP__NATIVE_LIB_DIR="/data/app/~~new==/com.termux-new==/lib/arm64")


def test_termux(with_app):
    follow(with_app, "dpkg-hook/termux/README.md")
    assert_bootstrapped(with_app)


def test_repository(scratch):
    follow(scratch, "repository/README.md")
    assert scratch.data("moved/Packages").count(b"Package: app\n") == 1


def test_library(scratch):
    scratch.run(f"cmake --install {BUILD} --prefix prefix")
    for file in (SOURCE / "fixtures/library").iterdir():
        shutil.copy(file, scratch.folder)
    (pc,) = (scratch.folder / "prefix").rglob("libpathpatch.pc")
    scratch.environment |= {
        "PKG_CONFIG_PATH": str(pc.parent),
        "CMAKE_PREFIX_PATH": f"{scratch.folder}/prefix",
        "LD_LIBRARY_PATH": str(pc.parents[1]),
    }
    shutil.rmtree(scratch.folder / "build")
    follow(scratch, "fixtures/library/README.md")
    assert scratch.data("motd.patched") == PATCHED


def test_man_page(with_app):
    told = follow(with_app, "patcher/man/pathpatch.1")
    assert told_by(told, " restore ").startswith("data/etc/motd: restored\n")
    assert_bootstrapped(with_app)
    assert_deb_is_patched(with_app)


# ---- commands inside of sentences ----

COMMAND_TABLE = json.loads(subprocess.run([BUILD / "command_table"], stdout=subprocess.PIPE, check=True).stdout)


def spans_of(page):
    text = re.sub(r"^    .*$", "", (SOURCE / page).read_text(), flags=re.M)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


MARKDOWN = [page for page in PAGES if page.endswith(".md")]


@pytest.mark.parametrize("page", MARKDOWN)
def test_commands_in_sentences_are_there(page):
    commands = {command["name"]: command for command in COMMAND_TABLE}
    for span in spans_of(page):
        words = span.split()
        if words[0] == "pathpatch" and len(words) > 1:
            command = commands[words[1]]
            options = {f"--{option['name']}" for option in command["options"]} | set(re.findall("--[a-z]+", command["arguments"]))
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, span


@pytest.mark.parametrize("page", MARKDOWN)
def test_presets_in_sentences_are_there(page):
    presets = json.loads((SOURCE / "CMakePresets.json").read_text())
    names = {preset["name"] for preset in presets["configurePresets"]}
    for span in [*spans_of(page), *commands_of(page)]:
        assert set(re.findall(r"cmake (?:--build )?--preset (\w+)", span)) <= names, span


@pytest.mark.parametrize("page", MARKDOWN)
def test_files_in_sentences_are_there(page):
    """Links, and paths in the tree."""
    text = (SOURCE / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (SOURCE / page).parent.joinpath(target).exists(), target
