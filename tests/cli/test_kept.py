"""What a patched file is for goes on working, and what a change would break is not changed. The
judges are the programs that use the files."""

import base64
import gzip
import hashlib
import io
import json
import os
import py_compile
import re
import struct
import subprocess
import sys
import tarfile
import zipfile

import pytest
from patching import PLACEHOLDER, TEXT, VALUE, VALUES, patched, run, tool

PATH = PLACEHOLDER.decode()
PYTHON = "/usr/bin/python3"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def apply(root, status=0):
    done = run("apply", root)
    assert done.returncode == status, done.stdout + done.stderr
    return done


# ---- Python ----


def test_bytecode_is_loaded(root):
    """The .pyc names the time and the size of its source. Both are as they were, so Python takes it
    and does not compile the source again."""
    source = root / "module.py"
    source.write_text(f"PATH = {PATH!r}\n")
    os.utime(source, (1_600_000_000, 1_600_000_000))
    code = root / "__pycache__" / f"module.{sys.implementation.cache_tag}.pyc"
    py_compile.compile(
        str(source), str(code), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP, doraise=True
    )
    apply(root)
    assert source.read_bytes() == patched(f"PATH = {PATH!r}\n".encode())
    assert VALUE in code.read_bytes()
    before = code.read_bytes(), os.stat(code)

    done = subprocess.run(
        [sys.executable, "-v", "-c", "import module; print(module.PATH)"],
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
    )
    assert done.stdout == VALUE.decode() + "\n"
    assert f"# {code} matches {source}" in done.stderr
    assert f"# code object from '{code}'" in done.stderr
    assert (code.read_bytes(), os.stat(code).st_mtime_ns) == (before[0], before[1].st_mtime_ns)


def wheel(folder):
    """A wheel with a RECORD of all its files."""
    files = {
        "package/__init__.py": f"PATH = {PATH!r}\n".encode(),
        "package/data/settings.conf": TEXT,
        "package/untouched.txt": b"no path in here\n",
        "package-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: package\nVersion: 1\n",
        "package-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "package-1.dist-info/RECORD"
    lines = [f"{name},{digest(content)},{len(content)}\n" for name, content in files.items()]
    path = folder / "package-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
        made.writestr(record, "".join(lines) + f"{record},,\n")
    return path, files, record


def digest(content):
    sha256 = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(sha256).rstrip(b"=").decode()


def test_wheel_installs(root, tmp_path):
    path, files, record = wheel(root)
    apply(root)
    with zipfile.ZipFile(path) as made:
        rows = [line.split(",") for line in made.read(record).decode().splitlines()]
        assert [row[0] for row in rows] == [*files, record]
        for name, hashed, size in rows[:-1]:
            content = made.read(name)
            assert content == patched(files[name])
            assert (hashed, int(size)) == (digest(content), len(content))
        assert rows[-1] == [record, "", ""]

    target = tmp_path / "installed"
    words = ["--no-index", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "-q"]
    tool(PYTHON, "-m", "pip", "install", *words, f"--target={target}", str(path))
    assert (target / "package/data/settings.conf").read_bytes() == patched(TEXT)
    assert tool(PYTHON, "-c", "import package; print(package.PATH)", folder=target) == VALUE + b"\n"


# ---- archives that are signed ----


def android_manifest():
    """<manifest/> in Android's binary XML: a pool of one string, then the tag's start and end. All
    chunks begin with type, length of the header, length (ResourceTypes.h of AOSP)."""
    name = struct.pack("<BB8sBx", 8, 8, b"manifest", 0)
    pool = struct.pack("<HHIIIIIII", 1, 28, 32 + len(name), 1, 0, 0x100, 32, 0, 0) + name
    node = struct.pack("<IiiI", 1, -1, -1, 0)
    start = struct.pack("<HHI", 0x102, 16, 36) + node + struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 0)
    content = pool + start + struct.pack("<HHI", 0x103, 16, 24) + node
    return struct.pack("<HHI", 3, 8, 8 + len(content)) + content


def archive(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
        made.writestr("assets/settings.conf", TEXT)
        made.writestr("classes.dex", b"dex\n035\0" + TEXT)


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys.p12"
    words = "-storetype PKCS12 -storepass secret -alias me -dname CN=Me -keyalg EC -validity 9999"
    tool("keytool", "-genkeypair", "-keystore", str(path), *words.split())
    return path


def check_left(root, path):
    before = path.read_bytes()
    done = apply(root, status=1)
    assert path.read_bytes() == before
    assert done.stderr.startswith(f"pathpatch: {path.name}: left as it is: signed")
    assert len(done.stderr.splitlines()) == 1


def test_signed_jar_verifies(root, keys):
    path = root / "signed.jar"
    archive(path, ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"))
    words = ["-keystore", str(keys), "-storepass", "secret"]
    tool("jarsigner", *words, str(path), "me")
    check_left(root, path)
    assert b"jar verified." in tool("jarsigner", "-verify", str(path))


@pytest.mark.parametrize("v1", ["true", "false"])
def test_signed_apk_verifies(root, keys, v1):
    """With the signing block alone there is no sign of it in META-INF."""
    path = root / "signed.apk"
    archive(path, ("AndroidManifest.xml", android_manifest()))
    words = f"--ks {keys} --ks-pass pass:secret --min-sdk-version 24 --v1-signing-enabled {v1}"
    tool("apksigner", "sign", *words.split(), str(path))
    with zipfile.ZipFile(path) as made:
        assert any(name.endswith(".SF") for name in made.namelist()) == (v1 == "true")
    assert b"APK Sig Block 42" in path.read_bytes()
    check_left(root, path)
    tool("apksigner", "verify", "--min-sdk-version", "24", str(path))


def test_unsigned_jar_runs(root):
    """A program in a jar reads its patched settings."""
    source = root.parent / "Main.java"
    source.write_text(
        "public class Main { public static void main(String[] words) throws Exception {\n"
        '  System.out.write(Main.class.getResourceAsStream("settings.conf").readAllBytes());\n'
        f'  System.out.print("{PATH}");\n'
        "  System.out.flush(); } }\n"
    )
    (root.parent / "settings.conf").write_bytes(TEXT)
    tool("javac", "Main.java", folder=root.parent)
    path = root / "program.jar"
    tool("jar", "cfe", str(path), "Main", "Main.class", "settings.conf", folder=root.parent)
    apply(root)
    assert tool("java", "-Xshare:auto", "-cp", str(path), "Main") == patched(TEXT) + VALUE
    assert b"Main.class" in tool("jar", "tf", str(path))


def test_symlink_in_a_zip(root, tmp_path):
    """zip stores the target as content, with a mode that has execute bits."""
    os.symlink(PATH + "/target", tmp_path / "link")
    tool("zip", "-qy", str(root / "links.zip"), "link", folder=tmp_path)
    apply(root)
    tool("unzip", "-qq", str(root / "links.zip"), folder=root)
    assert os.readlink(root / "link") == VALUE.decode() + "/target"


# ---- translations ----


def test_translations_are_found(root, tmp_path):
    """A program asks for a translation by the text that it was compiled with."""
    po = f"""
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "settings are in {PATH}"
msgstr "Einstellungen stehen in {PATH}"
"""
    path = root / "share/locale/de/LC_MESSAGES/program.mo"
    path.parent.mkdir(parents=True)
    tool("msgfmt", "-o", str(path), "-", content=po.encode())
    apply(root)

    done = subprocess.run(
        ["gettext", "program", f"settings are in {PATH}"],
        env={
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "de",
            "TEXTDOMAINDIR": str(root / "share/locale"),
        },
        capture_output=True,
    )
    assert done.stdout == b"Einstellungen stehen in " + VALUE


# ---- streams, members and frames around what changes its size ----


def streams(content, magic):
    """How many there are."""
    return len(re.findall(re.escape(magic), content))


@pytest.mark.parametrize(
    "words, magic",
    [
        (["gzip", "-n"], b"\x1f\x8b\x08\0\0\0\0\0\0\3"),
        (["bzip2"], b"BZh91AY&SY"),
        (["xz", "-0"], b"\xfd7zXZ\0"),
        (["zstd", "-q"], b"\x28\xb5\x2f\xfd"),
    ],
    ids=["gzip", "bzip2", "xz", "zstd"],
)
def test_several_around_an_archive(root, words, magic):
    """A tar in three pieces, packed each; it holds what is packed again and will have another size."""
    inner = gzip.compress(bytes(range(256)) * 40 + TEXT * 3, 1, mtime=0)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as made:
        for name, content in (("a.gz", inner), ("b", TEXT), ("c.gz", inner)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    whole = plain.getvalue()
    cuts = (0, 700, 3000, len(whole))
    pieces = [whole[start:end] for start, end in zip(cuts, cuts[1:])]
    (root / "it").write_bytes(b"".join(tool(*words, "-c", content=piece) for piece in pieces))

    apply(root)

    content = (root / "it").read_bytes()
    assert streams(content, magic) == 3
    with tarfile.open(fileobj=io.BytesIO(tool(*words, "-dc", content=content))) as archive:
        found = [(info.name, archive.extractfile(info).read()) for info in archive]
    assert [name for name, _ in found] == ["a.gz", "b", "c.gz"]
    assert found[1][1] == patched(TEXT)
    for at in (0, 2):
        assert gzip.decompress(found[at][1]) == patched(gzip.decompress(inner))
    run("verify", root)


# ---- what names a place in a file ----


def test_names_of_members(root):
    """scan and apply name a member as PATH!MEMBER, with its offset in the decoded bytes."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/settings.conf", b"0123456" + TEXT)
        made.writestr("database", b"SQLite format 3\0" + TEXT)
    with zipfile.ZipFile(root / "outer.zip", "w") as made:
        made.writestr("lib/inner.jar", inner.getvalue())

    done = run("scan", root)
    assert done.returncode == 1
    place = "outer.zip!lib/inner.jar!"
    lines = done.stdout.splitlines()
    assert f"{place}a/settings.conf:7: TERMUX__PREFIX" in lines
    assert any(line.startswith(f"{place}database:16: TERMUX__PREFIX [left: SQLite") for line in lines)
    assert done.stderr.startswith(f"pathpatch: {place}database: left as it is: SQLite")

    report = json.loads(run("scan", root, "--json").stdout.splitlines()[0])
    assert report["path"] == "outer.zip"
    hits = {(hit["member"], hit["offset"], hit["placeholder"]) for hit in report["hits"]}
    assert ("lib/inner.jar!a/settings.conf", 7, "TERMUX__PREFIX") in hits
    assert [problem["member"] for problem in report["problems"]] == ["lib/inner.jar!database"]


def test_verify_names_members(root):
    """What was put back, or in part, holds placeholders again: verify says where."""
    path = root / "outer.zip"

    def member(text):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("a/settings.conf.gz", gzip.compress(text))
        return inner.getvalue()

    def put(other):
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(zipfile.ZipInfo("lib/inner.jar"), member(b"0123456" + TEXT))
            made.writestr(zipfile.ZipInfo("other"), other)

    def told():
        done = run("verify", root, "--json")
        assert done.returncode == 1
        report = json.loads(done.stdout.splitlines()[0])
        assert report["path"] == "outer.zip"
        return report["outcome"], {(hit["member"], hit["offset"]) for hit in report["hits"]}

    put(TEXT)
    shipped = path.read_bytes()
    apply(root)
    path.write_bytes(shipped)
    places = {("lib/inner.jar!a/settings.conf.gz", 7 + at) for at in (0, TEXT.rindex(PLACEHOLDER))}
    assert told() == ("shipped", places | {("other", 0), ("other", TEXT.rindex(PLACEHOLDER))})
    put(b"somebody's own")
    assert told() == ("changed", places)
