"""The zip container, seen by Python's zipfile and by unzip: what is rewritten differs from the
original in the changed members and in nothing else."""

import base64
import hashlib
import io
import os
import stat
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

DRIVER = Path(os.environ["PATHPATCH_BUILD"]) / "zip_driver"
OLD = b"/opt/placeholder/lib"
NEW = b"/usr/local/lib"
TEXT = b"first line\n" * 300 + b"path=" + OLD + b"\n" + b"last line\n" * 500

FIELDS = (
    "filename date_time compress_type comment extra create_system create_version extract_version "
    "reserved flag_bits volume internal_attr external_attr"
).split()


def drive(*args):
    return subprocess.run([DRIVER, *map(os.fspath, args)], capture_output=True, text=True)


def rewrite(tmp_path, content, name="*", old=OLD, new=NEW):
    """The zip as it is after the change."""
    (tmp_path / "in.zip").write_bytes(content)
    words = ["change", name, old.decode(), new.decode()]
    run = drive(*words, tmp_path / "in.zip", tmp_path / "out.zip")
    assert run.returncode == 0, run.stderr
    return (tmp_path / "out.zip").read_bytes()


def refusal(tmp_path, content, command="copy"):
    (tmp_path / "in.zip").write_bytes(content)
    outputs = [tmp_path / "out.zip"] if command == "copy" else []
    run = drive(command, tmp_path / "in.zip", *outputs)
    assert run.returncode == 1
    return run.stderr


def layout(content):
    """Per member: its ZipInfo, its local header, local extra field, where its content stands, and
    what lies between the content and whatever comes next."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        order = [info.filename for info in archive.infolist()]
        ends = [info.header_offset for info in infos[1:]] + [archive.start_dir]
        comment = archive.comment
    members = []
    for info, end in zip(infos, ends):
        header = struct.unpack_from("<IHHHHHIIIHH", content, info.header_offset)
        name_at = info.header_offset + 30
        extra_at = name_at + header[9]
        data_at = extra_at + header[10]
        gap = content[data_at + info.compress_size : end]
        members.append((info, header, content[extra_at:data_at], data_at, gap))
    return members, order, comment, content[: infos[0].header_offset if infos else 0]


def mended_descriptor(gap, old, new):
    """What must stand behind the content when `gap` stood there."""
    for magic in (b"PK\7\10", b""):
        before = magic + struct.pack("<III", old.CRC, old.compress_size, old.file_size)
        if old.flag_bits & 8 and gap.startswith(before):
            after = magic + struct.pack("<III", new.CRC, new.compress_size, new.file_size)
            return after + gap[len(before) :]
    assert not old.flag_bits & 8
    return gap


def check(before, after, changed):
    """`changed`: names of the members whose text is another one."""
    old_members, old_order, old_comment, old_prefix = layout(before)
    new_members, new_order, new_comment, new_prefix = layout(after)
    assert old_order == new_order
    assert old_comment == new_comment
    assert old_prefix == new_prefix
    assert len(old_members) == len(new_members)
    for old, new in zip(old_members, new_members):
        (info, header, extra, at, gap) = old
        (new_info, new_header, new_extra, new_at, new_gap) = new
        for field in FIELDS:
            assert getattr(info, field) == getattr(new_info, field), field
        assert header[:6] == new_header[:6] and header[9] == new_header[9]
        assert new_extra.rstrip(b"\0") == extra.rstrip(b"\0")
        if info.compress_type == zipfile.ZIP_STORED and info.file_size:
            for step in (16384, 4096, 4):
                if at % step == 0:
                    assert new_at % step == 0
                    break
            else:
                assert new_extra == extra
        else:
            assert new_extra == extra
        if info.filename in changed:
            numbers = (new_info.CRC, new_info.compress_size, new_info.file_size)
            for was, is_now, number in zip(header[6:9], new_header[6:9], numbers):
                assert is_now == (0 if info.flag_bits & 8 and was == 0 else number)
            assert new_gap == mended_descriptor(gap, info, new_info)
        else:
            assert header[6:9] == new_header[6:9]
            assert new_gap == gap
            assert info.CRC == new_info.CRC and info.file_size == new_info.file_size
            assert (
                before[at : at + info.compress_size]
                == after[new_at : new_at + new_info.compress_size]
            )


def check_tools(tmp_path, content):
    path = tmp_path / "check.zip"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    run = subprocess.run(["unzip", "-tqq", path], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors."""

    def __init__(self):
        self.content = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.content += data
        return len(data)


def info(name, method=zipfile.ZIP_DEFLATED, mode=0o644, extra=b"", comment=b""):
    result = zipfile.ZipInfo(name, (2001, 2, 3, 4, 5, 6))
    result.compress_type = method
    result.external_attr = (stat.S_IFREG | mode) << 16
    result.extra = extra
    result.comment = comment
    return result


def rich_zip(descriptors=False):
    """A zip with everything that an archive library would lose."""
    target = Unseekable() if descriptors else io.BytesIO()
    extra = struct.pack("<HH5s", 0x5455, 5, b"\1abcd")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info("mimetype", zipfile.ZIP_STORED), b"application/x-test")
        archive.writestr(info("folder/", zipfile.ZIP_STORED), b"")
        archive.writestr(info("folder/deflated", extra=extra, comment=b"one"), TEXT)
        archive.writestr(info("folder/plain", mode=0o755), b"nothing here\n" * 40)
        archive.writestr(info("stored", zipfile.ZIP_STORED, extra=extra), TEXT)
        archive.writestr(info("empty", zipfile.ZIP_STORED), b"")
        archive.writestr(info("g\u00e4ste"), TEXT[::-1])
        archive.comment = b"a comment"
    return bytes(target.content) if descriptors else target.getvalue()


HOLDERS = {"folder/deflated", "stored"}


@pytest.mark.parametrize("descriptors", [False, True])
@pytest.mark.parametrize("new", [NEW, OLD[::-1], OLD * 50], ids=["shorter", "equal", "longer"])
def test_only_changed_members_differ(tmp_path, descriptors, new):
    before = rich_zip(descriptors)
    after = rewrite(tmp_path, before, new=new)
    check(before, after, HOLDERS)
    check_tools(tmp_path, after)
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        for name in HOLDERS:
            assert archive.read(name) == TEXT.replace(OLD, new)


def test_descriptor_without_signature(tmp_path):
    before = rich_zip(descriptors=True)
    # Takes the magic away, member by member from the end, and mends the offsets.
    members, _, _, _ = layout(before)
    central = members[-1][3] + members[-1][0].compress_size + len(members[-1][4])
    body, directory = bytearray(before[:central]), bytearray(before[central:])
    cuts = [at + entry.compress_size for entry, _, _, at, gap in members if gap[:4] == b"PK\7\10"]
    assert len(cuts) == len(members)
    for cut in reversed(cuts):
        del body[cut : cut + 4]
    at = 0
    for _ in members:
        lens = struct.unpack_from("<HHH", directory, at + 28)
        (offset,) = struct.unpack_from("<I", directory, at + 42)
        struct.pack_into("<I", directory, at + 42, offset - 4 * sum(c < offset for c in cuts))
        at += 46 + sum(lens)
    struct.pack_into("<I", directory, at + 16, len(body))
    before = bytes(body + directory)
    after = rewrite(tmp_path, before)
    check(before, after, HOLDERS)
    check_tools(tmp_path, after)


@pytest.mark.parametrize("command", ["copy", "through"])
def test_unchanged_is_identical(tmp_path, command):
    for content in (rich_zip(), rich_zip(descriptors=True), b"PK\5\6" + bytes(18)):
        (tmp_path / "in.zip").write_bytes(content)
        assert drive(command, tmp_path / "in.zip", tmp_path / "out.zip").returncode == 0
        assert (tmp_path / "out.zip").read_bytes() == content


def test_order_in_directory_is_another(tmp_path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(9):
            archive.writestr(info(f"m{number}"), TEXT if number == 4 else b"x" * number)
        archive.filelist.reverse()
    before = target.getvalue()
    after = rewrite(tmp_path, before)
    check(before, after, {"m4"})
    check_tools(tmp_path, after)


def test_gaps_are_kept(tmp_path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in ("gone", "a", "also gone", "b"):
            archive.writestr(info(name), TEXT)
        archive.filelist = [entry for entry in archive.filelist if "gone" not in entry.filename]
    before = target.getvalue()
    after = rewrite(tmp_path, before)
    check(before, after, {"a", "b"})
    assert before[:40] == after[:40]
    check_tools(tmp_path, after)


def aligned_zip(step, methods):
    """Stored members whose content is aligned, by zeros in the extra field."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info("first"), TEXT)
        for number, method in enumerate(methods):
            entry = info(f"lib{number}.so", method)
            if method == zipfile.ZIP_STORED:
                at = target.tell() + 30 + len(entry.filename)
                entry.extra = bytes(-at % step)
            archive.writestr(entry, b"\177ELF" * 100)
        for entry in archive.filelist:
            entry.extra = b""
    return target.getvalue()


@pytest.mark.parametrize("step", [4, 4096, 16384])
def test_alignment_is_kept(tmp_path, step):
    stored = zipfile.ZIP_STORED
    before = aligned_zip(step, [stored, zipfile.ZIP_DEFLATED, stored])
    for new in (NEW, OLD * 3, b"7"):
        after = rewrite(tmp_path, before, new=new)
        check(before, after, {"first"})
        check_tools(tmp_path, after)
        starts = [at for entry, _, _, at, _ in layout(after)[0] if entry.compress_type == stored]
        assert [at % step for at in starts] == [0, 0]
        # And back: padding is taken away again.
        again = rewrite(tmp_path, after, old=new, new=OLD)
        assert again == rewrite(tmp_path, before, new=OLD)


def record_line(name, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(text)}"


@pytest.mark.parametrize("record_first", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_wheel_record(tmp_path, record_first, method):
    files = {"pkg/a.py": TEXT, "pkg/b, c.py": TEXT * 2, "pkg/d.py": b"nothing"}
    quoted = {"pkg/b, c.py": '"pkg/b, c.py"'}

    def record(contents):
        lines = [record_line(quoted.get(name, name), text) for name, text in contents.items()]
        return ("\r\n".join(lines) + "\r\npkg-1.dist-info/RECORD,,\r\n").encode()

    target = io.BytesIO()
    entries = list(files.items())
    entries.insert(0 if record_first else len(entries), ("pkg-1.dist-info/RECORD", record(files)))
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in entries:
            archive.writestr(info(name, method), text)
    before = target.getvalue()
    after = rewrite(tmp_path, before)
    check(before, after, {"pkg/a.py", "pkg/b, c.py", "pkg-1.dist-info/RECORD"})
    check_tools(tmp_path, after)
    patched = {name: text.replace(OLD, NEW) for name, text in files.items()}
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.read("pkg-1.dist-info/RECORD") == record(patched)


def with_members(*names):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(info(name), TEXT)
    return target.getvalue()


@pytest.mark.parametrize(
    "name",
    ["META-INF/ME.SF", "META-INF/me.rsa", "META-INF/X.DSA", "META-INF/X.EC", "META-INF/cose.sig",
     "META-INF/documentsignatures.xml", "p-1.dist-info/RECORD.jws", "p-1.dist-info/RECORD.p7s"],
)
def test_signed_is_read_but_not_rewritten(tmp_path, name):
    content = with_members("a", name)
    assert refusal(tmp_path, content).startswith("unsupported: zip: signed:")
    lines = drive("list", tmp_path / "in.zip").stdout.splitlines()
    assert len(lines) == 2 and all(" signed: " in line for line in lines)


def test_apk_signing_block(tmp_path):
    content = with_members("a")
    block = struct.pack("<Q", 32) + b"\0" * 8 + struct.pack("<Q", 32) + b"APK Sig Block 42"
    at = struct.unpack_from("<I", content, len(content) - 6)[0]
    content = bytearray(content[:at] + block + content[at:])
    struct.pack_into("<I", content, len(content) - 6, at + len(block))
    assert "signed: APK" in refusal(tmp_path, content)


def test_similar_names_are_not_signatures(tmp_path):
    names = ["META-INF/a/X.SF", "META-INF/X.SFX", "X.SF", "RECORD.jws", "a/p.dist-info/RECORD.jws"]
    content = with_members(*names)
    after = rewrite(tmp_path, content)
    check(content, after, set(names))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_left(tmp_path, method):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info("other", method), TEXT)
        archive.writestr(info("mine"), TEXT)
    before = target.getvalue()
    after = rewrite(tmp_path, before)
    check(before, after, {"mine"})
    listed = drive("list", tmp_path / "in.zip").stdout.splitlines()
    assert listed[0].startswith("other 2 ") and "other than deflate" in listed[0]
    assert listed[1].endswith(" -")


def test_zip64_local_header_is_left(tmp_path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        with archive.open(info("large"), "w", force_zip64=True) as member:
            member.write(TEXT)
        archive.writestr(info("mine"), TEXT)
    before = target.getvalue()
    after = rewrite(tmp_path, before)
    assert zipfile.ZipFile(io.BytesIO(after)).read("large") == TEXT
    assert zipfile.ZipFile(io.BytesIO(after)).read("mine") == TEXT.replace(OLD, NEW)
    assert "zip64" in drive("list", tmp_path / "in.zip").stdout.splitlines()[0]


@pytest.mark.parametrize("stub_len", [1, 4, 5000])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("new", [NEW, OLD * 50], ids=["shorter", "longer"])
def test_stub(tmp_path, stub_len, adjusted, new):
    """Offsets count from the zip's start or from the stub's: both are kept."""
    stub = b"#" * stub_len
    target = io.BytesIO(stub)
    with zipfile.ZipFile(target, "a" if adjusted else "w") as archive:
        archive.writestr(info("aligned", zipfile.ZIP_STORED, extra=bytes(-(stub_len + 37) % 4)), TEXT)
        archive.writestr(info("deflated"), TEXT)
        archive.writestr(info("plain"), b"nothing here")
    before = target.getvalue() if adjusted else stub + target.getvalue()
    after = rewrite(tmp_path, before, new=new)
    assert after.startswith(stub)
    check(before, after, {"aligned", "deflated"})
    ends = [struct.unpack("<II", content[-10:-2]) for content in (before, after)]
    counted = [len(content) - 22 - size - offset for content, (size, offset) in zip((before, after), ends)]
    assert counted == ([0, 0] if adjusted else [stub_len, stub_len])
    if adjusted:  # where they are not, unzip complains about the original, too
        check_tools(tmp_path, after)
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.testzip() is None
        assert archive.read("aligned") == archive.read("deflated") == TEXT.replace(OLD, new)


def test_zip_before_another_is_refused(tmp_path):
    assert refusal(tmp_path, with_members("a") + with_members("b")).startswith("damaged:")


def test_long_stub_is_refused(tmp_path):
    assert "4 MiB" in refusal(tmp_path, bytes((4 << 20) + 1) + with_members("a"))


def test_every_truncation_is_refused(tmp_path):
    content = with_members("a", "b")
    for length in range(4, len(content), 13):
        assert refusal(tmp_path, content[:length], "list").startswith("damaged:"), length
    assert refusal(tmp_path, content + b"x", "list").startswith("damaged:")


def test_many_members(tmp_path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(65535):
            text = OLD if number % 4096 == 5 else b""
            archive.writestr(info(str(number), zipfile.ZIP_STORED), text)
    before = target.getvalue()
    after = rewrite(tmp_path, before)
    check(before, after, {str(number) for number in range(5, 65535, 4096)})
