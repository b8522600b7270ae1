"""tar against Python's tarfile, with archives of GNU tar, bsdtar and tarfile."""
import io
import subprocess
import tarfile

import pytest
from walker import NEW, OLD, deep, expected, identity, patch, run, sample, walk

GNU = [("v7",), ("ustar",), ("oldgnu",), ("gnu",), ("pax",), ("posix",)]
LONG = {"oldgnu", "gnu", "pax", "posix"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return sample(tmp_path_factory.mktemp("plain") / "tree")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = sample(tmp_path_factory.mktemp("full") / "tree")
    deep(folder)
    return folder


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(info, archive.extractfile(info).read() if info.isreg() else None) for info in archive]


def check(before, after):
    old, new = members(before), members(after)
    assert len(old) == len(new) > 0
    for (was, content), (now, patched) in zip(old, new):
        assert now.name == was.name.replace(OLD.decode(), NEW.decode())
        assert now.linkname == was.linkname.replace(OLD.decode(), NEW.decode())
        for field in ("mode", "uid", "gid", "uname", "gname", "mtime", "type", "devmajor", "devminor", "sparse"):
            assert getattr(now, field) == getattr(was, field), (field, was.name)
        rest = [{k: v for k, v in i.pax_headers.items() if k not in ("path", "linkpath", "size", "GNU.sparse.name")}
                for i in (was, now)]
        assert rest[0] == rest[1]
        if content is not None:
            assert patched == expected(was.name, content), was.name
            assert now.size == len(patched)


def listed(data):
    return run("tar", "--quoting-style=escape", "-tvf", "-", input=data).splitlines()


@pytest.mark.parametrize("form", ["v7", "ustar", "oldgnu", "gnu", "pax"])
@pytest.mark.parametrize("blocking", ["1", "20"])
def test_gnu_tar(form, blocking, plain, full):
    tree = full if form in LONG else plain
    data = run("tar", f"--format={form}", "-b", blocking, "-C", tree.parent, "-cf", "-", "tree")
    assert identity("tar", data)
    after = patch("tar", data)
    check(data, after)
    assert len(listed(after)) == len(listed(data))


@pytest.mark.parametrize("form", ["v7", "ustar", "gnutar", "pax", "restricted"])
def test_bsdtar(form, plain, full):
    tree = full if form in ("gnutar", "pax", "restricted") else plain
    if form == "restricted":
        form = "paxr"
    data = run("bsdtar", f"--format={form}", "-C", tree.parent, "-cf", "-", "tree")
    assert identity("tar", data)
    check(data, patch("tar", data))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_python_names(form):
    """Paths with the placeholder in every field that can hold one."""
    out = io.BytesIO()
    old = OLD.decode()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        # Slashes at all places: where ustar parts the name moves through the placeholder.
        for before in range(70, 110):
            if form == tarfile.USTAR_FORMAT and before > 100:
                continue
            info = tarfile.TarInfo("d" * before + old + "/" + "f" * 60)
            info.size = 5
            archive.addfile(info, io.BytesIO(b"hello"))
        for length in (20, 100, 101, 300):
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                if form == tarfile.USTAR_FORMAT and length > 100:
                    continue
                info = tarfile.TarInfo(f"link{length}")
                info.type = kind
                info.linkname = old.ljust(length, "x")
                archive.addfile(info)
    data = out.getvalue()
    assert identity("tar", data)
    check(data, patch("tar", data))


def test_pax_size_record(plain):
    """Readers believe the record, not the header: both have to state the new size."""
    out = io.BytesIO()
    sizes = {"a.shrink": 99999, "b.grow": 9000, "c.grow": 99, "d.shrink": 1000, "e.kept": 77, "f": 10}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, (name, size) in enumerate(sizes.items()):
            # A comment that ends near the block's end, so that the record moves it over.
            for length in (1, 470, 480, 490, 500):
                info = tarfile.TarInfo(f"{length}-{name}")
                info.size = size
                info.pax_headers = {"size": str(size), "comment": "c" * (length - number)}
                archive.addfile(info, io.BytesIO(bytes([65 + number]) * size))
    data = out.getvalue()
    assert identity("tar", data)
    after = patch("tar", data)
    check(data, after)
    for (was, _), (now, content) in zip(members(data), members(after)):
        assert now.pax_headers["size"] == str(len(content))
        assert now.pax_headers["comment"] == was.pax_headers["comment"]
    assert len(listed(after)) == 30


SPARSE = [["--format=gnu"], ["--format=oldgnu"]] + [
    ["--format=pax", f"--sparse-version={version}"] for version in ("0.0", "0.1", "1.0")]


@pytest.fixture(scope="module")
def holes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("holes") / "tree"
    folder.mkdir()
    for count in (1, 3, 5, 40, 120):
        with open(folder / f"sparse{count}", "wb") as file:
            for i in range(count):
                file.seek(i * 65536)
                file.write((b"chunk %d " % i + OLD).ljust(4096, b"."))
            file.truncate(count * 65536 + 7)
    with open(folder / "hole", "wb") as file:
        file.truncate(1 << 20)
    (folder / ("n" * 120)).write_bytes(OLD)
    return folder


@pytest.mark.parametrize("args", SPARSE, ids=lambda args: "".join(args))
def test_sparse(args, holes):
    data = run("tar", "--sparse", "--hole-detection=seek", *args, "-C", holes.parent, "-cf", "-", "tree")
    assert len(data) < 2 << 20
    assert identity("tar", data)
    after = patch("tar", data)
    assert len(after) == len(data)
    check(data, after)
    code, lines, _ = walk("tar", data, "list")
    assert code == 0
    sizes = {line.split()[-1]: int(line.split()[3]) for line in lines.decode().splitlines() if line.startswith("content")}
    # Content is the file with its holes.
    assert {name.rsplit("/", 1)[1]: size for name, size in sizes.items() if "sparse" in name} == {
        f"sparse{count}": count * 65536 + 7 for count in (1, 3, 5, 40, 120)}


def sparse_tar(form, parts, file_len):
    """A member whose map we choose: (offset, content) of each part."""
    stored = b"".join(content for _, content in parts)
    numbers = [number for offset, content in parts for number in (offset, len(content))]
    info = tarfile.TarInfo("sparse")
    info.mode = 0o644
    keys = {"GNU.sparse.name": "sparse"}
    if form == "0.1":
        keys |= {"GNU.sparse.size": str(file_len), "GNU.sparse.numblocks": str(len(parts)),
                 "GNU.sparse.map": ",".join(map(str, numbers))}
    elif form == "1.0":
        keys |= {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(file_len)}
        text = "".join(f"{number}\n" for number in (len(parts), *numbers)).encode()
        stored = text + bytes(-len(text) % 512) + stored
    info.size = len(stored)
    if form != "old":
        info.pax_headers = keys
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(info, io.BytesIO(stored))
        return out.getvalue()
    info.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    fields = b"".join(b"%011o\0" % number for number in numbers)
    block[386 : 386 + len(fields)] = fields
    block[483:495] = b"%011o\0" % file_len
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + stored + bytes(-len(stored) % 512) + bytes(1024)


def unpacked(data, folder):
    folder.mkdir()
    run("tar", "-C", folder, "-xf", "-", input=data)
    return (folder / "sparse").read_bytes()


@pytest.mark.parametrize("form", ["old", "0.1", "1.0"])
@pytest.mark.parametrize("gap", [0, 1, 512, 4096])
def test_sparse_parts(form, gap, tmp_path):
    """A path may go on in the next part, but not behind a hole: GNU tar says what the file is."""
    for start in range(512 - len(OLD) - 1, 514, 4):
        content = (OLD + bytes(40)).ljust(start, b".") + OLD + b" and at the end " + OLD
        file_len = len(content) + gap + 9
        parts = [(0, content[:512]), (512 + gap, content[512:]), (file_len, b"")]
        data = sparse_tar(form, parts, file_len)
        file = unpacked(data, tmp_path / f"{start}-was")
        assert file == content[:512] + bytes(gap) + content[512:] + bytes(9)
        assert identity("tar", data)
        after = patch("tar", data)
        assert unpacked(after, tmp_path / f"{start}-now") == file.replace(OLD, NEW)
        assert len(after) == len(data)


@pytest.mark.parametrize("form", ["old", "0.1", "1.0"])
def test_sparse_maps_that_do_not_fit(form):
    """The member is seen as it is stored, and left."""
    block = OLD.ljust(512)
    for parts, file_len in [
        ([(0, block), (5, block)], 2000),  # one over the other
        ([(1000, block), (0, block)], 2000),  # out of order
        ([(0, block), (1000, block)], 1500),  # behind the end
        ([(0, OLD), (1000, block)], 2000),  # readers do not agree on where the second is stored
        ([(0, block), (1000, block)], 1 << 30),  # hardly anything but holes
    ]:
        data = sparse_tar(form, parts, file_len)
        assert identity("tar", data)
        stored = sum(len(content) for _, content in parts)
        assert b"content 0 644 %d sparse" % stored in walk("tar", data, "list")[1]


@pytest.mark.parametrize("args", SPARSE, ids=lambda args: "".join(args))
def test_sparse_is_not_resized(args, tmp_path):
    with open(tmp_path / "s.grow", "wb") as file:
        file.write(b"start")
        file.truncate(1 << 20)
    data = run("tar", "--sparse", "--hole-detection=seek", *args, "-C", tmp_path, "-cf", "-", "s.grow")
    code, _, words = walk("tar", data, "rewrite", OLD, NEW)
    assert code == 6 and "fixed" in words


def test_concatenated(plain):
    one = run("tar", "-C", plain.parent, "-cf", "-", "tree")
    both = one + run("tar", "--format=ustar", "-b1", "-C", plain.parent, "-cf", "-", "tree")
    assert identity("tar", both)
    code, lines, _ = walk("tar", both, "list")
    single = walk("tar", one, "list")[1]
    assert code == 0 and len(lines.splitlines()) == 2 * len(single.splitlines())


def test_global_header():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT,
                      pax_headers={"comment": "0123456789abcdef"}) as archive:
        info = tarfile.TarInfo("file")
        info.size = len(OLD)
        archive.addfile(info, io.BytesIO(OLD))
    data = out.getvalue()
    assert identity("tar", data)
    check(data, patch("tar", data))


def test_global_header_alone():
    out = io.BytesIO()
    tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x"}).close()
    assert identity("tar", out.getvalue())


def test_volumes(tmp_path):
    """The second volume starts in the middle of a file: it is copied."""
    (tmp_path / "big").write_bytes(OLD * 2000)
    (tmp_path / "small").write_bytes(OLD)
    subprocess.run(["tar", "-M", "-L", "30", "-V", "label", "-cf", "v1.tar", "--file", "v2.tar", "big", "small"],
                   cwd=tmp_path, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    second = (tmp_path / "v2.tar").read_bytes()
    assert identity("tar", second)
    names = walk("tar", second, "list")[1].decode()
    assert "content 0 644 20 small" in names


@pytest.mark.parametrize("form", ["v7", "ustar", "gnu", "pax"])
def test_damage(form, plain):
    data = run("tar", f"--format={form}", "-b1", "-C", plain.parent, "-cf", "-", "tree")
    end = len(data.rstrip(b"\0")) // 512 * 512
    for cut in range(512, end, 5003):
        code, _, words = walk("tar", data[:cut], "rewrite")
        # A cut between two members cannot be told from an end.
        assert code == 5 if cut % 512 else code in (0, 5), words
    wrong = bytearray(data)
    wrong[700 if form != "pax" else 1100] ^= 1
    assert walk("tar", bytes(wrong), "rewrite")[0] == 5
    assert walk("tar", data + b"garbage", "rewrite")[0] == 5


def test_no_tar():
    for data in (b"", b"\0" * 10240, b"text " * 300, b"ustar" * 200):
        assert walk("tar", data, "list")[0] == 99
