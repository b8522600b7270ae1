"""pathpatch lint: every rule, where it holds and where it does not."""

import bz2
import gzip
import io
import json
import lzma
import random
import subprocess
import zipfile

import pytest
from debs import CONTROL, deb
from patching import BUILD, PLACEHOLDER
from generator import termux

PREFIX = termux.PREFIX.encode()
ROOTFS = termux.TABLE["TERMUX__ROOTFS"][0].encode()
HOME = b"./data/data/com.termux/files/usr"
OPTED_IN = {
    "./control": CONTROL + b"Dynamic-Variables: yes\nDepends: pathpatch\n",
    "./triggers": b"activate-noawait pathpatch\n",
}


def lint(*words, content=b""):
    done = subprocess.run([BUILD / "pathpatch", "lint", *words], input=content, capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    return done


def findings(*words, content=b""):
    """(code, member, offset) of every one; the status agrees with them."""
    done = lint("--json", *words, content=content)
    files = [json.loads(line) for line in done.stdout.splitlines()]
    found = [note for file in files[:-1] for note in file["findings"]]
    counted = [note for note in found if note["severity"] != "info" and not note["suppressed"]]
    assert done.returncode == (1 if counted else 0)
    assert files[-1]["errors"] + files[-1]["warnings"] == len(counted)
    return [(note["code"], note.get("member", ""), note.get("offset")) for note in found]


def codes(*words, content=b""):
    return [code for code, _, _ in findings(*words, content=content)]


TEXTS = [
    (b"nothing, /data/data/com.termu", []),
    (PLACEHOLDER + b"/bin/sh " + PLACEHOLDER, []),
    (PREFIX, ["PP001"]),
    (b"a=" + PREFIX + b"/lib:" + PREFIX + b".", ["PP001", "PP001"]),
    # The longest default that ends as a path does.
    (b"/data/data/com.termux/files/usrx", ["PP001"]),
    (b"/data/data/com.termux.x11 /data/data/com.termux-x /data/data/com.termux_x", []),
    (PREFIX + b"\xe2\x80\x9d", ["PP001"]),
    (PREFIX + b"//lib", ["PP002"]),
    (PLACEHOLDER[:-1] + b"x", ["PP002"]),
    (PLACEHOLDER + b"//lib", ["PP003"]),
    (PREFIX.replace(b"/", rb"\/") + rb"\/lib", ["PP008"]),
    (PLACEHOLDER.replace(b"/", rb"\/"), ["PP008"]),
    # Folded as in a manifest, quoted-printable, and a man page's escape of no width.
    (PREFIX[:12] + b"\n " + PREFIX[12:], ["PP008"]),
    (PLACEHOLDER[:60] + b"=\r\n" + PLACEHOLDER[60:], ["PP008"]),
    (rb"/data/data/\:com.termux", ["PP008"]),
    # As formatted man pages, HTML and help texts break words.
    (PREFIX[:17] + "\u2010\n       ".encode() + PREFIX[17:], ["PP008"]),
    (PREFIX[:17] + b"-\n" + PREFIX[17:], ["PP008"]),
    (PREFIX[:17] + b"\xad\n " + PREFIX[17:], ["PP008"]),
    (PREFIX[:17] + "\xad".encode() + PREFIX[17:], ["PP008"]),
    (PREFIX.replace(b"/", b"/<wbr>"), ["PP008"]),
    (PREFIX[:11] + b"\n    " + PREFIX[11:], ["PP008"]),
    # Slashes that are written otherwise: in URLs, mails, HTML, strings, strings in strings.
    *(
        (b"x=" + path.replace(b"/", slash) + b" ", ["PP008"])
        for path in (PREFIX, PLACEHOLDER)
        for slash in (b"%2F", b"%2f", b"%252F", b"=2F", b"&#47;", b"&#x2F;", b"&sol;", rb"\u002f", rb"\x2F", rb"\057", rb"\\/")
    ),
    (PREFIX.replace(b"/", b"%2F") + b"x%2F" + b"%2Fdata%2Fdat", ["PP008"]),
    (b"%2Fdata%2Fdata%2Fcom.termux-x " + PREFIX.replace(b"/", b"%2e"), []),
    # Two lines with a path each are no folded one.
    (ROOTFS + b"\n/usr", ["PP001"]),
    (b"/data/data\n/com.termux/files", []),
    (PLACEHOLDER + b"/var/run/long-name-of-a-daemon/socket", ["PP011"]),
    (PLACEHOLDER + b"/run/socket", []),
    (PREFIX.decode().encode("utf-16-le"), ["PP001"]),
    (PLACEHOLDER.decode().encode("utf-32-be"), []),
    (PREFIX.decode().encode("utf-16-be") + b"\0/\0/\0x", ["PP002"]),
]


@pytest.mark.parametrize("text, wanted", TEXTS)
def test_text(text, wanted):
    assert codes("-", content=text) == wanted
    assert codes("-", content=b"x" * 300_000 + text + b"\n" * 300_000) == wanted


def broken(path, spot):
    """The path with something between or in the place of its characters; no part of it is whole."""
    breaks = [b"=\r\n", b"\\\n", "\u2010\n   ".encode(), b"-\n\t", b"<wbr>", b"&shy;", b"\xe2\x80\x8b", b""]
    slashes = [b"%2F", b"&#x2F;", b"&#47;", rb"\u002f", rb"\/", b"/"]
    pieces = [spot.choice(slashes) if byte == 0x2F else bytes([byte]) for byte in path]
    pieces[0] = spot.choice(slashes[:4])
    at = spot.randrange(1, len(pieces))
    pieces[at] = spot.choice(breaks) + pieces[at]
    return b"".join(pieces)


def test_broken_paths_at_the_borders_of_buffers(tmp_path):
    """Buffers of 256 KiB: what is found does not depend on where a path lies in them."""
    spot = random.Random(7)
    wanted = {}
    for number in range(300):
        name = spot.choice(["TERMUX__PREFIX", "TERMUX__HOME", "TERMUX__CACHE_DIR"])
        text = broken(termux.TABLE[name][0].encode(), spot) + b"/x"
        before = (1 << 18) - spot.randrange(200)
        (tmp_path / f"{number:03}").write_bytes(b"x" * before + text + b" \n" * spot.randrange(200))
        wanted[f"{number:03}"] = (before, name)
    lines = [json.loads(line) for line in lint("--json", tmp_path).stdout.splitlines()[:-1]]
    found = {
        line["path"][-3:]: (note["offset"], note["placeholder"])
        for line in lines
        for note in line["findings"]
        if note["code"] == "PP008"
    }
    assert found == wanted


def jar(signed, text):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        if signed:
            archive.writestr("META-INF/A.SF", "x")
            archive.writestr("META-INF/A.RSA", "x")
        archive.writestr("a/b.txt", text)
    return data.getvalue()


CONTENTS = [
    (gzip.compress(PREFIX), [("PP001", "", 0)]),
    (bz2.compress(b"x" + PREFIX), [("PP001", "", 1)]),
    (lzma.compress(PREFIX), [("PP001", "", 0)]),
    (jar(False, PREFIX), [("PP001", "a/b.txt", 0)]),
    (jar(True, PREFIX), [("PP007", "a/b.txt", 0)]),
    (jar(True, b"none"), []),
    (b"%PDF-1.4\n" + PLACEHOLDER, [("PP005", "", 9)]),
    (b"%PDF-1.4\n", []),
    (b"\x7fELF" + PREFIX, [("PP004", "", 4)]),
    (b"#!" + PREFIX + b"/bin/sh\n", [("PP004", "", 2)]),
    (b"#!" + PLACEHOLDER + b"/bin/" + b"x" * 40 + b"\n", [("PP009", "", 2)]),
    (b"#!/bin/sh\n" + PLACEHOLDER + b"x" * 200, [("PP004", "", 10)]),
    (gzip.compress(PREFIX)[:-9], [("PP016", "", None)]),
    (b"\x04\x22\x4d\x18", [("PP016", "", None)]),
]


@pytest.mark.parametrize("content, wanted", CONTENTS)
def test_content(tmp_path, content, wanted):
    (tmp_path / "file").write_bytes(content)
    assert findings(tmp_path) == findings("-", content=content) == wanted


def test_message_ids(tmp_path):
    (tmp_path / "x.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
        f'msgid "see {termux.PREFIX}"\nmsgstr "siehe {PLACEHOLDER.decode()}"\n'
    )
    subprocess.run(["msgfmt", "-o", tmp_path / "x.mo", tmp_path / "x.po"], check=True)
    assert codes(tmp_path / "x.mo") == ["PP006"]


def test_modes_and_links(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "program").write_bytes(PREFIX)
    (tmp_path / "program").chmod(0o755)
    links = {
        "sub/in": "../program",
        "sub/out": "../../program",
        "sub/there-and-back": f"../../{tmp_path.name}/program",
        "system": "/system/lib",
        "plain": termux.PREFIX + "/lib",
        "padded": PLACEHOLDER.decode() + "/lib",
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    told = lint(tmp_path).stdout.decode().splitlines()[:-1]
    inside = [line.removeprefix(f"{tmp_path}/").split(": ", 2)[:2] for line in told]
    assert inside == [
        ["plain:0", "error PP001"],
        ["program:0", "warning PP004"],
        ["sub/out", "warning PP010"],
        ["sub/there-and-back", "warning PP010"],
        ["system", "warning PP010"],
    ]


PACKAGES = [
    ({f"{HOME.decode()}/etc/x": PLACEHOLDER}, {}, [("PP014", "DEBIAN/control", None)]),
    ({f"{HOME.decode()}/etc/x": b"none"}, {}, []),
    ({f"{HOME.decode()}/etc/x": PLACEHOLDER}, OPTED_IN, []),
    (
        {f"{HOME.decode()}/etc/x": PLACEHOLDER},
        {"./control": OPTED_IN["./control"], "./triggers": b"activate pathpatch-more\n"},
        [("PP015", "DEBIAN/triggers", None)],
    ),
    (
        {f"{HOME.decode()}/etc/x": PLACEHOLDER, f"{HOME.decode()}/etc/xy": b"none"},
        {**OPTED_IN, "./conffiles": PREFIX + b"/etc/xy\n" + PREFIX + b"/etc/x\n"},
        [("PP012", HOME[2:].decode() + "/etc/x", None)],
    ),
    (
        {"./x": b"none"},
        {"./postinst": b"#!/bin/sh\nls " + PLACEHOLDER + b"\n"},
        [("PP013", "DEBIAN/postinst", 13)],
    ),
    (
        {"./x": gzip.compress(b"x" + PREFIX), "./l": "../x"},
        {},
        [("PP001", "x", 1), ("PP010", "l", None)],
    ),
]


@pytest.mark.parametrize("files, control, wanted", PACKAGES)
def test_packages(tmp_path, files, control, wanted):
    (tmp_path / "x.deb").write_bytes(deb(files, control=control))
    assert findings(tmp_path) == wanted


def build(tmp_path, files, control):
    """A tree as dpkg-deb --build takes it."""
    tree = tmp_path / "build"
    for name, content in {**files, **{f"DEBIAN/{name[2:]}": text for name, text in control.items()}}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    return tree


@pytest.mark.parametrize("files, control, wanted", [p for p in PACKAGES if "./l" not in p[0]])
def test_a_build_is_looked_at_as_the_package_is(tmp_path, files, control, wanted):
    """The same findings, each under the path of its file."""
    files = {name.removeprefix("./"): content for name, content in files.items()}
    tree = build(tmp_path, files, {"./control": CONTROL, **control})
    lines = [json.loads(line) for line in lint("--json", tree).stdout.splitlines()[:-1]]
    found = [
        (note["code"], line["path"].removeprefix(f"{tree}/"), note.get("offset"))
        for line in lines
        for note in line["findings"]
    ]
    assert found == wanted
    assert not any("member" in note for line in lines for note in line["findings"])
    # From inside, too.
    done = subprocess.run([BUILD / "pathpatch", "lint", "--json", "."], cwd=tree, capture_output=True)
    assert done.stdout.count(b'"code"') == len(wanted)


def test_a_build_whose_control_file_is_not_written_yet(tmp_path):
    script = b"#!/bin/sh\nls " + PREFIX + b"\n"
    tree = build(tmp_path, {"x": PLACEHOLDER}, {"./postinst": script, "./conffiles": PREFIX + b"/etc/x\n"})
    (tree / "DEBIAN/postrm").symlink_to("postinst")
    (tree / "DEBIAN/folder").mkdir()
    assert codes(tree) == ["PP013"]
    known = tmp_path / "known"
    known.write_text("PP013 DEBIAN/postinst\n")
    assert lint("--suppressions", known, tree).returncode == 0


def test_a_damaged_package_is_said_and_the_others_are_looked_at(tmp_path):
    (tmp_path / "a.deb").write_bytes(deb({"./x": PREFIX})[:-40])
    (tmp_path / "b.deb").write_bytes(deb({"./x": PREFIX}))
    assert findings(tmp_path) == [("PP016", "", None), ("PP001", "x", 0)]


def test_suppressions(tmp_path):
    tree = tmp_path / "tree"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/a").write_bytes(b"\x7fELF" + PREFIX)
    (tree / "usr/x.jar").write_bytes(jar(True, PREFIX))
    (tree / "text").write_bytes(PREFIX)
    known = tmp_path / "known"
    known.write_text("# of ours\npp004 usr/bin/*\n\nPP007 a/b.txt\nPP001 usr/*\nPP001\ttext  \n")
    done = lint("--suppressions", known, tree)
    assert done.returncode == 0
    assert b"3 suppressed" in done.stdout and done.stdout.count(b"\n") == 1
    assert done.stderr.decode() == (
        f"pathpatch: {known}:5: there is nothing of PP001 in 'usr/*'; take the line out\n"
    )
    assert findings("--suppressions", known, tree) != []


@pytest.mark.parametrize("line, said", [("PP999 x", "is no code"), ("PP001", "no path behind PP001")])
def test_bad_suppressions(tmp_path, line, said):
    (tmp_path / "known").write_text("\n" + line + "\n")
    done = subprocess.run(
        [BUILD / "pathpatch", "lint", "--suppressions", tmp_path / "known", tmp_path], capture_output=True
    )
    assert done.returncode == 2 and "known: line 2: " in done.stderr.decode() and said in done.stderr.decode()


def test_explanations():
    listed = lint("--explain", "all").stdout.decode().splitlines()
    assert [line.split()[0] for line in listed] == [f"PP{n:03}" for n in range(1, len(listed) + 1)]
    for line in listed:
        code, severity, summary = line.split(maxsplit=2)
        text = lint("--explain", code.lower()).stdout.decode()
        assert text.startswith(f"{code} ({severity}): {summary}\n\n") and len(text) > 120
        assert max(map(len, text.splitlines())) <= 79
    done = subprocess.run([BUILD / "pathpatch", "lint", "--explain", "PP9"], capture_output=True)
    assert done.returncode == 2 and b"'PP9' is no code" in done.stderr


def test_places_that_break_a_rule_alike_are_one_line(tmp_path):
    (tmp_path / "x").write_bytes(PREFIX + b"\n" + ROOTFS + b"\n" + PREFIX)
    told = [line.split(": ", 1)[1] for line in lint(tmp_path).stdout.decode().splitlines()[:-1]]
    assert told == [
        "error PP001: a default path without its padding: TERMUX__PREFIX, 2 times",
        "error PP001: a default path without its padding: TERMUX__ROOTFS",
    ]
