"""Bad inputs: deterministic mutations of every fixture, and of what else the program reads.

SOURCES: kind to {name: bytes}. mutated(name, content, number) gives the same bytes every time.
"""

import bz2
import gzip
import io
import lzma
import random
import shutil
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path

import debs
from bootstrap_trees import File, Folder, Link, sample, write_tar, write_zip
from hostile import CASES, ar, archive, stored, tar
from patching import SOURCE, TEXT, VALUES

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def flip(rng, data):
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def poke(rng, data):
    """A number of one, two, four or eight bytes becomes an extreme one."""
    size, value = rng.choice((1, 2, 4, 8)), rng.choice(EXTREMES)
    at = rng.randrange(len(data))
    data[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, rng.choice(("little", "big")))


def poke_head(rng, data):
    """The same near one of the ends, where formats keep their headers and indexes."""
    at = rng.randrange(min(len(data), 64))
    at = at if rng.random() < 0.5 else len(data) - 1 - at
    data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def cut(rng, data):
    del data[rng.randrange(len(data)) :]


def drop(rng, data):
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 7, 64, 512))]


def insert(rng, data):
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice((bytes(64), rng.randbytes(64), b"9" * 32, TEXT[:90], data[at : at + 512]))


def digits(rng, data):
    """A digit of a number in text becomes another character."""
    places = [i for i, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if places:
        data[rng.choice(places)] = rng.choice(b"09-+ x\0\xff")


def swap(rng, data):
    size = rng.choice((4, 16, 64, 512))
    a, b = (rng.randrange(len(data)) for _ in range(2))
    one, other = data[a : a + size], data[b : b + size]
    data[a : a + size], data[b : b + size] = other, one


def join(_, data):
    data += bytes(data)


MUTATIONS = (flip, flip, poke, poke, poke_head, poke_head, cut, drop, insert, digits, digits, swap, join)


def mutated(name, content, number):
    rng = random.Random(f"{name} {number}")
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if data:
            rng.choice(MUTATIONS)(rng, data)
    return bytes(data)


def catalog():
    """A .mo of one translation, with the empty id that holds the header."""
    ids, texts = (b"", b"x"), (b"Content-Type: text/plain; charset=UTF-8\n", TEXT)
    at, out, tables = 28 + 32, b"", []
    for strings in (ids, texts):
        for string in strings:
            tables += [len(string), at + len(out)]
            out += string + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, 2, 28, 44, 0, 60) + struct.pack("<8I", *tables) + out


def wheel():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.py", TEXT)
        made.writestr("a-1.dist-info/RECORD", "a.py,sha256=x,1\na-1.dist-info/RECORD,,\n")
    return out.getvalue()


def contents():
    found = {
        path.name: path.read_bytes()
        for folder in ("good", "bad", "unsupported")
        for path in sorted((SOURCE / "fixtures" / folder).iterdir())
    }
    # Hostile files; the bombs among them take long to make.
    found |= {name: make() for name, (make, _, _) in CASES.items() if "bomb" not in name}
    inner = archive(("a", TEXT), ("b/c.gz", gzip.compress(TEXT, mtime=0)))
    found |= {
        "text.xz": lzma.compress(TEXT),
        "text.lzma": lzma.compress(TEXT, lzma.FORMAT_ALONE),
        "text.bz2": bz2.compress(TEXT),
        "text.zst": debs.CODERS[".zst"](TEXT),
        "text.cpio": cpio(),
        "text.mo": catalog(),
        "a.whl": wheel(),
        "a.zip": inner,
        "stored.zip": stored(("a", TEXT), ("b", TEXT)),
        "a.tar": tar(("a", TEXT), ("b.zip", inner)),
        "a.tar.gz": gzip.compress(tar(("a", TEXT), ("b.zip", inner)), mtime=0),
        "a.tar.xz": lzma.compress(tar(("a", TEXT), ("b.mo", catalog()))),
        "a.a": ar((b"a/", TEXT + b"." * (len(TEXT) % 2)), (b"b/", TEXT)),
    }
    return found


def cpio():
    return subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"],
        input=b"generator/termux.py\nREADME.md\n",
        cwd=SOURCE / "fixtures",
        capture_output=True,
        check=True,
    ).stdout


def packages():
    prefix = "./data/data/com.termux/files/usr/"
    files = {
        prefix: None,
        prefix + "etc/a.conf": TEXT,
        prefix + "share/doc/a.gz": gzip.compress(TEXT, mtime=0),
        prefix + "b": TEXT[:60].decode(),
    }
    control = {
        "./conffiles": f"{prefix[1:]}etc/a.conf\n".encode(),
        "./md5sums": b"d41d8cd98f00b204e9800998ecf8427e  " + prefix[2:].encode() + b"etc/a.conf\n",
        "./postinst": b"#!/data/data/com.termux/files/usr/bin/sh\n" + TEXT,
    }
    return {f"a{suffix}.deb": debs.deb(files, suffix, control) for suffix in debs.CODERS}


def bootstraps():
    folder = Path(tempfile.mkdtemp())
    entries = sample()
    small = {"etc": Folder(), "etc/a": File(TEXT), "b": Link(TEXT[:60].decode())}
    for name, tree in (("sample", entries), ("small", small)):
        write_zip(folder / f"{name}.zip", {p: e for p, e in tree.items() if not hasattr(e, "hard")})
        write_tar(folder / f"{name}.tar", tree)
        write_tar(folder / f"{name}.tar.gz", tree, "gz")
        write_tar(folder / f"{name}.tar.xz", tree, "xz")
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    shutil.rmtree(folder)
    return found


def tables():
    text = (SOURCE / "patcher/tables/termux.ini").read_bytes()
    return {"termux.ini": text, "head.ini": text[:1500]}


def env_files():
    plain = "".join(f"{name}={value}\n" for name, value in VALUES.items())
    quoted = "".join(f"# of {name}\nexport {name}='{value}'\n" for name, value in VALUES.items())
    return {"plain.env": plain.encode(), "quoted.env": quoted.encode(), "double.env": quoted.replace("'", '"').encode()}
