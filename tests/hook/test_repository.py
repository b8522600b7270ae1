"""A pool becomes a repository for another rootfs: interrupted, gone on with, and installed from by apt.

A sample of packages; PATHPATCH_POOL=all takes 120, of which 20 are real ones of Debian."""

import gzip
import os
import re
import signal
import subprocess
import time

import pytest
import real_packages
from conftest import BUILD, PREFIX, SHIPPED, SOURCE, opted_in, packages, termux, termux_package
from generator.package import Entry

PATCH_POOL = SOURCE / "repository" / "patch-pool"
MADE_COUNT = 100 if real_packages.WHOLE else 12
APP = "/data/data/org.example.terminal"
NEW = f"{APP}/files/usr".lstrip("/")
OPTIONS = ["--relocate", f"--set=TERMUX_APP__DATA_DIR={APP}"]

APT_CONF = """
Dir "{apt}";
Dir::State::status "{root.admindir}/status";
APT::Sandbox::User "root";
APT::Get::Assume-Yes "true";
Acquire::Languages "none";
DPkg::Options {{ "--root={root.path}"; "--force-script-chrootless"; }};
"""


def made(number):
    """A small package that depends on the one before it; each tenth holds some noise, to take time."""
    name = f"app{number:03}"
    fields = {"Depends": f"app{number - 1:03}"} if number > 0 else {}
    one = opted_in(name, **fields)
    one.entries.append(Entry(f"{PREFIX}/bin/{name}", 0o755, f"#!{termux.PREFIX}/bin/sh\n".encode()))
    if number % 10 == 0:
        one.entries.append(Entry(f"{PREFIX}/share/{name}/noise", content=os.urandom(1 << 20)))
    return one


def plain(text):
    """The default paths without their padding, as today's packages have them."""
    for name, (default, _) in termux.TABLE.items():
        text = text.replace(termux.padded(name), default.encode())
    return text


def without_padding(package):
    for entry in package.entries:
        if entry.target is not None:
            entry.target = plain(entry.target.encode()).decode()
        elif entry.content is not None and entry.content[:2] == b"\x1f\x8b":
            entry.content = gzip.compress(plain(gzip.decompress(entry.content)), mtime=0)
        elif entry.content is not None and b"\0" not in entry.content:
            entry.content = plain(entry.content)
    return package


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    for number in range(MADE_COUNT):
        (folder / f"app{number % 7}").mkdir(exist_ok=True)
        packages.write(made(number), folder / f"app{number % 7}", ("xz", "zstd", "gzip")[number % 3])
    (folder / "real").mkdir()
    for number, package in enumerate(real_packages.converted()):
        packages.write(without_padding(package) if number % 2 == 0 else package, folder / "real")
    return folder


def start(*words, **more):
    return subprocess.Popen(
        [PATCH_POOL, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "PARALLEL": "--jobs 3"},
        start_new_session=True,
        **more,
    )


def patch_pool(*words, status=0):
    running = start(*words)
    told, _ = running.communicate()
    assert running.returncode == status, told
    return told


def contents(repository):
    """All that is served but Release, which tells the hour, and its signature."""
    return {
        path.relative_to(repository): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file() and ".patch-pool" not in path.parts and "Release" not in path.name
    }


@pytest.fixture(scope="module")
def moved(pool, tmp_path_factory):
    repository = tmp_path_factory.mktemp("repository") / "moved"
    patch_pool(pool, repository, *OPTIONS)
    return repository


def identity(path):
    """Another one when the file was written again."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def jobs_done(repository):
    log = repository / ".patch-pool/joblog"
    return max(0, len(log.read_text().splitlines()) - 1) if log.exists() else 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_interrupted(pool, moved, tmp_path, how):
    repository = tmp_path / "moved"
    running = start(pool, repository, *OPTIONS)
    while jobs_done(repository) < MADE_COUNT // 3 and running.poll() is None:
        time.sleep(0.002)
    os.killpg(running.pid, how)
    running.communicate()
    assert running.returncode != 0
    done = {deb: identity(deb) for deb in repository.rglob("*.deb")}
    assert 0 < len(done) < MADE_COUNT
    assert not (repository / "Packages").exists()
    for deb in done:
        subprocess.run(["dpkg-deb", "--info", deb], stdout=subprocess.DEVNULL, check=True)
    patch_pool(pool, repository, *OPTIONS)
    assert contents(repository) == contents(moved)
    assert {deb: identity(deb) for deb in done} == done


def test_changes_of_the_pool(pool, tmp_path):
    small = tmp_path / "pool"
    small.mkdir()
    one, two = (packages.write(made(number), small, "none") for number in (0, 1))
    repository = tmp_path / "moved"
    patch_pool(small, repository, *OPTIONS)
    moved = repository / "pool" / one.name
    first, content = identity(moved), moved.read_bytes()
    two.unlink()
    packages.write(made(2), small, "none")
    patch_pool(small, repository, *OPTIONS)
    assert {deb.name for deb in (repository / "pool").iterdir()} == {deb.name for deb in small.iterdir()}
    assert identity(moved) == first
    # Other values are another repository.
    patch_pool(small, repository, "--relocate", "--set=TERMUX_APP__DATA_DIR=/data/data/x")
    assert moved.read_bytes() != content


def test_a_package_that_is_none(pool, tmp_path):
    small = tmp_path / "pool"
    small.mkdir()
    one = packages.write(made(0), small, "none")
    (small / "broken.deb").write_bytes(one.read_bytes()[:3000])
    repository = tmp_path / "moved"
    told = patch_pool(small, repository, *OPTIONS, status=2)
    assert "broken.deb: " in told
    assert [deb.name for deb in (repository / "pool").iterdir()] == [one.name]
    assert not (repository / "Packages").exists()
    (small / "broken.deb").unlink()
    patch_pool(small, repository, *OPTIONS)
    assert (repository / "Packages").read_text().count("Package:") == 1


def make_text():
    """The makefile of the page."""
    page = (SOURCE / "repository/README.md").read_text()
    block = re.search(r"(?:^    .*\n)+", page[page.index("For make:") :], re.M).group()
    return re.sub("^    ", "", block, flags=re.M)


def test_make(pool, moved, tmp_path):
    (tmp_path / "pool").symlink_to(pool)
    (tmp_path / "Makefile").write_text(make_text().replace("find pool", "find pool/ -mindepth 1"))
    subprocess.run(
        ["make", "-s", "-j2", f"OPTIONS={' '.join(OPTIONS)}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"},
    )
    written = {deb.relative_to(tmp_path / "moved/pool"): deb.read_bytes() for deb in (tmp_path / "moved").rglob("*.deb")}
    assert written == {deb.relative_to(moved / "pool"): deb.read_bytes() for deb in moved.rglob("*.deb")}


def sign(repository, home):
    """Signs as the page says, with a key made for that. Returns the public one."""
    home.mkdir(mode=0o700)
    command = re.search(r"`(gpg [^`]*)`", (SOURCE / "repository/README.md").read_text()).group(1).split()
    environment = {**os.environ, "GNUPGHOME": str(home)}
    make = ["--quick-generate-key", "nobody@localhost", "ed25519", "sign", "never"]
    for words in (["gpg", *make], command, ["gpg", "--output", home / "key.gpg", "--export"]):
        subprocess.run(
            [words[0], "--batch", "--yes", "--passphrase", "", "--pinentry-mode", "loopback", *words[1:]],
            cwd=repository,
            env=environment,
            check=True,
            capture_output=True,
        )
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)
    return home / "key.gpg"


def names_the_default(content):
    return b"/data/data/com.termux" in termux_package.decoded(content)


class Apt:
    """apt with folders of its own, for a root."""

    def __init__(self, root, repository):
        self.root = root
        apt = root.folder / "apt"
        for name in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/log/apt", "var/cache/apt/archives/partial"):
            (apt / name).mkdir(parents=True)
        key = sign(repository, root.folder / "gnupg")
        (apt / "etc/apt/sources.list").write_text(f"deb [signed-by={key}] file:{repository} ./\n")
        conf = root.folder / "apt.conf"
        conf.write_text(APT_CONF.format(apt=apt, root=root))
        root.environment["APT_CONFIG"] = str(conf)

    def __call__(self, *words):
        done = self.root.run("apt-get", *words)
        assert done.returncode == 0, done.stdout
        return done.stdout


def test_apt_installs(bare, pool, moved):
    apt = Apt(bare, moved)
    apt("update")
    names = sorted(
        subprocess.run(["dpkg-deb", "-f", deb, "Package"], capture_output=True, text=True, check=True).stdout.strip()
        for deb in moved.rglob("*.deb")
    )
    assert len(names) == MADE_COUNT + len(real_packages.NAMES)
    # The last one brings all the others that were made.
    apt("install", f"app{MADE_COUNT - 1:03}", *(name for name in names if name.startswith("fixture-")))
    assert [bare.status(name) for name in names] == ["installed"] * len(names)
    bare.assert_clean()
    data = bare.read(f"{NEW}/share/app000/data")
    assert data == SHIPPED.replace(termux.padded("TERMUX__PREFIX"), termux.padded("TERMUX__PREFIX", "/" + NEW)).replace(
        termux.padded("TERMUX__HOME"), termux.padded("TERMUX__HOME", f"{APP}/files/home")
    )
    # What names the old path is told, and nothing else does.
    told = {
        line.split("!", 1)[1].split(":")[0].split("!")[0]
        for file in (moved / ".patch-pool/left").rglob("*.txt")
        for line in file.read_text().splitlines()
        if "with escapes or line breaks" not in line
    }
    naming = {
        str(path.relative_to(bare.path))
        for path in (bare.path / APP.lstrip("/")).rglob("*")
        if path.is_file() and not path.is_symlink() and names_the_default(path.read_bytes())
    }
    assert {name.replace(APP.lstrip("/"), "data/data/com.termux") for name in naming} == told
    for path in (bare.path / APP.lstrip("/")).rglob("*"):
        assert not path.is_symlink() or "com.termux" not in os.readlink(path)
