"""ar against binutils' ar, dpkg-deb and a few lines of Python."""
import pytest
from walker import NEW, OLD, expected, identity, patch, run, walk

FILES = {"a": b"x", "even": OLD, "odd.grow": OLD + b"!", "b.shrink": OLD * 3, "c.kept": b"12345",
         "d.copy": OLD, "a-name-of-many-letters.grow": b"123", "another-long-name-that-has-to-go-elsewhere": OLD}


def parse(data):
    """[(name, fields, content)] of GNU, BSD and plain names."""
    assert data[:8] == b"!<arch>\n"
    at, names, found = 8, b"", []
    while at < len(data):
        head = data[at:at + 60]
        assert head[58:] == b"`\n"
        size = int(head[48:58])
        content = data[at + 60:at + 60 + size]
        assert len(content) == size
        assert data[at + 60 + size:at + 60 + size + size % 2] in (b"", b"\n")
        name = head[:16].rstrip().decode()
        if name == "//":
            names = content
        elif name.startswith("#1/"):
            length = int(name[3:])
            name, content = content[:length].rstrip(b"\0").decode(), content[length:]
        elif name[:1] == "/" and name[1:].isdigit():
            name = names[int(name[1:]):].split(b"/\n")[0].decode()
        else:
            name = name.rstrip("/") or name
        found.append((name, head[:48], content))
        at += 60 + size + size % 2
    return found


def check(before, after):
    old, new = parse(before), parse(after)
    assert len(old) == len(new) > 0
    for (name, fields, content), (new_name, new_fields, new_content) in zip(old, new):
        assert new_name == name and new_fields == fields
        assert new_content == expected(name, content)


def build(folder, flags, files=FILES):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    run("ar", flags, "out.a", *files, cwd=folder)
    return (folder / "out.a").read_bytes()


def bsd(files):
    data = b"!<arch>\n"
    for name, content in files.items():
        stored = name.encode() + b"\0" * (-len(name) % 4)
        size = len(stored) + len(content)
        data += b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (b"#1/%d" % len(stored), 0, 0, 0, 0o100644, size)
        data += stored + content + b"\n" * (size % 2)
    return data


def test_gnu(tmp_path):
    data = build(tmp_path, "qcS")
    assert identity("ar", data)
    after = patch("ar", data)
    check(data, after)
    (tmp_path / "after.a").write_bytes(after)
    assert run("ar", "t", "after.a", cwd=tmp_path).decode().split() == list(FILES)
    run("ar", "x", "after.a", cwd=tmp_path)
    for name, content in FILES.items():
        assert (tmp_path / name).read_bytes() == expected(name, content)


def test_bsd(tmp_path):
    data = bsd(FILES)
    assert identity("ar", data)
    after = patch("ar", data)
    check(data, after)
    (tmp_path / "after.a").write_bytes(after)
    assert run("bsdtar", "-tf", "after.a", cwd=tmp_path).decode().split() == list(FILES)


def test_bsd_name_is_patched():
    data = bsd({"x" + OLD.decode(): b"odd", "last": b"odd"})
    assert patch("ar", data) == data.replace(OLD, NEW)


def test_pad_left_out():
    data = bsd({"abcd": b"odd"})
    assert data[-1:] == b"\n"
    assert identity("ar", data[:-1])


def test_static_library(tmp_path):
    (tmp_path / "one.c").write_text('const char *path(void) { return "%s"; }\n' % OLD.decode())
    run("cc", "-c", "one.c", cwd=tmp_path)
    (tmp_path / "note").write_bytes(OLD)
    run("ar", "rcs", "lib.a", "one.o", "note", cwd=tmp_path)
    data = (tmp_path / "lib.a").read_bytes()
    assert parse(data)[0][0] == "/"
    assert identity("ar", data)
    check(data, patch("ar", data))
    (tmp_path / "note.grow").write_bytes(OLD)
    run("ar", "rcs", "lib.a", "note.grow", cwd=tmp_path)
    code, _, words = walk("ar", (tmp_path / "lib.a").read_bytes(), "rewrite", OLD, NEW)
    assert code == 6 and "fixed" in words


def test_thin(tmp_path):
    (tmp_path / "note").write_bytes(OLD)
    run("ar", "rcT", "thin.a", "note", cwd=tmp_path)
    assert walk("ar", (tmp_path / "thin.a").read_bytes(), "list")[0] == 6


def deb(folder, compression):
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: M <m@example.org>\nDescription: d\n")
    (tree / "file").write_bytes(OLD)
    run("dpkg-deb", f"-Z{compression}", "--root-owner-group", "-b", "tree", "p.deb", cwd=folder)
    return (folder / "p.deb").read_bytes()


@pytest.mark.parametrize("compression", ["none", "gzip", "xz", "zstd"])
def test_deb(compression, tmp_path):
    data = deb(tmp_path, compression)
    assert identity("ar", data)
    after = patch("ar", data)
    check(data, after)
    (tmp_path / "after.deb").write_bytes(after)
    assert b"Package: p" in run("dpkg-deb", "-I", "after.deb", cwd=tmp_path)
    assert b"file" in run("dpkg-deb", "-c", "after.deb", cwd=tmp_path)


def test_signed_deb(tmp_path):
    deb(tmp_path, "gzip")
    (tmp_path / "_gpgorigin").write_bytes(b"signature")
    run("ar", "qS", "p.deb", "_gpgorigin", cwd=tmp_path)
    data = (tmp_path / "p.deb").read_bytes()
    assert walk("ar", data, "list")[0] == 0
    code, _, words = walk("ar", data, "rewrite")
    assert code == 6 and "signed" in words


def test_damage(tmp_path):
    data = build(tmp_path, "qcS")
    for cut in range(9, len(data) - 1):
        code = walk("ar", data[:cut], "rewrite")[0]
        assert code in (0, 5)
        if code == 0:
            parse(data[:cut])
    assert walk("ar", data + b"garbage", "rewrite")[0] == 5
    assert walk("ar", data.replace(b"`\n", b"xy", 1), "rewrite")[0] == 5
    assert walk("ar", data.replace(b"/0   ", b"/9999", 1), "rewrite")[0] == 5
