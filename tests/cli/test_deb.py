"""pathpatch deb, against Python's tarfile and the tools of the compressions."""

import hashlib
import os
import subprocess

import pytest
from debs import CODERS, CONTROL, archive, deb, members, parse, tar
from patching import BUILD, PLACEHOLDER, TEXT, VALUE, VALUES, patched, tool

SETS = [f"--set={name}={value}" for name, value in VALUES.items()]
PREFIX = "./data/data/com.termux/files/usr"
NOISE = os.urandom(1 << 16)
FILES = {
    "./": None,
    f"{PREFIX}/share/": None,
    f"{PREFIX}/share/text": TEXT,
    f"{PREFIX}/share/noise": NOISE,
    f"{PREFIX}/share/link": PLACEHOLDER.decode() + "/x",
}


def sums(files):
    lines = [
        f"{hashlib.md5(content).hexdigest()}  {name[2:]}\n"
        for name, content in files.items()
        if isinstance(content, bytes)
    ]
    return "".join(lines).encode()


def run(*words, status=0, content=b"", **more):
    done = subprocess.run([BUILD / "pathpatch", "deb", *SETS, *words], input=content, capture_output=True, **more)
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def shipped(tmp_path):
    """Writes a package to IN.deb; gives that and OUT.deb in a folder of its own."""
    (tmp_path / "out").mkdir()

    def write(data=None):
        (tmp_path / "in.deb").write_bytes(deb(FILES, control={"./md5sums": sums(FILES)}) if data is None else data)
        return tmp_path / "in.deb", tmp_path / "out/out.deb"

    return write


def left_behind(out):
    return [name for name in os.listdir(out.parent)]


@pytest.mark.parametrize("suffix", CODERS)
def test_forms(shipped, suffix):
    source, out = shipped(deb(FILES, suffix, {"./md5sums": sums(FILES)}, [("_notes", b"x")]))
    run(source, out)
    before, after = source.read_bytes(), out.read_bytes()
    assert list(parse(before)) == list(parse(after))
    assert parse(after)["debian-binary"] == b"2.0\n" and parse(after)["_notes"] == b"x"
    for (name, header, content), (new_name, new_header, new) in zip(
        members(before, "data"), members(after, "data"), strict=True
    ):
        assert name == new_name and header[:-1] == new_header[:-1]
        assert new_header[-1] == header[-1].replace(PLACEHOLDER.decode(), VALUE.decode())
        assert new == (patched(content) if content is not None else None)
    control = {name: content for name, _, content in members(after, "control")}
    assert control["./md5sums"] == sums({name: patched(c) if isinstance(c, bytes) else c for name, c in FILES.items()})
    assert control["./control"] == CONTROL


def test_many_files_and_no_sums(shipped):
    """As in an installer's package (.udeb) there are no md5sums, and none are made."""
    files = {f"{PREFIX}/share/d{i % 50}/file{i}": PLACEHOLDER + b"/%d\n" % i for i in range(5000)}
    source, out = shipped(deb(files))
    run("--relocate", source, out)
    found = members(out.read_bytes(), "data")
    moved = {name.replace("/data/data/com.termux", "/data/user/10/com.termux"): patched(c) for name, c in files.items()}
    assert {name: content for name, header, content in found if content is not None} == moved
    assert [name for name, _, content in found if content is None].count("./data/user/10/com.termux/files/usr") == 1
    assert [name for name, _, _ in members(out.read_bytes(), "control")] == [".", "./control"]


def test_nothing_to_write(shipped):
    source, out = shipped(deb({"./": None, "./etc/x": b"nothing\n"}))
    done = run(source, out)
    assert out.read_bytes() == source.read_bytes()
    assert b"0 patched" in done.stdout


def test_blocks_and_levels_are_kept(shipped, tmp_path):
    text = b"".join(b"%d %s\n" % (i, TEXT) for i in range(4000))
    data = tar({f"{PREFIX}/text": text})
    for suffix, stored in (
        (".xz", tool("xz", "-3", "-T2", "--block-size=1MiB", "-c", content=data)),
        (".zst", tool("zstd", "-12", "-q", "-c", content=data)),
    ):
        whole = [("debian-binary", b"2.0\n"), ("control.tar.gz", CODERS[".gz"](tar({"./control": CONTROL})))]
        source, out = shipped(archive([*whole, ("data.tar" + suffix, stored)]))
        run(source, out)
        new = parse(out.read_bytes())["data.tar" + suffix]
        assert members(out.read_bytes(), "data")[0][2] == patched(text)
        if suffix == ".xz":
            again = tool("xz", "-3", "-T2", "--block-size=1MiB", "-c", content=data.replace(text, patched(text)))
        else:
            again = tool("zstd", "-12", "-q", "-c", content=data.replace(text, patched(text)))
        assert new == again


@pytest.mark.parametrize("chosen", ["none", "gzip", "xz", "zstd"])
@pytest.mark.parametrize("suffix", ["", ".bz2", ".zst"])
def test_chosen_compression(shipped, suffix, chosen):
    source, out = shipped(deb(FILES, suffix))
    run(f"--compress={chosen}", source, out)
    after = out.read_bytes()
    end = {"none": "", "gzip": ".gz", "xz": ".xz", "zstd": ".zst"}[chosen]
    assert list(parse(after)) == ["debian-binary", "control.tar" + end, "data.tar" + end]
    found = {name: content for name, _, content in members(after, "data")}
    assert found[f"{PREFIX}/share/text"] == patched(TEXT)
    tool("dpkg-deb", "--info", out)
    tool("dpkg-deb", "--contents", out)


def test_a_compression_that_cannot_be_kept(shipped):
    data = tar({f"{PREFIX}/text": b"/data/data/com.termux/files/usr\n" * 1000})
    stored = CODERS[".lzma"](data)
    # It tells its length.
    stored = stored[:5] + len(data).to_bytes(8, "little") + stored[13:]
    source, out = shipped(
        archive([("debian-binary", b"2.0\n"), ("control.tar", GOOD_CONTROL), ("data.tar.lzma", stored)])
    )
    done = run("--relocate", source, out, status=3)
    assert done.stderr.endswith(b"; --compress=xz writes it in another way\n")
    run("--relocate", "--compress=xz", source, out)
    assert members(out.read_bytes(), "data")[-1][2] == b"/data/user/10/com.termux/files/usr\n" * 1000


def test_standard_input_and_output(shipped):
    source, out = shipped()
    run(source, out)
    done = run("-", "-", content=source.read_bytes())
    assert done.stdout == out.read_bytes()


def test_same_bytes_whatever_is_around(shipped, tmp_path):
    source, out = shipped()
    run("--relocate", source, out)
    once = hashlib.sha256(out.read_bytes()).digest()
    (tmp_path / "tmp").mkdir()
    surroundings = [
        (["--jobs=1"], {}),
        (["--jobs=7"], {"umask": 0o77}),
        ([], {"env": {**os.environ, "TZ": "Pacific/Apia", "LC_ALL": "tr_TR.UTF-8", "TMPDIR": str(tmp_path / "tmp")}}),
        ([], {"env": {**os.environ, "SOURCE_DATE_EPOCH": "1"}, "cwd": "/"}),
    ]
    for words, more in surroundings:
        run("--relocate", *words, source, out, **more)
        assert hashlib.sha256(out.read_bytes()).digest() == once
    tool("faketime", "2031-01-01", BUILD / "pathpatch", "deb", "--relocate", *SETS, source, out)
    assert hashlib.sha256(out.read_bytes()).digest() == once


def test_what_is_installed_here_does_not_count(shipped, tmp_path):
    table = tmp_path / "other.ini"
    table.write_text(
        "[table]\nname = other\nstate = /opt/other/state\nadmindir = /opt/other/dpkg\n"
        "[OTHER]\ndefault = /opt/other\nlength = 40\nenv = OTHER\n"
    )
    other = b"/opt/other" + b"/" * 30
    text = tmp_path / "text"
    text.write_bytes(other)
    source, out = shipped(deb({**FILES, f"{PREFIX}/other": other}))
    # The table is installed in a mount namespace of its own.
    script = (
        f"mount -t tmpfs none /usr/share && mkdir -p /usr/share/pathpatch/tables && "
        f"cp {table} /usr/share/pathpatch/tables && {BUILD}/pathpatch scan {text} && "
        f"OTHER=/srv {BUILD}/pathpatch deb {' '.join(SETS)} {source} {out}"
    )
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    assert b": OTHER\n" in tool("unshare", "--mount", *user, "sh", "-euc", script)
    found = {name: content for name, _, content in members(out.read_bytes(), "data")}
    assert found[f"{PREFIX}/other"] == other and found[f"{PREFIX}/share/text"] == patched(TEXT)


def test_dry_run(shipped):
    source, out = shipped()
    done = run("--dry-run", source, out)
    assert b"2 would be patched" in done.stdout
    assert left_behind(out) == []


def test_refused(shipped, tmp_path):
    source, out = shipped()
    before = source.read_bytes()
    (tmp_path / "hard.deb").hardlink_to(source)
    (tmp_path / "soft.deb").symlink_to(source)
    for words in ([source, source], [source, tmp_path / "hard.deb"], [source, tmp_path / "soft.deb"],
                  [source, tmp_path], [source], [source, out, out], [tmp_path, out], ["--json", source, "-"], ["--compress=rar", source, out]):
        assert run(*words, status=2).stderr.startswith(b"pathpatch: ")
    assert source.read_bytes() == before and left_behind(out) == []
    done = subprocess.run([BUILD / "pathpatch", "deb", source, out], capture_output=True, env={"PATH": "/usr/bin"})
    assert done.returncode == 2 and b"every value is the default" in done.stderr


def test_a_device_stays_one(shipped):
    source, _ = shipped()
    run(source, "/dev/null")
    assert os.path.exists("/dev/null") and not os.path.isfile("/dev/null")
    assert b"pathpatch: /dev/full: " in run(source, "/dev/full", status=3).stderr


def ends_of(data):
    """Places to cut at: in and around each header, and within each part."""
    at, ends = 8, {0, 4, 8}
    while at < len(data):
        size = int(data[at + 48 : at + 58])
        ends |= {at + 1, at + 59, at + 60, at + 61, at + 60 + size // 2, at + 60 + size - 1}
        at += 60 + size + size % 2
    return sorted(end for end in ends if end < len(data) - 1)


def binary(control=None, data=None, version=b"2.0\n"):
    parts = [("debian-binary", version)]
    if control is not None:
        parts.append(("control.tar", control))
    if data is not None:
        parts.append(("data.tar", data))
    return archive(parts)


GOOD_CONTROL = tar({"./control": CONTROL})
BOMB = CODERS[".xz"](tar({"./zeros": bytes(200 << 20)}))
HOSTILE = {
    "empty": b"",
    "no archive": b"x" * 1000,
    "no debian-binary": archive([("control.tar", GOOD_CONTROL), ("data.tar", tar({}))]),
    "another format": binary(GOOD_CONTROL, tar(FILES), b"3.0\n"),
    "no control.tar": binary(data=tar(FILES)),
    "no data.tar": binary(GOOD_CONTROL),
    "no control": binary(tar({"./md5sums": b""}), tar(FILES)),
    "out of order": archive([("debian-binary", b"2.0\n"), ("data.tar", tar(FILES)), ("control.tar", GOOD_CONTROL)]),
    "twice": archive([("debian-binary", b"2.0\n"), ("control.tar", GOOD_CONTROL), ("control.tar", GOOD_CONTROL)]),
    "a member between": archive([("debian-binary", b"2.0\n"), ("control.tar", GOOD_CONTROL), ("x", b"x"), ("data.tar", tar(FILES))]),
    "another compression": archive([("debian-binary", b"2.0\n"), ("control.tar", GOOD_CONTROL), ("data.tar.lz4", b"x")]),
    "a lie about the compression": archive([("debian-binary", b"2.0\n"), ("control.tar", GOOD_CONTROL), ("data.tar.xz", CODERS[".gz"](tar(FILES)))]),
    "a size past the end": binary(GOOD_CONTROL, tar(FILES)).replace(b"%-10d`" % len(tar(FILES)), b"9999999999`"),
    "a size that is none": binary(GOOD_CONTROL, tar(FILES)).replace(b"%-10d`" % len(tar(FILES)), b"-1        `"),
    "a size that is short": binary(GOOD_CONTROL, tar(FILES)).replace(b"%-10d`" % len(tar(FILES)), b"1024      `"),
    "a bomb": archive([("debian-binary", b"2.0\n"), ("control.tar", GOOD_CONTROL), ("data.tar.xz", BOMB)]),
    "a way out": binary(GOOD_CONTROL, tar({"./a/../../../etc/passwd": PLACEHOLDER})),
    "a link out": binary(GOOD_CONTROL, tar({"./a": b""}, type=b"1", linkname="../../etc/passwd")),
    "a tar of noise": binary(GOOD_CONTROL, NOISE),
    "signed": deb(FILES, more=[("_gpgorigin", b"x")]),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile(shipped, kind):
    source, out = shipped(HOSTILE[kind])
    out.write_bytes(b"as it was")
    done = run(source, out, status=3)
    lines = done.stderr.decode().splitlines()
    assert len(lines) >= 1 and lines[-1].startswith(f"pathpatch: {source}: "), lines
    assert left_behind(out) == ["out.deb"] and out.read_bytes() == b"as it was"


def test_truncated(shipped):
    whole = deb(FILES, ".gz", {"./md5sums": sums(FILES)})
    for end in ends_of(whole):
        source, out = shipped(whole[:end])
        done = run(source, out, status=3)
        assert done.stderr.decode().splitlines()[-1].startswith(f"pathpatch: {source}: "), end
        assert left_behind(out) == []


def test_one_damaged_member_is_left(shipped):
    damaged = CODERS[".gz"](TEXT)[:-9] + b"x" * 9
    source, out = shipped(deb({**FILES, f"{PREFIX}/share/bad.gz": damaged}))
    done = run(source, out, status=1)
    assert b"bad.gz: gzip: " in done.stderr
    found = {name: content for name, _, content in members(out.read_bytes(), "data")}
    assert found[f"{PREFIX}/share/bad.gz"] == damaged and found[f"{PREFIX}/share/text"] == patched(TEXT)
