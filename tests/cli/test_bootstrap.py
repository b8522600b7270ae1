"""pathpatch bootstrap against unzip, GNU tar, ln and bytes.replace; and archives that mean no good."""

import gzip
import hashlib
import io
import json
import os
import random
import stat
import subprocess
import tarfile
import threading
import zipfile

import pytest
from bootstrap_trees import (
    DATA_DIR,
    HOME,
    PREFIX,
    STATE,
    TIME,
    USR,
    Device,
    File,
    Folder,
    Hardlink,
    describe,
    patched,
    sample,
    tar_info,
    unpacked,
    write_tar,
    write_zip,
)
from generator import termux
from notify_peers import Squatter, listener, new_name

DONE, FINDINGS, REFUSED, FAILURE, PEER = 0, 1, 2, 3, 77


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path)


def expected(archive, tmp_path, entries):
    told = {name for name, entry in entries.items() if isinstance(entry, Folder)}
    tree = unpacked(archive, tmp_path / "oracle")
    (tree / "bin/told-by-the-table").chmod(0o755)
    return describe(tree, patch=True, told=told), told


def check_tree(device, archive, tmp_path, entries):
    wanted, told = expected(archive, tmp_path, entries)
    found = describe(device.dest, told=told)
    # Our own state folder needs folders above it.
    wanted.update({"var": ("folder",), "var/lib": ("folder",)})
    assert found == wanted
    assert device.beside() == ["usr"]
    assert not any(path.lstat().st_uid != os.geteuid() for path in device.dest.rglob("*"))


# ---- the tree ----


@pytest.mark.parametrize("jobs", [1, 4])
def test_zip_is_what_unzip_ln_and_replace_make_of_it(device, tmp_path, jobs):
    entries = sample()
    archive = write_zip(tmp_path / "a.zip", entries)
    done = device.bootstrap(archive, f"--jobs={jobs}")
    check_tree(device, archive, tmp_path, entries)
    assert "14 files, 7 patched (8 placeholders), 0 could not be, 2 executables left" in done.stdout


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_tar_is_what_tar_and_replace_make_of_it(device, tmp_path, compression):
    entries = sample()
    entries["etc/twice.conf"] = Hardlink("etc/plain.conf")
    archive = write_tar(tmp_path / "archive", entries, compression)
    device.bootstrap(archive)
    check_tree(device, archive, tmp_path, entries)
    assert (device.dest / "etc/twice.conf").samefile(device.dest / "etc/plain.conf")
    # Both names have a row: verify looks at what the ledger knows.
    assert "8 files as patched, 0 not" in device.pathpatch("verify", *values()).stdout


@pytest.mark.parametrize("jobs", [1, 4])
def test_tar_in_blocks_of_xz(device, tmp_path, jobs):
    entries = sample()
    entries |= {f"share/{i}": File(os.urandom(40000) + entries["etc/plain.conf"].content) for i in range(30)}
    plain = write_tar(tmp_path / "plain", entries)
    with open(tmp_path / "archive", "wb") as out:
        subprocess.run(["xz", "-0", "-c", "-T2", "--block-size=128KiB", plain], stdout=out, check=True)
    device.bootstrap(tmp_path / "archive", f"--jobs={jobs}")
    check_tree(device, plain, tmp_path, entries)


def test_damaged_blocks_of_xz_are_told_alike(device, tmp_path):
    noise = random.Random(6)
    entries = {f"share/{i}": File(noise.randbytes(20000) + HOME) for i in range(40)}
    plain = write_tar(tmp_path / "plain", entries)
    good = subprocess.run(["xz", "-0", "-c", "-T2", "--block-size=128KiB", plain], capture_output=True, check=True)
    archive = tmp_path / "archive"
    for at in noise.sample(range(len(good.stdout)), 12):
        archive.write_bytes(good.stdout[:at] + bytes([good.stdout[at] ^ 0x20]) + good.stdout[at + 1 :])
        said = [device.bootstrap(archive, f"--jobs={jobs}", status=FAILURE) for jobs in (1, 4)]
        assert (said[0].stdout, said[0].stderr) == (said[1].stdout, said[1].stderr), at


def test_zstd_tar(device, tmp_path):
    entries = sample()
    plain = write_tar(tmp_path / "plain", entries)
    subprocess.run(["zstd", "-q", plain, "-o", tmp_path / "archive"], check=True)
    device.bootstrap(tmp_path / "archive")
    check_tree(device, plain, tmp_path, entries)


def values():
    return [f"--set=TERMUX_APP__DATA_DIR={DATA_DIR}"]


def test_a_second_run_has_nothing_to_do_and_verify_agrees(device, tmp_path):
    device.bootstrap(write_zip(tmp_path / "a.zip", sample()))
    before = describe(device.dest)
    done = device.pathpatch("apply", device.dest, *values())
    assert " 0 patched" in done.stdout
    assert "7 files as patched, 0 not" in device.pathpatch("verify", *values()).stdout
    assert describe(device.dest) == before


def test_what_was_recorded_leads_to_other_values(device, tmp_path):
    """Hits and shipped bytes of the ledger are right if another value can be written by them."""
    entries = sample()
    archive = write_zip(tmp_path / "a.zip", entries)
    device.bootstrap(archive)
    state = f"--state={device.dest / STATE}"
    device.pathpatch("apply", device.dest, "--revalue", state, *values(), "--set=TERMUX__PREFIX=/other")
    other = termux.padded("TERMUX__PREFIX", "/other")
    assert (device.dest / "etc/plain.conf").read_bytes() == patched(
        b"prefix=" + other + b"/lib:" + HOME + b"\n"
    )
    assert os.readlink(device.dest / "lib/absolute") == other.decode() + "/etc/plain.conf"
    wide = (device.dest / "lib/wide.bin").read_bytes()
    assert wide == b"odd" + other.decode().encode("utf-16-le")
    # And back: compressed content is made from the shipped bytes.
    device.pathpatch("apply", device.dest, "--revalue", state, *values(), f"--set=TERMUX__PREFIX={PREFIX}")
    found = describe(device.dest)
    wanted, _ = expected(archive, tmp_path, entries)
    assert {k: v for k, v in found.items() if v[0] == "file"} == {
        k: v for k, v in wanted.items() if v[0] == "file"
    }


def test_the_bytes_are_those_that_apply_writes(device, tmp_path):
    """Compressed content too: the same way in, the same way out."""
    entries = sample()
    archive = write_zip(tmp_path / "a.zip", entries)
    device.bootstrap(archive)
    other = Device(tmp_path / "other")
    unpacked(archive, other.dest)
    other.pathpatch("apply", other.dest, *values())

    def content(folder):
        files = (path for path in sorted(folder.rglob("*")) if STATE not in str(path))
        return {
            str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
            for path in files
            if path.is_symlink() or path.is_file()
        }

    assert content(device.dest) == content(other.dest)


def test_values_and_environment_are_recorded(device, tmp_path):
    device.bootstrap(write_zip(tmp_path / "a.zip", sample()))
    recorded = (device.dest / STATE / "values").read_text()
    assert f"TERMUX__PREFIX={PREFIX}\n" in recorded
    environment = (device.dest / STATE / "environment").read_text().splitlines()
    assert f"TERMUX__PREFIX={PREFIX}" in environment
    assert f"TERMUX__HOME={DATA_DIR}/files/home" in environment
    # The env-file stands for the values.
    done = device.pathpatch("apply", device.dest, f"--env-file={device.dest / STATE / 'environment'}")
    assert " 0 patched" in done.stdout


def test_default_values_unpack_and_patch_nothing(device, tmp_path):
    entries = sample()
    archive = write_zip(tmp_path / "a.zip", entries)
    dest = device.root / termux.PREFIX.lstrip("/")
    dest.parent.mkdir(parents=True)
    device.pathpatch("bootstrap", archive, dest)
    tree = unpacked(archive, tmp_path / "oracle")
    (tree / "bin/told-by-the-table").chmod(0o755)
    found = describe(dest)
    assert found.pop("var") and found.pop("var/lib")
    assert found == describe(tree)


def test_modes_and_times(device, tmp_path):
    entries = {
        "etc": Folder(0o711),
        "etc/set": File(b"x", 0o6755),
        "libexec/a/tool": File(b"x", 0o640),
        "lib/apt/methods/http": File(b"x", 0o600),
        "lib/apt/other": File(b"x", 0o600),
        "tmp": Folder(0o1777),
        "read-only": Folder(0o555),
        "read-only/x": File(b"x", 0o444),
    }
    device.bootstrap(write_zip(tmp_path / "a.zip", entries))
    modes = {name: (device.dest / name).stat().st_mode & 0o7777 for name in entries}
    assert modes == {
        "etc": 0o711,
        "etc/set": 0o755,
        "libexec/a/tool": 0o750,
        "lib/apt/methods/http": 0o700,
        "lib/apt/other": 0o600,
        "tmp": 0o1777,
        "read-only": 0o555,
        "read-only/x": 0o444,
    }
    assert {(device.dest / name).stat().st_mtime for name in entries} == {TIME}
    assert device.dest.stat().st_mode & 0o7777 == 0o755
    (device.dest / "read-only").chmod(0o755)


def test_a_zip_that_does_not_tell_modes(device, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("bin/x", "etc/x"):
            info = zipfile.ZipInfo(name)
            info.create_system = 0
            archive.writestr(info, b"x")
        archive.writestr(zipfile.ZipInfo("etc/unix"), b"x")
        archive.infolist()[-1].external_attr = 0
    device.bootstrap(tmp_path / "a.zip")
    assert (device.dest / "bin/x").stat().st_mode & 0o7777 == 0o755
    assert (device.dest / "etc/x").stat().st_mode & 0o7777 == 0o644
    assert (device.dest / "etc/unix").stat().st_mode & 0o7777 == 0o644


def test_a_table_of_ones_own_says_what_is_executable(device, tmp_path):
    (tmp_path / "table.ini").write_text(
        "[table]\nname = own\nstate = /opt/app/state\nadmindir = /opt/app/dpkg\n"
        "executable = /opt/app/run\n[APP]\ndefault = /opt/app\nlength = 40\nenv = APP\n"
    )
    entries = {"run/x": File(b"x"), "bin/x": File(b"at " + b"/opt/app".ljust(40, b"/"))}
    archive = write_zip(tmp_path / "a.zip", entries)
    words = (f"--table={tmp_path / 'table.ini'}", f"--set=APP={PREFIX}")
    device.pathpatch("bootstrap", archive, device.dest, *words)
    assert (device.dest / "run/x").stat().st_mode & 0o111 == 0o111
    assert (device.dest / "bin/x").stat().st_mode & 0o111 == 0
    assert (device.dest / "bin/x").read_bytes() == b"at " + PREFIX.encode().ljust(40, b"/")
    assert (device.dest / "state/ledger.db").exists()


def test_a_damaged_file_is_unpacked_as_shipped_and_reported(device, tmp_path):
    whole = gzip.compress(b"see " + USR + b"\n" * 999)
    entries = {"a.gz": File(whole[:-9]), "b.gz": File(whole)}
    done = device.bootstrap(write_zip(tmp_path / "a.zip", entries), status=FINDINGS)
    assert (device.dest / "a.gz").read_bytes() == whole[:-9]
    assert gzip.decompress((device.dest / "b.gz").read_bytes()) == patched(gzip.decompress(whole))
    assert "usr/a.gz: gzip" in done.stderr


def test_devices_are_left_out_and_reported(device, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        pipe = tar_info("run/pipe", Folder())
        pipe.type = tarfile.FIFOTYPE
        archive.addfile(pipe)
        archive.addfile(tar_info("x", File(b"x")), io.BytesIO(b"x"))
    done = device.bootstrap(tmp_path / "a.tar", status=FINDINGS)
    assert "usr/run/pipe: " in done.stderr
    assert (device.dest / "x").exists() and not (device.dest / "run/pipe").exists()


def test_json(device, tmp_path):
    done = device.bootstrap(write_zip(tmp_path / "a.zip", sample()), "--json")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert objects[-1]["type"] == "summary" and objects[-1]["command"] == "bootstrap"
    assert objects[-1]["patched"] == 7
    files = {o["path"]: o["outcome"] for o in objects[:-1]}
    assert files[f"{PREFIX[1:]}/etc/plain.conf"] == "patched"
    assert files[f"{PREFIX[1:]}/lib/program"] == "found"
    assert len(files) == 9


def test_dry_run_writes_nothing(device, tmp_path):
    archive = write_zip(tmp_path / "a.zip", sample())
    done = device.bootstrap(archive, "--dry-run", "--then=touch ran", "--notify=@nobody-is-here")
    assert "14 files, 7 would be patched" in done.stdout
    device.check_untouched()


# ---- where the archive comes from ----


def serve(name, content):
    """An app that sends the archive to the first who connects."""
    sock = listener(name)

    def send():
        connection, _ = sock.accept()
        with connection:
            connection.sendall(content)
        sock.close()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("source", ["-", "fd", "fd at an offset", "@name"])
def test_sources_give_the_same_tree(device, tmp_path, form, source):
    entries = sample()
    archive = tmp_path / f"archive.{form}"
    if form == "zip":
        write_zip(archive, entries)
    else:
        write_tar(archive, entries, form.partition(".")[2])
    if source == "@name":
        name = new_name()
        thread = serve(name, archive.read_bytes())
        device.bootstrap("@" + name)
        thread.join()
    elif source == "-":
        cat = subprocess.Popen(["cat", archive], stdout=subprocess.PIPE)
        device.bootstrap("-", stdin=cat.stdout)
        cat.stdout.close()
        assert cat.wait() == 0
    else:
        before = b"other bytes" if "offset" in source else b""
        (tmp_path / "within").write_bytes(before + archive.read_bytes())
        with open(tmp_path / "within", "rb", buffering=0) as file:
            file.seek(len(before))
            device.bootstrap(f"fd:{file.fileno()}", pass_fds=[file.fileno()])
    check_tree(device, archive, tmp_path, entries)


def test_an_archive_of_a_stranger_is_not_read(device):
    name = new_name()
    squatter = Squatter(name, 4321)
    done = device.bootstrap("@" + name, status=PEER)
    assert squatter.counts() == (1, 0)
    assert "4321" in done.stderr
    device.check_untouched()


def test_nobody_sends(device):
    assert "nobody listens" in device.bootstrap("@" + new_name(), status=FAILURE).stderr
    device.check_untouched()


@pytest.mark.parametrize("source", ["file", "-", "@name"])
def test_sha256(device, tmp_path, source):
    archive = write_tar(tmp_path / "a.tar", sample())
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()

    def run(pin, status):
        words = ("-" if source == "-" else archive, f"--sha256={pin}")
        if source == "@name":
            name = new_name()
            thread = serve(name, archive.read_bytes())
            done = device.bootstrap(f"@{name}", words[1], status=status)
            thread.join()
            return done
        if source == "file":
            return device.bootstrap(*words, status=status)
        with subprocess.Popen(["cat", archive], stdout=subprocess.PIPE) as cat:
            return device.bootstrap(*words, status=status, stdin=cat.stdout)

    done = run("0" * 64, REFUSED)
    assert digest in done.stderr
    device.check_untouched()
    run(digest.upper(), DONE)
    assert (device.dest / "etc/plain.conf").exists()


# ---- dpkg's database ----


def database():
    content = b"prefix=" + USR + b"\n"
    md5 = hashlib.md5(content).hexdigest()
    prefix = termux.PREFIX.lstrip("/")
    stanza = (
        "Package: {}\nStatus: install ok installed\nMaintainer: nobody <n@localhost>\n"
        "Architecture: {}\n{}Version: 1\nDescription: none\n\n"
    )
    admindir = "var/lib/dpkg"
    return {
        "etc/a.conf": File(content),
        "etc/b.conf": File(content + b"b"),
        f"{admindir}/status": File(
            (
                stanza.format("a", "all", "")
                + stanza.format("b", "amd64", "Multi-Arch: same\n")
                + stanza.format("pathpatch", "all", "")
            ).encode()
        ),
        f"{admindir}/info/a.list": File(f"/.\n/{prefix}/etc/a.conf\n".encode()),
        f"{admindir}/info/a.md5sums": File(f"{md5}  {prefix}/etc/a.conf\n".encode()),
        f"{admindir}/info/b:amd64.list": File(f"/.\n/{prefix}/etc/b.conf\n".encode()),
        f"{admindir}/info/b:amd64.md5sums": File(
            f"{hashlib.md5(content + b'b').hexdigest()}  {prefix}/etc/b.conf\n".encode()
        ),
        # Not ours to patch: dpkg runs it, and the hook looks after it.
        f"{admindir}/info/a.postinst": File(b"echo " + USR + b"\n"),
    }


def test_dpkgs_database_is_taken_over(device, tmp_path):
    device.bootstrap(write_zip(tmp_path / "a.zip", database()))
    admindir = device.dest / "var/lib/dpkg"
    # The default path leads to where the values are, as on a device.
    (device.root / "data/data").mkdir(parents=True)
    (device.root / "data/data/com.termux").symlink_to("../user/10/com.termux")
    done = subprocess.run(
        ["dpkg", f"--root={device.root}", f"--admindir={admindir}", "--verify"], capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert (admindir / "triggers/pathpatch").read_text() == "pathpatch\n"
    assert (admindir / "info/pathpatch.triggers").read_text() == "interest-await pathpatch\n"
    assert (admindir / "info/a.postinst").read_bytes() == b"echo " + USR + b"\n"
    status = device.pathpatch("status", *values()).stdout
    assert "a:all" in status and "b:amd64" in status


def test_a_database_behind_symlinks_is_left_alone(device, tmp_path):
    outside = tmp_path / "outside"
    (outside / "info").mkdir(parents=True)
    for name, entry in database().items():
        if name.startswith("var/lib/dpkg/"):
            (outside / name.removeprefix("var/lib/dpkg/")).write_bytes(entry.content)
    before = describe(outside)
    entries = {"etc/a.conf": database()["etc/a.conf"]}
    archive = write_zip(tmp_path / "a.zip", entries, links=f"{outside}←./var/lib/dpkg\n")
    device.bootstrap(archive)
    assert describe(outside) == before
