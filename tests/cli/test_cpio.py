"""cpio newc against GNU cpio, bsdcpio and a few lines of Python."""
import os
import stat

import pytest
from walker import NEW, OLD, deep, expected, identity, patch, run, sample, walk


def parse(data):
    """[(name, other fields, content)] up to the trailer."""
    at, found = 0, []
    while True:
        assert data[at:at + 6] in (b"070701", b"070702")
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11]]
        assert name[-1] == 0
        at += (110 + fields[11] + 3) // 4 * 4
        content = data[at:at + fields[6]]
        at += (fields[6] + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            assert not data[at:].strip(b"\0")
            return found
        found.append((os.fsdecode(name[:-1]), fields[:6] + fields[7:], content))


def check(before, after):
    old, new = parse(before), parse(after)
    assert len(old) == len(new) > 0
    for (name, fields, content), (new_name, new_fields, new_content) in zip(old, new):
        assert new_name == name.replace(OLD.decode(), NEW.decode())
        assert new_fields == fields
        kind = stat.S_IFMT(fields[1])
        assert kind == stat.S_IFREG or kind == stat.S_IFLNK or not content
        if kind == stat.S_IFREG:
            assert new_content == expected(name, content), name
        else:
            assert new_content == content.replace(OLD, NEW)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = sample(tmp_path_factory.mktemp("cpio") / "tree")
    deep(folder)
    return folder


def pack(tree, tool="cpio", form="newc"):
    names = run("find", "tree", cwd=tree.parent)
    return run(tool, "-o", "-H", form, input=names, cwd=tree.parent)


@pytest.mark.parametrize("tool", ["cpio", "bsdcpio"])
def test_newc(tool, tree, tmp_path):
    data = pack(tree, tool)
    assert identity("cpio", data)
    after = patch("cpio", data)
    check(data, after)
    assert len(run("cpio", "-t", input=after).splitlines()) == len(run("cpio", "-t", input=data).splitlines())
    assert run("bsdcpio", "-t", input=after)


def test_name_is_patched():
    """Names as no file system gives them, in upper and lower case digits."""
    for digits in ("%08x", "%08X"):
        data = b""
        for name, content in ((OLD + b"/a", b"abc"), (b"b.grow", b"x" * 0xabc), (b"TRAILER!!!", b"")):
            fields = [1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
            data += b"070701" + b"".join((digits % f).encode() for f in fields) + name + b"\0"
            data += b"\0" * (-len(data) % 4) + content
            data += b"\0" * (-len(data) % 4)
        assert identity("cpio", data)
        after = patch("cpio", data)
        check(data, after)
        assert (digits % (0xabc + 1000)).encode() in after


def test_concatenated(tree):
    one, two = pack(tree), pack(tree, "bsdcpio")
    both = one + b"\0" * 4096 + two
    assert identity("cpio", both)
    listed = [walk("cpio", data, "list")[1].splitlines() for data in (both, one, two)]
    assert len(listed[0]) == len(listed[1]) + len(listed[2])
    after = patch("cpio", both)
    at = len(patch("cpio", one)) + 4096
    check(one, after[:at])
    check(two, after[at:])


def test_what_follows_is_not_cpio(tree):
    data = pack(tree) + b"\x1f\x8b\x08\x00 compressed"
    assert walk("cpio", data, "rewrite")[0] == 6
    assert walk("cpio", data, "list")[0] == 6


def test_sums(tree):
    data = pack(tree, form="crc")
    assert data.startswith(b"070702")
    assert walk("cpio", data, "list")[0] == 0
    assert walk("cpio", data, "rewrite")[0] == 6


def test_damage(tmp_path):
    data = pack(sample(tmp_path / "tree"))
    end = data.index(b"TRAILER!!!") + 11
    for cut in [*range(111, 2000, 37), *range(end - 300, end)]:
        assert walk("cpio", data[:cut], "rewrite")[0] == 5, cut
    for at in (6 + 8, 6 + 48, 6 + 88):
        assert walk("cpio", data[:at] + b"x" + data[at + 1:], "rewrite")[0] == 5
