"""Where files are, and whose: diversions, overrides, roots, users, packages that were never installed."""

import gzip
import hashlib
import os
import subprocess

import pytest
from conftest import (
    AS_ROOT,
    BUILD,
    CHANGED,
    CHANGED_PATCHED,
    PATCHED,
    PREFIX,
    SHIPPED,
    VALUES,
    Entry,
    app,
    conffile_of,
    data_of,
    opted_in,
    packages,
    pathpatch_package,
    termux,
)


def md5_of(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def with_manual(name, version="1"):
    """An opted-in package whose manual is compressed: its shipped bytes are kept while it is there."""
    package = opted_in(name, version)
    text = SHIPPED + f"{name} {version}\n".encode()
    package.entries.append(Entry(f"{PREFIX}/share/man/{name}.1.gz", content=gzip.compress(text, mtime=0)))
    return package


def divert(root, *words):
    done = root.run("dpkg-divert", f"--root={root.path}", "--package=other", *words)
    assert done.returncode == 0, done.stdout


def test_diverted_after_it_was_patched(root):
    moved = data_of("app") + ".moved"
    root.install(opted_in())
    divert(root, "--add", "--rename", f"--divert={moved}", data_of("app"))
    root.install(opted_in("third"))
    assert root.read(moved) == PATCHED
    root.assert_clean()
    assert "0 not" in root.pathpatch("verify")
    divert(root, "--remove", "--rename", data_of("app"))
    root.install(opted_in(version="2", data=CHANGED))
    assert root.read(data_of("app")) == CHANGED_PATCHED
    root.assert_clean()
    assert "0 not" in root.pathpatch("verify")


def test_override_of_mode(root):
    root.run(
        "dpkg-statoverride", f"--root={root.path}", "--add", "root", "root", "0600", data_of("app")
    )
    # A compressed file is replaced, a conffile is still called otherwise.
    manual = f"/{PREFIX}/share/man/app.1.gz"
    for path in (manual, conffile_of("app")):
        root.run("dpkg-statoverride", f"--root={root.path}", "--add", "root", "root", "2640", path)
    for version, content in (("1", SHIPPED), ("2", CHANGED)):
        package = with_manual("app", version)
        package.entries = [e for e in package.entries if "/" + e.path != conffile_of("app")]
        package.entries.append(Entry(conffile_of("app").lstrip("/"), content=content))
        root.install(package)
        modes = [
            os.stat(root.path / path.lstrip("/")).st_mode & 0o7777
            for path in (data_of("app"), manual, conffile_of("app"))
        ]
        assert modes == [0o600, 0o2640, 0o2640]
        assert root.read(data_of("app")) == PATCHED
        assert gzip.decompress(root.read(manual)).startswith(PATCHED)
        assert root.read(conffile_of("app")) == termux.patched(content, VALUES)
        root.assert_clean()


def test_excluded_then_included(root):
    package = opted_in()
    package.control.pop("postinst")
    root.install(package, options=[f"--path-exclude={data_of('app')}"])
    assert not root.exists(data_of("app"))
    root.install(package)
    assert root.read(data_of("app")) == PATCHED
    root.assert_clean()


def test_file_taken_over_by_another_package(root):
    root.install(opted_in())
    heir = opted_in("heir", Replaces="app")
    heir.entries.append(Entry(data_of("app").lstrip("/"), content=CHANGED))
    root.install(heir)
    assert root.read(data_of("app")) == CHANGED_PATCHED
    assert root.dpkg("--verify") == ""
    listed = root.pathpatch("status", "--json")
    assert '"package":"heir:all"' in listed
    root.dpkg("--purge", "heir")
    root.install(opted_in("third"))
    assert "heir" not in root.pathpatch("status", "--json")
    assert "0 not" in root.pathpatch("verify")


def test_removed_package_leaves_only_its_conffiles(root):
    root.install(opted_in(), opted_in("other"))
    root.dpkg("--remove", "app")
    assert "0 not" in root.pathpatch("verify")
    root.dpkg("--purge", "app")
    root.install(opted_in("third"))
    assert "app.conf" not in root.pathpatch("verify", "--verbose")


def kept_bytes(root):
    """How many shipped contents are kept."""
    return len(os.listdir(root.path / "var/lib/pathpatch/pristine"))


def test_shipped_bytes_of_a_removed_package_go_with_the_next_run(root):
    root.install(with_manual("app"), with_manual("stays"))
    assert kept_bytes(root) == 2
    root.dpkg("--purge", "app")
    root.pathpatch("verify")
    root.install(opted_in("other"))
    assert kept_bytes(root) == 1
    # Nothing is left to do: a reader has no reason to wait for a recovery.
    root.pathpatch("verify")
    root.install(with_manual("stays", "2"))
    assert kept_bytes(root) == 1
    root.pathpatch("verify")
    root.dpkg("--remove", "stays")
    root.install(opted_in("another"))
    assert kept_bytes(root) == 0
    root.pathpatch("verify")


def test_dropped_file(root):
    package = opted_in()
    package.entries.append(Entry(f"{PREFIX}/share/app/more", content=SHIPPED))
    root.install(package)
    root.install(opted_in(version="2"))
    assert "0 not" in root.pathpatch("verify")


def other_tree(root):
    """The default path is a directory of its own: that of the device's first user."""
    link = root.path / "data/data/com.termux"
    link.unlink()
    theirs = root.path / data_of("app").lstrip("/")
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(SHIPPED)
    return theirs


def relocated(package, values):
    """As `deb --relocate` leaves the paths: below the values."""
    prefix = values["TERMUX__PREFIX"].lstrip("/")
    for entry in package.entries:
        entry.path = entry.path.replace(PREFIX, prefix)
    package.conffiles = [path.replace(PREFIX, prefix) for path in package.conffiles]
    package.control["postinst"] = package.control["postinst"].replace(PREFIX, prefix)
    return package


@pytest.fixture(params=["/data/user/10/com.termux", "/data/data/org.example.shell"])
def elsewhere(blank, request):
    """dpkg works on another user's directory, or that of another app; its database is there."""
    data = request.param
    values = {
        name: default.replace("/data/data/com.termux", data)
        for name, (default, _) in termux.TABLE.items()
    }
    theirs = other_tree(blank)
    admindir = blank.path / (values["TERMUX__PREFIX"] + "/var/lib/dpkg").lstrip("/")
    admindir.parent.mkdir(parents=True)
    blank.admindir.rename(admindir)
    blank.admindir = admindir
    blank.environment["TERMUX_APP__DATA_DIR"] = data
    blank.values = values
    blank.theirs = theirs
    blank.options = [f"--instdir={blank.path}", f"--admindir={admindir}"]
    return blank


def dpkg_elsewhere(root, *words):
    done = root.run("dpkg", *root.options, "--force-script-chrootless", *words)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_packages_moved_to_where_the_values_are(elsewhere):
    values = elsewhere.values
    patched = termux.patched(SHIPPED, values)
    for version, content in (("1", SHIPPED), ("2", CHANGED)):
        package = relocated(opted_in(version=version, conffile=content), values)
        debs = [packages.write(one, elsewhere.debs, "none") for one in (pathpatch_package(), package)]
        dpkg_elsewhere(elsewhere, "--install", *debs)
        assert elsewhere.read("/app.saw") == patched + termux.patched(content, values)
        assert dpkg_elsewhere(elsewhere, "--verify") == ""
    assert elsewhere.theirs.read_bytes() == SHIPPED
    elsewhere.environment.pop("TERMUX_APP__DATA_DIR")
    dpkg_elsewhere(elsewhere, "--purge", "app")
    assert elsewhere.theirs.read_bytes() == SHIPPED


def test_tree_that_was_moved_gets_its_new_values(root):
    """The ledger knows its files where they were."""
    values = termux.user_values(11)
    root.install(with_manual("app"), opted_in("other"))
    root.pathpatch("restore", root.path / PREFIX / "etc/own")  # it is of no package
    (root.path / "data/user/10").rename(root.path / "data/user/11")
    link = root.path / "data/data/com.termux"
    link.unlink()
    link.symlink_to("../user/11/com.termux")
    root.pathpatch("dpkg", "configure", f"--set=TERMUX_APP__DATA_DIR={values['TERMUX_APP__DATA_DIR']}")
    for path in (data_of("app"), conffile_of("app"), data_of("other"), conffile_of("other")):
        assert root.read(path) == termux.patched(SHIPPED, values)
    manual = gzip.decompress(root.read(f"/{PREFIX}/share/man/app.1.gz"))
    assert manual.startswith(termux.patched(SHIPPED, values))
    root.pathpatch("verify")
    conffiles = {f"??5?????? c {conffile_of(name)}" for name in ("app", "other")}
    assert set(root.dpkg("--verify").splitlines()) == conffiles
    for version in ("2", "3"):
        root.install(opted_in("app", version, conffile=CHANGED), opted_in("other", version))
        assert root.read(conffile_of("app")) == termux.patched(CHANGED, values)
        assert root.read("/app.saw") == termux.patched(SHIPPED + CHANGED, values)
        root.assert_clean()
    root.pathpatch("restore", "--package", "other")
    assert root.read(data_of("other")) == SHIPPED


def lay_bootstrap(root, values):
    """A package as in a tree that was never installed by dpkg: lists name the default path, the files
    lie below the values."""
    prefix = root.path / values["TERMUX__PREFIX"].lstrip("/")
    for name in ("share/app/data", "etc/app.conf"):
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_bytes(SHIPPED)
    package = opted_in()
    info = root.admindir / "info"
    listed = ["/."] + [f"/{entry.path}" for entry in package.entries]
    (info / "app.list").write_text("".join(f"{path}\n" for path in listed))
    (info / "app.md5sums").write_text(package.md5sums())
    (root.admindir / "status").write_text(
        "Package: app\nStatus: install ok installed\nPriority: optional\nMaintainer: nobody\n"
        "Architecture: all\nVersion: 1\nDynamic-Variables: yes\nDescription: x\n\n"
    )


def test_tree_that_dpkg_never_installed(elsewhere):
    lay_bootstrap(elsewhere, elsewhere.values)
    stray = elsewhere.theirs.parent / "more"
    stray.write_bytes(SHIPPED)
    with open(elsewhere.admindir / "info/app.list", "a") as listed:
        listed.write(f"{data_of('app').rsplit('/', 1)[0]}/more\n")
    elsewhere.pathpatch("dpkg", "configure")
    prefix = elsewhere.values["TERMUX__PREFIX"]
    patched = termux.patched(SHIPPED, elsewhere.values)
    assert elsewhere.read(f"{prefix}/share/app/data") == patched
    assert elsewhere.read(f"{prefix}/etc/app.conf") == patched
    assert elsewhere.theirs.read_bytes() == stray.read_bytes() == SHIPPED
    sums = (elsewhere.admindir / "info/app.md5sums").read_text()
    assert sums.startswith(packages.hashlib.md5(patched).hexdigest())


def test_files_that_a_bootstrap_patched_are_their_packages(elsewhere):
    """They are known, though not whose they are, until dpkg tells."""
    lay_bootstrap(elsewhere, elsewhere.values)
    prefix = elsewhere.values["TERMUX__PREFIX"]
    value = f"--set=TERMUX_APP__DATA_DIR={elsewhere.values['TERMUX_APP__DATA_DIR']}"
    elsewhere.pathpatch("apply", value, *(elsewhere.path / prefix[1:] / name for name in ("share", "etc")))
    assert "no package: 2 files patched" in elsewhere.pathpatch("status")
    elsewhere.pathpatch("dpkg", "configure")
    told = elsewhere.pathpatch("status")
    assert "app:all 1: 2 files patched" in told and "no package" not in told
    elsewhere.pathpatch("verify")
    elsewhere.pathpatch("restore", "--package", "app", "--conffiles")
    assert elsewhere.read(f"{prefix}/share/app/data") == elsewhere.read(f"{prefix}/etc/app.conf") == SHIPPED


def without_dpkg(root, *words, **options):
    """Runs pathpatch where dpkg's database is not to be found, as before it was there."""
    away = root.admindir.rename(root.folder / "away")
    state = f"--state={root.admindir.parent}/pathpatch"
    value = f"--set=TERMUX_APP__DATA_DIR={root.values['TERMUX_APP__DATA_DIR']}"
    prefix = root.path / root.values["TERMUX__PREFIX"][1:]
    done = root.run(BUILD / "pathpatch", *words, f"--root={root.path}", state, value, prefix)
    assert done.returncode == 0, done.stdout
    away.rename(root.admindir)


def told_sums(root):
    lines = (root.admindir / "info/app.md5sums").read_text().splitlines()
    return {path: md5 for md5, path in (line.split("  ") for line in lines)}


class Before:
    """A tree that was patched before dpkg was there: nobody asked for MD5s then; dpkg and debsums do."""

    def __init__(self, root):
        self.root = root
        lay_bootstrap(root, root.values)
        prefix = root.path / root.values["TERMUX__PREFIX"][1:]
        self.manual, self.data = prefix / "share/man/app.1.gz", prefix / "share/app/data"
        self.conffile = prefix / "etc/app.conf"
        self.manual.parent.mkdir()
        self.manual.write_bytes(gzip.compress(SHIPPED, mtime=0))
        info = root.admindir / "info"
        with open(info / "app.list", "a") as listed, open(info / "app.md5sums", "a") as sums:
            listed.write(f"/{PREFIX}/share/man/app.1.gz\n")
            sums.write(f"{md5_of(self.manual)}  {PREFIX}/share/man/app.1.gz\n")
        self.shipped = told_sums(root)
        self.other_home = f"--set=TERMUX__HOME={root.values['TERMUX_APP__DATA_DIR']}/other"
        without_dpkg(root, "apply")
        assert not {md5_of(self.manual), md5_of(self.data)} & set(self.shipped.values())
        assert told_sums(root) == self.shipped

    def check(self):
        """md5sums tells of the files as they are, and as shipped once they are restored."""
        told = told_sums(self.root)
        assert told[f"{PREFIX}/share/man/app.1.gz"] == md5_of(self.manual)
        assert told[data_of("app")[1:]] == md5_of(self.data)
        self.root.pathpatch("verify")
        self.root.pathpatch("restore", "--package", "app", "--conffiles")
        assert told_sums(self.root) == self.shipped
        assert self.data.read_bytes() == gzip.decompress(self.manual.read_bytes()) == SHIPPED


@pytest.fixture
def before(elsewhere):
    return Before(elsewhere)


def test_patched_before_dpkg_was_there(before):
    os.utime(before.data)  # as a backup does that keeps no times
    before.root.pathpatch("dpkg", "configure")
    before.check()


def test_restored_before_the_first_trigger(before):
    before.root.pathpatch("restore", before.manual)
    assert set(told_sums(before.root).values()) == {md5_of(before.manual), md5_of(before.data)}
    before.root.pathpatch("dpkg", "configure")
    before.check()


def test_new_values_before_the_first_trigger(before):
    value = f"--set=TERMUX_APP__DATA_DIR={before.root.values['TERMUX_APP__DATA_DIR']}"
    before.root.pathpatch("apply", "--revalue", value, before.other_home, before.data.parent)
    before.root.pathpatch("dpkg", "configure")
    before.check()


def test_new_values_with_the_first_trigger(before):
    before.root.pathpatch("dpkg", "configure", before.other_home)
    before.check()


def test_new_values_while_dpkg_is_not_found(before):
    """Whoever has a package has MD5s."""
    before.root.pathpatch("dpkg", "configure")
    without_dpkg(before.root, "apply", "--revalue", before.other_home)
    before.root.pathpatch("dpkg", "configure")
    before.check()


def test_conffile_patched_before_dpkg_was_there(before):
    """dpkg recorded it as shipped, and compares it with that."""
    root = before.root
    md5 = hashlib.md5(SHIPPED).hexdigest()
    status = root.admindir / "status"
    status.write_text(
        status.read_text().replace(
            "Description", f"Conffiles:\n {conffile_of('app')} {md5}\nDescription"
        )
    )
    root.pathpatch("apply", "--revalue", before.other_home, before.conffile)
    root.pathpatch("dpkg", "configure")
    root.pathpatch("dpkg", "prepare", "app")
    assert md5_of(before.conffile) == md5


def test_shipped_bytes_were_lost_before_dpkg_was_there(before):
    for kept in (before.root.admindir.parent / "pathpatch/pristine").iterdir():
        kept.unlink()
    before.root.pathpatch("dpkg", "configure")
    assert told_sums(before.root)[f"{PREFIX}/share/man/app.1.gz"] == md5_of(before.manual)


def as_nobody():
    """Termux has no root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def test_unreadable_at_the_first_trigger(before):
    """Its package gets it with the next one."""
    root = before.root
    subprocess.run([*AS_ROOT, "chown", "-R", "65534:65534", root.folder], check=os.geteuid() == 0)
    words = [*as_nobody(), BUILD / "pathpatch", "dpkg", "configure"]
    words += [f"--root={root.path}", f"--admindir={root.admindir}"]
    before.data.chmod(0)
    root.run(*words)
    before.data.chmod(0o644)
    done = root.run(*words)
    assert done.returncode == 0, done.stdout
    assert told_sums(root)[data_of("app")[1:]] == md5_of(before.data)


def test_as_an_ordinary_user(blank):
    subprocess.run([*AS_ROOT, "chown", "-R", "65534:65534", blank.folder], check=os.geteuid() == 0)
    blank.environment["TERMUX_APP__DATA_DIR"] = VALUES["TERMUX_APP__DATA_DIR"]
    for version, content in (("1", SHIPPED), ("2", CHANGED)):
        debs = [
            packages.write(one, blank.debs, "none")
            for one in (pathpatch_package(), opted_in(version=version, conffile=content))
        ]
        done = subprocess.run(
            [*as_nobody(), "dpkg", f"--root={blank.path}", "--force-script-chrootless",
             "--force-not-root", "--force-bad-path", "--install", *debs],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=blank.environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert blank.read("/app.saw") == PATCHED + termux.patched(content, VALUES)
        blank.assert_clean()
    assert os.stat(blank.path / data_of("app").lstrip("/")).st_uid == (os.geteuid() or 65534)


def test_only_the_field_and_a_waiting_trigger(root):
    package = app()
    package.control["triggers"] = "activate-await pathpatch\n"
    root.install(package)
    assert root.read("/app.saw") == SHIPPED + SHIPPED
    assert root.read(data_of("app")) == root.read(conffile_of("app")) == PATCHED
    assert root.status("app") == "installed"
    assert root.run("debsums", f"--root={root.path}", "--silent").returncode == 0
