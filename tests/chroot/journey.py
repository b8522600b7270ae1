#!/usr/bin/python3
"""Takes 20 real packages through a life in a real chroot, with apt: installed, upgraded, killed in the
middle, moved to other values, removed, purged. It fails when anything is not as promised: every file is
compared with what the packages hold, patched by other means. Started by tests/chroot/run."""

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests/hook"), str(SOURCE / "fixtures")]
import rebuilt  # noqa: E402
from generator import termux, termux_package  # noqa: E402
from walkthrough import Broken, check, inspect, title  # noqa: E402

# netbase, manpages and bash-completion are of no architecture.
NAMES = (
    "bash-completion bc bzip2 cpio dos2unix ed file gawk gzip info "
    "less logrotate lsof manpages nano netbase patch psmisc unzip wget"
).split()
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT = "data/data/com.termux"
CONFFILE = "/" + termux.relocated("/etc/nanorc")
EDIT = b"\n## Mine.\n"
KEEP = "-o=DPkg::Options::=--force-confold"

# Stands before pathpatch in PATH, and kills once.
KILLER = """#!/bin/sh
if [ "$1 $2" = "dpkg {action}" ] && echo >>/killer/calls && [ "$(wc -l </killer/calls)" -eq {nth} ]; then
    {kill}
fi
exec /usr/bin/pathpatch "$@"
"""
KILL_CALLER = """pid=$$
    while [ "$pid" -gt 1 ] && [ "$(cat /proc/$pid/comm)" != {name} ]; do
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$pid/status)
    done
    kill -KILL "$pid"
    echo {name} >/killer/killed"""
KILL_ITSELF = """echo pathpatch >/killer/killed
    exec strace -f -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=40 \\
        /usr/bin/pathpatch "$@\""""
KILLS = (
    ("apt-get, while packages are unpacked; dpkg goes on", "prepare", 6, KILL_CALLER.format(name="apt-get")),
    ("dpkg, while packages are unpacked", "prepare", 12, KILL_CALLER.format(name="dpkg")),
    ("dpkg, while the handler runs, which goes on", "trigger", 1, KILL_CALLER.format(name="dpkg")),
    ("pathpatch, while it writes", "trigger", 1, KILL_ITSELF),
)


class Chroot:
    """A Debian system below a folder, with a data folder of an app in it: the default path leads there."""

    def __init__(self, folder):
        self.path = folder / "root"
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-f", folder / "base.tar", "-C", self.path], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.path / "proc"], check=True)
        # Nothing here outlives a power cut.
        (self.path / "etc/dpkg/dpkg.cfg.d/fast").write_text("force-unsafe-io\n")
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")
        self.output = folder / "output"
        self.log_at = 0
        (self.path / "data/data").mkdir(parents=True)
        self.user = 10
        self.app_folder().mkdir(parents=True)
        self.lead_default()
        for name in ("etc/alternatives", "var/lib/alternatives", "var/lib/fixtures"):
            (self.path / termux.PREFIX.lstrip("/") / name).mkdir(parents=True)

    def app_folder(self):
        return self.path / f"data/user/{self.user}/com.termux"

    def lead_default(self):
        (self.path / DEFAULT).unlink(missing_ok=True)
        (self.path / DEFAULT).symlink_to(os.path.relpath(self.app_folder(), self.path / "data/data"))

    def values(self):
        return termux.user_values(self.user)

    def run(self, *command, fails=False):
        """Runs a command without standard input, and waits for it alone: what it leaves behind goes on."""
        environment = {
            "PATH": PATH,
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }
        with open(self.output, "w") as output:
            done = subprocess.run(
                ["chroot", self.path, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        text = self.output.read_text()
        if (done.returncode != 0) != fails:
            raise Broken(f"{' '.join(map(str, command))}: exit {done.returncode}\n{text}")
        return text

    def apt(self, *words, fails=False):
        return self.run("apt-get", "-q", "-y", "-o=Dpkg::Use-Pty=0", *words, fails=fails)

    def pathpatch(self, *words, fails=False):
        """The database is where Debian has it, not where the table says."""
        return self.run("pathpatch", *words, "--admindir=/var/lib/dpkg", fails=fails)

    def processes(self):
        """Those that run in it."""
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and os.readlink(process / "root") == str(self.path):
                    yield process
            except OSError:
                continue  # it has ended

    def handler_runs(self):
        """How often dpkg ran the handler since this was last asked, by its own log."""
        lines = (self.path / "var/log/dpkg.log").read_text().splitlines()
        new, self.log_at = lines[self.log_at :], len(lines)
        return sum(bool(re.search(r" (trigproc|configure) pathpatch:", line)) for line in new)

    def ledger(self):
        """The number of rows in each table that tells of files, read from a copy."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("ledger.db", "ledger.db-wal"):
                if (self.path / "var/lib/pathpatch" / name).exists():
                    shutil.copy(self.path / "var/lib/pathpatch" / name, folder)
            database = sqlite3.connect(f"{folder}/ledger.db")
            counts = {
                table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("file", "intent", "temporary", "sweep")
            }
            database.close()
        return counts


class Journey:
    def __init__(self, chroot, repository, made):
        self.chroot = chroot
        self.repository = repository  # folders of .debs
        self.made = made  # packages by version and name
        self.names = sorted(made["1"])
        self.edited = set()  # conffiles

    def serve(self, *folders):
        """Makes a local repository of what is in the folders."""
        served = self.chroot.path / "srv/repository"
        shutil.rmtree(served, ignore_errors=True)
        served.mkdir(parents=True)
        for folder in folders:
            for deb in (self.repository / folder).glob("*.deb"):
                shutil.copy(deb, served)
        with open(served / "Packages", "w") as index:
            subprocess.run(["apt-ftparchive", "packages", "."], cwd=served, check=True, stdout=index)
        (self.chroot.path / "etc/apt/sources.list.d/local.list").write_text(
            "deb [trusted=yes] file:/srv/repository ./\n"
        )
        self.chroot.apt("update")

    def forget_witnesses(self):
        for witness in (self.chroot.path / termux_package.WITNESS).iterdir():
            witness.unlink()

    def check_witnesses(self):
        """What each package's own postinst saw, since that was last forgotten."""
        count = 0
        for name in self.names:
            seen = (self.chroot.path / termux_package.WITNESS / name).read_text().splitlines()
            if not seen or any(line.startswith("placeholder") for line in seen):
                raise Broken(f"the postinst of {name} saw {seen}")
            count += len(seen)
        check(True, f"the postinsts of {len(self.names)} packages saw {count} patched files")

    def check_handler_runs(self):
        count = self.chroot.handler_runs()
        check(count <= 2, f"{count} runs of the handler")

    def check_prompts(self, output):
        """dpkg names a conffile where it asks, also when it is told to keep the old one."""
        asked = set(re.findall("^Configuration file '(.*)'$", output, re.M))
        check(asked <= self.edited, f"dpkg asked about {len(asked)} conffiles, each edited by the user")
        return asked

    def compare(self, version):
        """Every file of the packages, against what was put into them."""
        counts = Counter()
        for package in self.made[version].values():
            for entry in package.entries:
                path = self.chroot.path / entry.path
                if "/" + entry.path in self.edited or (entry.content is None and entry.target is None):
                    continue
                counts[inspect(entry, path, self.chroot.values())] += 1
                if entry.same_as is not None:
                    other = self.chroot.path / entry.same_as
                    if path.stat().st_ino != other.stat().st_ino:
                        raise Broken(f"{path}: is no hard link any more")
                    counts["of them hard links"] += 1
        print("  " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
        check(True, "every file is what another program makes of it, with its size, mode and time")
        if self.edited:
            text = (self.chroot.path / CONFFILE.lstrip("/")).read_bytes()
            check(text.endswith(EDIT), "what the user edited is as the user left it")

    def check_silence(self, late=(), installed=True):
        """`late`: conffiles that got other values after dpkg recorded them."""
        expected = {*self.edited, *late}
        told = {line.split(maxsplit=2)[-1] for line in self.chroot.run("dpkg", "--verify").splitlines()}
        check(told == expected, f"dpkg --verify tells of {len(told)} conffiles: the edited ones")
        # debsums does not look at what removed packages left.
        expected = expected if installed else set()
        told = self.chroot.run("debsums", "--all", "--silent", fails=bool(expected))
        told = set(re.findall("^(?:debsums: changed file )?(/[^ ]*)", told, re.M))
        check(told == expected, f"debsums tells of {len(told)}")
        told = self.chroot.pathpatch("verify", "--quiet")
        check(told == "", "pathpatch verify has nothing to say")

    # ---- the steps ----

    def install_pathpatch(self):
        title("pathpatch is installed by apt, and given the values of user 10")
        self.serve("pathpatch", "1")
        self.chroot.apt("install", "pathpatch")
        value = f"--set=TERMUX_APP__DATA_DIR={self.chroot.values()['TERMUX_APP__DATA_DIR']}"
        self.chroot.pathpatch("dpkg", "configure", value)
        self.before = self.tree()

    def tree(self):
        """All paths of the app's folder but the witnesses'."""
        folder = self.chroot.app_folder()
        return {
            path.relative_to(folder)
            for path in folder.rglob("*")
            if not str(path).endswith(tuple(self.names))
        }

    def install(self):
        title(f"{len(self.names)} packages are installed")
        self.chroot.handler_runs()
        output = self.chroot.apt("install", *self.names)
        self.check_handler_runs()
        self.check_prompts(output)
        self.check_witnesses()
        self.compare("1")
        self.check_silence()

    def upgrade(self):
        title("The user edits a conffile; all packages are upgraded, and all conffiles changed")
        with open(self.chroot.path / CONFFILE.lstrip("/"), "ab") as conffile:
            conffile.write(EDIT)
        self.edited = {CONFFILE}
        self.serve("pathpatch", "1", "2")
        self.forget_witnesses()
        self.chroot.handler_runs()
        # Nobody answers: the package of the edited conffile has to wait.
        output = self.chroot.apt("upgrade", fails=True)
        self.check_handler_runs()
        asked = self.check_prompts(output)
        check(asked == self.edited, "the edited one is asked about")
        self.chroot.run("dpkg", "--configure", "-a", "--force-confold")
        self.check_handler_runs()
        self.check_witnesses()
        self.compare("2")
        self.check_silence()
        offered = (self.chroot.path / (CONFFILE.lstrip("/") + ".dpkg-dist")).read_bytes()
        content = self.made["2"]["fixture-nano"].content(CONFFILE)
        check(offered == termux.patched(content, self.chroot.values()), "the one that was not taken is patched")

    def move_between_versions(self, version, *options, fails=False):
        wanted = [f"{name}={version}" for name in self.names]
        return self.chroot.apt("install", "--allow-downgrades", KEEP, *options, *wanted, fails=fails)

    def kill(self, what, action, nth, kill, version):
        title(f"Killed: {what}; on the way to version {version}")
        killer = self.chroot.path / "killer"
        shutil.rmtree(killer, ignore_errors=True)
        killer.mkdir()
        (killer / "pathpatch").write_text(KILLER.format(action=action, nth=nth, kill=kill))
        (killer / "pathpatch").chmod(0o755)
        self.forget_witnesses()
        self.move_between_versions(version, f"-o=DPkg::Path=/killer:{PATH}", fails=True)
        check((killer / "killed").exists(), f"{(killer / 'killed').read_text().strip()} was killed")
        shutil.rmtree(killer)
        names = sorted({(process / "comm").read_text().strip() for process in self.chroot.processes()})
        if names:
            print(f"  Still running: {', '.join(names)}")
        while any((process / "comm").read_text() == "dpkg\n" for process in self.chroot.processes()):
            time.sleep(0.1)
        self.chroot.run("dpkg", "--configure", "-a", "--force-confold")
        self.chroot.apt("install", "-f", KEEP)
        output = self.move_between_versions(version)
        self.check_prompts(output)
        self.check_witnesses()
        self.compare(version)
        self.check_silence()

    def new_values(self):
        title("The app moves to user 11, as docs/bootstrap.md says, and its packages get the values")
        old = self.chroot.app_folder()
        words = "restore", "--conffiles", "--quiet", "/" + str(old.relative_to(self.chroot.path))
        told = self.chroot.pathpatch(*words, fails=True).splitlines()
        check(len(told) == 1 and "etc/nanorc" in told[0], "what the user edited is left as it is, and told")
        self.chroot.user = 11
        self.chroot.app_folder().parent.mkdir()
        old.rename(self.chroot.app_folder())
        self.chroot.lead_default()
        value = f"--set=TERMUX_APP__DATA_DIR={self.chroot.values()['TERMUX_APP__DATA_DIR']}"
        self.chroot.pathpatch("dpkg", "configure", value)
        self.compare("1")
        conffiles = {path for package in self.made["1"].values() for path in package.conffiles}
        told = self.chroot.pathpatch("status", "--json").splitlines()
        late = {"/" + one["path"].lstrip("/") for one in map(json.loads, told) if one.get("outcome") == "edited"}
        late = {path.replace("/data/user/11/", "/data/data/") for path in late}
        check(late and late < conffiles, f"pathpatch status lists {len(late)} conffiles that look edited to dpkg")
        self.check_silence(late)

    def upgrade_with_new_values(self):
        title("All packages are upgraded once more")
        self.forget_witnesses()
        self.chroot.handler_runs()
        output = self.move_between_versions("2")
        self.check_handler_runs()
        self.check_prompts(output)
        self.check_witnesses()
        self.compare("2")
        self.check_silence()

    def remove(self):
        title("All packages are removed; their conffiles stay")
        self.chroot.handler_runs()
        self.chroot.apt("remove", *self.names)
        self.check_handler_runs()
        conffiles = {path for package in self.made["2"].values() for path in package.conffiles}
        left = {
            "/" + entry.path
            for package in self.made["2"].values()
            for entry in package.entries
            if (entry.content or entry.target) and os.path.lexists(self.chroot.path / entry.path)
        }
        check(left == conffiles, f"{len(left)} files are left, and all are conffiles")
        self.check_silence(installed=False)

    def purge(self):
        title("All packages are purged")
        self.chroot.handler_runs()
        self.chroot.apt("purge", *self.names)
        self.check_handler_runs()
        self.edited = set()
        self.check_silence()
        self.chroot.pathpatch("dpkg", "trigger")
        self.check_silence()
        # netbase itself leaves the hosts file that its postinst makes, on Debian too.
        left = self.tree() - self.before - {Path("files/usr/etc/hosts")}
        check(not left, f"{len(left)} files are left {sorted(map(str, left))}")
        counts = self.chroot.ledger()
        check(not any(counts.values()), f"no row is left: {counts}")
        kept = list((self.chroot.path / "var/lib/pathpatch/pristine").iterdir())
        check(not kept, "no shipped bytes are left")
        check("fixture-" not in self.chroot.pathpatch("status"), "pathpatch status names none of them")

    def take(self):
        self.install_pathpatch()
        self.install()
        self.upgrade()
        for number, kill in enumerate(KILLS):
            self.kill(*kill, version=rebuilt.VERSIONS[number % 2])
        self.move_between_versions("1")
        self.new_values()
        self.upgrade_with_new_values()
        self.remove()
        self.purge()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="with base.tar and the .debs of pathpatch in pathpatch/")
    folder = options.parse_args().folder.resolve()
    made = rebuilt.rebuild(NAMES, folder / "repository")
    journey = Journey(Chroot(folder), folder / "repository", made)
    try:
        journey.take()
    except Broken as broken:
        print(f"\nNOT AS PROMISED: {broken}")
        return 1
    print("\nEverything is as promised.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
