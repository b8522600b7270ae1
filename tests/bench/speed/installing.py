"""Whole journeys: a bootstrap, dpkg installing packages, the hook beside many packages."""

import os
import subprocess
from pathlib import Path

from generator import package as packages
from generator import termux, termux_package
from generator.package import Entry, Package

from .blocks import in_blocks
from .corpus import SET, VALUES
from .measure import Side, duel
from .setting import environment

SOURCE = Path(__file__).resolve().parents[3]
# What was asked, then what is intended, what is written, and that it is done.
LEAST = """
"$0" --version && file=$1 && shift && "$@" && dd if=/dev/zero of="$file" bs=4k count=3 oflag=dsync status=none
"""
INSTALLED = 20
KNOWN = 2000
# As the hook asks.
FORMAT = (
    "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Status}\\t${Multi-Arch}"
    "\\t${Dynamic-Variables}\\n${Conffiles}\\n"
)


def bootstrap(setting):
    """Each run in a new folder: a file system is slow right after it removed a tree."""
    folder = setting.folder
    generate = [SOURCE / "fixtures/generate", "--large", folder, "--downloads", folder / "downloads"]
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    archive = folder / "bootstrap.zip"
    with setting.scratch() as scratch:
        place = [Path(scratch) / "0"]
        unpacked = Path(scratch) / "unpacked"
        subprocess.run(["unzip", "-q", archive, "-d", unpacked], check=True)
        plain = Path(scratch) / "plain"
        subprocess.run(["tar", "-cf", plain, "-C", unpacked, "."], check=True)
        coded = in_blocks(plain, Path(scratch) / "bootstrap.tar.xz")

        def renew():
            place[0] = place[0].with_name(str(int(place[0].name) + 1))
            (place[0] / VALUES["TERMUX__ROOTFS"].lstrip("/")).mkdir(parents=True)
            at = Path(scratch) / "at"
            at.unlink(missing_ok=True)
            at.symlink_to(place[0])

        def whole(_):
            file = place[0] / "bare/etc/bash.bashrc"
            if not file.exists():
                file = place[0] / VALUES["TERMUX__PREFIX"].lstrip("/") / "etc/bash.bashrc"
                assert not termux.held(file.read_bytes())
            assert file.stat().st_size > 0

        root = f"{scratch}/at"
        dest = root + VALUES["TERMUX__PREFIX"]
        options = [dest, f"--root={root}", "--jobs=2", SET]
        copy = f'cp -r "{unpacked}" "{root}/bare"'
        decode = f'xz -t -T2 "{coded}"'
        for kind, source, name, command, least in (
            ("zip", archive, "unzip", f'unzip -q "{archive}" -d "{root}/bare"', copy),
            ("zip", archive, "bsdtar", f'mkdir "{root}/bare" && bsdtar -xf "{archive}" -C "{root}/bare"', copy),
            (
                ".tar.xz",
                coded,
                "tar",
                f'mkdir "{root}/bare" && tar -I "xz -T2" -xf "{coded}" -C "{root}/bare"',
                f"{decode} && {copy}",
            ),
        ):
            if name != "unzip" and not setting.full:
                continue
            words = [setting.program, "bootstrap", source, *options]
            yield duel(
                f"bootstrap of a {kind}: unpacked, patched, durable, against {name} and a sync",
                0.60,
                Side("bootstrap", words, prepare=renew, check=whole, environment=environment()),
                Side(
                    f"{name}, sync",
                    ["sh", "-c", f'{command} && sync -f "{root}/bare"'],
                    prepare=renew,
                    check=whole,
                ),
                setting.rounds,
                Side(
                    "the same files decoded where that is xz, written, and a sync",
                    ["sh", "-c", f'{least} && sync -f "{root}/bare"'],
                    prepare=renew,
                    check=whole,
                ),
                "most of it is the kernel, which makes the files and puts them on the disk, and xz where the archive "
                "is one. Beyond that every file is looked through, and those that are patched are hashed and recorded.",
            )


# ---- dpkg ----


def _package_of(corpus, name, file_count):
    """A package of the corpus, as it would be for Termux: with placeholders in a few files."""
    entries = []
    place = corpus.tree / name
    for folder, _, names in os.walk(place):
        for file in sorted(names):
            path = Path(folder) / file
            moved = termux.relocated("/" + str(path.relative_to(place)))
            if path.is_symlink():
                entries.append(Entry(moved, target=os.readlink(path)))
            else:
                entries.append(Entry(moved, path.stat().st_mode & 0o777, path.read_bytes()))
    fields = {
        "Package": "bench-" + name,
        "Version": "1",
        "Architecture": "all",
        "Maintainer": "nobody <nobody@localhost>",
        "Description": "a package of the benchmark",
    }
    entries = list({e.path: e for e in entries}.values())[:file_count]
    package = termux_package.opt_in(Package(fields, entries))
    package.control["postinst"] = "#!/bin/sh\nexit 0\n"
    return package


def install(setting):
    """The one root has the hook, the other an empty package of its name."""
    from conftest import Root, pathpatch_package

    setting.corpus.reset()
    with setting.scratch() as scratch:
        scratch = Path(scratch)
        names = list(setting.corpus.packages)[:INSTALLED]
        folder = scratch / "made"
        folder.mkdir()
        count = 150 if setting.full else 40  # dpkg syncs each file
        debs = [packages.write(_package_of(setting.corpus, name, count), folder) for name in names]
        empty = Package({**pathpatch_package().fields})
        sides = []
        for name, provider in (("hooked", pathpatch_package()), ("bare", empty)):
            (scratch / name).mkdir()
            ready = Root(scratch / name)
            if name == "hooked":
                ready.record_values(VALUES)
            ready.install(provider)
            sides.append(_installing(name, ready, debs))
        yield duel(
            f"dpkg -i of {INSTALLED} packages that take part, with the hook against without",
            1.10,
            *sides,
            setting.rounds,
        )


def _installing(name, ready, debs):
    """Each run in a new copy of the root."""
    number = [0]
    at = ready.folder.with_name(name + "-at")

    def renew():
        number[0] += 1
        place = ready.folder.with_name(f"{name}{number[0]}")
        place.mkdir()
        ready.copy(place)
        at.unlink(missing_ok=True)
        at.symlink_to(place)
        subprocess.run(["sync", "-f", place], check=True)

    def check(_):
        query = ["dpkg-query", f"--admindir={at}/root/var/lib/dpkg", "-W", "-f", "${db:Status-Status}\n"]
        states = subprocess.run(query, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        assert states == ["installed"] * (len(debs) + 1), states

    words = ["dpkg", f"--root={at}/root", "--force-script-chrootless", "-i", *debs]
    path = {"PATH": f"{at}/bin:{ready.environment['PATH']}"}
    return Side(name, words, renew, check, environment={**ready.environment, **path})


# ---- the hook beside many packages ----


class Installed:
    """A root whose dpkg knows KNOWN packages of five files, one of which has a placeholder. Each
    change() brings another version of one package."""

    def __init__(self, folder):
        self.root = folder
        self.admindir = folder / "var/lib/dpkg"
        (self.admindir / "info").mkdir(parents=True)
        (self.admindir / "updates").mkdir()
        (self.admindir / "triggers").mkdir()
        (self.admindir / "available").touch()
        self.version = 1
        # The default path leads to the values, as it must on a device.
        data = folder / VALUES["TERMUX_APP__DATA_DIR"].lstrip("/")
        data.mkdir(parents=True)
        (folder / "data/data").mkdir()
        (folder / "data/data/com.termux").symlink_to(os.path.relpath(data, folder / "data/data"))
        for number in range(KNOWN):
            self.lay(number)
        self.write_status()

    def text(self, number, each):
        hit = termux.padded("TERMUX__PREFIX") if each == 0 else b""
        return f"package {number}\n".encode() * 50 + hit + b"/x\n"

    def paths(self, number):
        return [f"{termux.PREFIX}/share/app{number}/file{each}" for each in range(5)]

    def lay(self, number):
        for each, path in enumerate(self.paths(number)):
            file = self.root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            file.write_bytes(self.text(number, each))
        listed = self.admindir / f"info/app{number}.list"
        listed.unlink(missing_ok=True)
        listed.write_text("/.\n" + "".join(f"{path}\n" for path in self.paths(number)))

    def write_status(self):
        self.admindir.joinpath("status").write_text(
            "".join(
                f"Package: app{number}\nStatus: install ok installed\nPriority: optional\nSection: misc\n"
                f"Installed-Size: 20\nMaintainer: nobody <nobody@localhost>\nArchitecture: all\n"
                f"Version: {self.version if number == 0 else 1}\n"
                f"Depends: libc6 (>= 2.36), app{(number + 1) % KNOWN}\n"
                f"Description: a package of the benchmark\n a line of a long description\n .\n"
                f" another line of a long description, as most packages have it\nDynamic-Variables: yes\n\n"
                for number in range(KNOWN)
            )
        )

    def change(self):
        self.version += 1
        self.lay(0)
        self.write_status()

    def check(self, _=b""):
        for number in (0, KNOWN - 1):
            for path in self.paths(number):
                assert not termux.held((self.root / path.lstrip("/")).read_bytes()), path

    def hook(self, setting):
        words = [setting.program, "dpkg", "trigger", SET, "--jobs=2", "--durability=batch"]
        return [*words, f"--root={self.root}", f"--admindir={self.admindir}"]


def trigger(setting):
    with setting.scratch() as scratch:
        installed = Installed(Path(scratch))
        Side("first", installed.hook(setting), check=installed.check, environment=environment()).run()
        query = ["dpkg-query", f"--admindir={installed.admindir}", "-W", "-f", FORMAT]

        def knows_all(output):
            assert output.count(b"\tinstalled\t") == KNOWN, output[:200]

        yield duel(
            f"the hook after one of {KNOWN} packages changed, against dpkg-query -W",
            1.5,
            Side(
                "dpkg trigger",
                installed.hook(setting),
                prepare=installed.change,
                check=installed.check,
                environment=environment(),
            ),
            Side("dpkg-query", query, check=knows_all),
            setting.rounds,
            Side(
                "a program starts, dpkg-query, and three blocks are synced",
                ["sh", "-c", LEAST, setting.program, Path(scratch) / "synced", *query],
                environment=environment(),
            ),
            "to start, to ask dpkg-query and to get three writes onto the disk, one after another, is above "
            f"the bar. Beyond that the hook looks at {KNOWN} lists of files, patches, and syncs its ledger.",
        )
