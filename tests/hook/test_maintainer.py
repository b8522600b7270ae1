"""What maintainers do with packages that were built without padding: lint, pad, lint, apply. Real
packages, and a search of our own over decoded content as the oracle."""

import bz2
import gzip
import json
import lzma
import re
import subprocess

import pytest
from conftest import BUILD, VALUES, packages, termux, termux_package
from generator.package import Entry
from generator.downloads import fetch
from real_packages import DOWNLOADS, WHOLE, converted

# A systemd unit, Perl, a desktop entry, Emacs Lisp; man pages with groff's breaks in paths.
KINDS = ["cron", "debconf", "idle-python3.11", "dictionaries-common", *(["groff-base"] if WHOLE else [])]
SUFFIXES = {".service", ".pl", ".pm", ".desktop", ".el.gz", ".8.gz"}
DEFAULTS = {name: default.encode() for name, (default, _) in termux.TABLE.items()}
NAME_OF = {default: name for name, default in DEFAULTS.items()}
# A path ends where no name goes on; the longest default counts.
PATH = re.compile(
    b"(" + b"|".join(sorted(map(re.escape, NAME_OF), key=len, reverse=True)) + rb")"
    rb"(?!\.*[A-Za-z0-9_+~-]|\\-|\\\.+[A-Za-z0-9_+~-])(/*)"
)
SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "control")
DECODERS = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}


def decoded(content):
    for magic, decode in DECODERS.items():
        if content.startswith(magic):
            return decode(content)
    return content


def unescaped(data):
    """What is meant where escapes or line breaks stand in a path."""
    data = re.sub(rb"(?i)%2f|%252f|=2f|&#47;|&#x2f;|&sol;|\\u002f|\\x2f|\\057", b"/", data)
    data = re.sub(rb"(?i)<wbr */?>|&shy;|&#8203;|\xc2\xad|\xe2\x80\x8b", b"", data)
    data = re.sub(rb"(?:=|-|\xad|\xe2\x80\x90)\r?\n[ \t]*", b"", data)
    return re.sub(rb"\\\r?\n[ \t]*|\r?\n[ \t]*|\\[:%&,|^]|\\+(?=[/.])", b"", data)


def without_padding(data, keep_length=False):
    for name, default in DEFAULTS.items():
        padded = termux.padded(name)
        rest = padded[len(default) :]
        data = data.replace(padded, default + b"\0" * len(rest) if keep_length else default)
    return data


def plain_content(content):
    if content.startswith(b"\x7fELF"):
        return without_padding(content, keep_length=True)
    if content.startswith(b"\x1f\x8b"):
        return gzip.compress(without_padding(gzip.decompress(content)), 9, mtime=0)
    return without_padding(content)


def plain(package):
    """The package as it would be if nobody had thought of padding."""
    for entry in package.entries:
        if entry.path.endswith(".el") and "/" + entry.path not in package.conffiles:
            # As Emacs itself ships them.
            entry.path, entry.content = f"{entry.path}.gz", gzip.compress(entry.content, mtime=0)
        if entry.content is not None:
            entry.content = plain_content(entry.content)
        elif entry.target is not None:
            entry.target = without_padding(entry.target.encode()).decode()
    package.control["postinst"] = without_padding(package.control["postinst"].encode()).decode()
    return package


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    more = [termux_package.convert(packages.read(deb)) for deb in fetch(KINDS, DOWNLOADS).values()]
    made = [plain(package) for package in (*converted(), *more)]
    for package in made:
        packages.write(package, folder)
    return folder, made


def texts(package):
    """Everything of a package that is looked into: place, decoded bytes."""
    for entry in package.entries:
        if entry.target is not None:
            yield entry.path, entry.target.encode()
        elif entry.content is not None:
            yield entry.path, decoded(entry.content)
    for name in SCRIPTS:
        if name in package.control or name == "control":
            yield f"DEBIAN/{name}", package.control.get(name, package.control_text()).encode()


def test_there_is_a_path_in_every_kind_of_text(shipped):
    named = [place for package in shipped[1] for place, data in texts(package) if PATH.search(data)]
    assert {suffix for suffix in SUFFIXES if any(place.endswith(suffix) for place in named)} == SUFFIXES


def run(command, *words, status=(0, 1)):
    done = subprocess.run([BUILD / "pathpatch", command, *words], capture_output=True, text=True)
    assert done.returncode in status, done.stderr
    return done


def lint(deb):
    lines = [json.loads(line) for line in run("lint", "--json", deb).stdout.splitlines()]
    return [note for line in lines[:-1] for note in line["findings"] if "offset" in note]


def check_broken(notes, contents):
    """No search finds these as they stand; put together, each is a path."""
    for note in notes:
        data = contents[note["member"]][note["offset"] :]
        assert not PATH.match(data) or unescaped(data[:400]) != data[:400]
        assert PATH.match(unescaped(data[:400])).group(1) == DEFAULTS[note["placeholder"]]


def test_lint_finds_what_a_search_finds(shipped):
    folder, made = shipped
    for package in made:
        contents = dict(texts(package))
        notes = lint(folder / package.file_name)
        broken = [note for note in notes if note["code"] == "PP008"]
        check_broken(broken, contents)
        places = {(note["member"], note["offset"]) for note in broken}
        wanted = {
            (place, match.start(), NAME_OF[match.group(1)])
            for place, data in contents.items()
            for match in PATH.finditer(data)
            if (place, match.start()) not in places
        }
        found = {
            (note["member"], note["offset"], note["placeholder"])
            for note in notes
            if note["code"] != "PP008"
        }
        assert found == wanted and len(wanted) > 3
        for place, data in contents.items():
            told = sum(note["member"] == place for note in notes)
            assert told >= len(PATH.findall(re.sub(rb"\\[:%&,|^]|\\(?=[/.])", b"", data)))


def is_text(entry):
    """What pathpatch patches, without a NUL in it."""
    return (
        entry.target is not None
        or not entry.mode & 0o111
        and not entry.content.startswith((b"#!", b"\x7fELF"))
        and b"\0" not in decoded(entry.content)
    )


def padded_paths(data, values=None):
    return PATH.sub(
        lambda m: termux.padded(NAME_OF[m.group(1)], (values or {}).get(NAME_OF[m.group(1)])) + m.group(2)[:1],
        data,
    )


@pytest.fixture(scope="module")
def padded(shipped, tmp_path_factory):
    folder = tmp_path_factory.mktemp("padded")
    for deb in shipped[0].iterdir():
        (folder / deb.name).write_bytes(deb.read_bytes())
    run("pad", folder, status=(0,))
    return folder


def test_pad_leaves_nothing_in_text(shipped, padded):
    for package in shipped[1]:
        entries = {entry.path: entry for entry in package.entries}
        for note in lint(padded / package.file_name):
            member = note["member"]
            assert note["code"] == "PP008" or member.startswith("DEBIAN/") or not is_text(entries[member]), note


def test_padded_packages(shipped, padded, tmp_path):
    for package in shipped[1]:
        now = {entry.path: entry for entry in packages.read(padded / package.file_name).entries}
        assert set(now) >= {entry.path for entry in package.entries}
        for entry in package.entries:
            if entry.target is not None:
                assert now[entry.path].target == padded_paths(entry.target.encode()).decode()
            elif entry.content is not None and is_text(entry):
                assert decoded(now[entry.path].content) == padded_paths(decoded(entry.content))
            else:
                assert now[entry.path] == Entry(entry.path, entry.mode, entry.content)
        tree = tmp_path / package.name
        subprocess.run(["dpkg-deb", "-R", padded / package.file_name, tree], check=True)
        subprocess.run(["md5sum", "--quiet", "-c", "DEBIAN/md5sums"], cwd=tree, check=True)


def test_a_second_run_changes_nothing(padded):
    before = {deb: deb.read_bytes() for deb in padded.iterdir()}
    assert " 0 padded (0 paths)" in run("pad", padded).stdout
    assert {deb: deb.read_bytes() for deb in padded.iterdir()} == before


def test_apply_writes_the_values_of_a_user(shipped, padded, tmp_path):
    sets = [f"--set={name}={value}" for name, value in VALUES.items()]
    for package in shipped[1]:
        tree = tmp_path / package.name
        subprocess.run(["dpkg-deb", "-x", padded / package.file_name, tree], check=True)
        run("apply", "--root", tree, *sets, tree, status=(0, 1))
        for entry in package.entries:
            if entry.target is not None or entry.content is None or not is_text(entry):
                continue
            text = decoded((tree / entry.path).read_bytes())
            assert text == padded_paths(decoded(entry.content), VALUES)
            if PATH.search(decoded(entry.content)):
                assert b"/data/user/10/com.termux" in text
