"""`deb --relocate`: a package built for one rootfs installs below another, with the real dpkg."""

import gzip
import os
import subprocess

import pytest
from conftest import BUILD, PREFIX, packages, termux
from generator.package import Entry, Package

APP = "/data/data/org.example.terminal"  # longer than the default
ROOTFS = f"{APP}/files"
NEW = f"{ROOTFS}/usr"
OLD = termux.PREFIX
MOVED = NEW.lstrip("/")
PADDED = termux.padded("TERMUX__PREFIX")
LONG = "a" * 60 + "/" + "b" * 60  # with the new prefix past 100 bytes, as a name and as a target
TEXT = PADDED + b"/bin\n" + OLD.encode() + b"/lib, " + b"see /data/data/com.termux/files/home.\n"
TEXT_MOVED = (
    termux.padded("TERMUX__PREFIX", NEW) + f"/bin\n{NEW}/lib, see {ROOTFS}/home.\n".encode()
)
# Other names that only begin alike.
OTHERS = b"/data/data/com.termux.api/x /data/data/com.termux-x /data/data/com.termuxes\n"


def package():
    share = f"{PREFIX}/share/app"
    return Package(
        {
            "Package": "app",
            "Version": "1",
            "Architecture": "all",
            "Maintainer": "nobody <nobody@localhost>",
            "Dynamic-Variables": "yes",
            "Depends": "pathpatch",
            "Description": f"lives in {OLD}/share",
        },
        [
            Entry(f"{PREFIX}/etc/app.conf", content=TEXT),
            Entry(f"{share}/data", content=TEXT + OTHERS),
            Entry(f"{share}/data-linked", content=TEXT + OTHERS, same_as=f"{share}/data"),
            Entry(f"{share}/manual.gz", content=gzip.compress(TEXT * 40, mtime=0)),
            Entry(f"{share}/adjacent", content=PADDED[:-1] + OLD.encode() + b"/x" + PADDED + OLD.encode()[1:]),
            Entry(f"{share}/{LONG}", content=TEXT),
            Entry(f"{share}/to-long", target=f"{OLD}/share/app/{LONG}"),
            Entry(f"{share}/to-padded", target=PADDED.decode() + "/share"),
            Entry(f"{share}/relative", target="data"),
            # To the system, past the rootfs: from another depth it would lead elsewhere.
            Entry(f"{share}/outside", target="../" * 8 + "system/bin"),
            Entry(f"{share}/script", 0o755, f"#!{OLD}/bin/sh\n: {OLD}\n".encode()),
            Entry(f"{share}/library.so", content=b"\x7fELF\0" + OLD.encode() + b"\0"),
            Entry(f"{share}/binary", content=b"\0" + PADDED + b"/x\0"),
            Entry(f"{share}/state", 0o700),
        ],
        [f"/{PREFIX}/etc/app.conf"],
        {
            "postinst": f"#!/bin/sh\nset -e\n# {OLD}\n"
            f'cat "$DPKG_ROOT{OLD}/etc/app.conf" >"$DPKG_ROOT/saw"\n',
            "triggers": f"interest-noawait {OLD}/share/fonts\nactivate-noawait pathpatch\n",
        },
    )


def relocate(*words, status=0):
    done = subprocess.run(
        [BUILD / "pathpatch", "deb", "--relocate", f"--set=TERMUX_APP__DATA_DIR={APP}", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return done


def extract(deb, folder):
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder], check=True)
    return folder


@pytest.fixture(params=["xz", "none"])
def moved(bare, tmp_path, request):
    written = tmp_path / "out.deb"
    done = relocate(packages.write(package(), bare.debs, request.param), written)
    return written, done


def test_installs_below_the_other_rootfs(bare, moved):
    bare.install(moved[0])
    assert bare.status("app") == "installed"
    bare.assert_clean()
    share = f"{MOVED}/share/app"
    assert bare.read(f"{MOVED}/etc/app.conf") == TEXT_MOVED == bare.read("saw")
    assert bare.read(f"{share}/data") == TEXT_MOVED + OTHERS
    assert os.path.samefile(bare.path / share / "data", bare.path / share / "data-linked")
    assert gzip.decompress(bare.read(f"{share}/manual.gz")) == TEXT_MOVED * 40
    assert bare.read(f"{share}/{LONG}") == TEXT_MOVED
    # Two paths that share a slash.
    assert b"com.termux" not in bare.read(f"{share}/adjacent")
    assert os.readlink(bare.path / share / "to-long") == f"{NEW}/share/app/{LONG}"
    assert os.readlink(bare.path / share / "to-padded") == termux.padded("TERMUX__PREFIX", NEW).decode() + "/share"
    assert os.readlink(bare.path / share / "relative") == "data"
    assert os.readlink(bare.path / share / "outside") == "../" * 8 + "system/bin"
    assert bare.read(f"{share}/binary") == b"\0" + termux.padded("TERMUX__PREFIX", NEW) + b"/x\0"
    assert os.stat(bare.path / share / "state").st_mode & 0o777 == 0o700
    info = bare.admindir / "info"
    assert (info / "app.conffiles").read_text() == f"{NEW}/etc/app.conf\n"
    assert (info / "app.triggers").read_text() == f"interest-noawait {NEW}/share/fonts\n"
    assert OLD not in (info / "app.list").read_text()
    # An edited conffile is asked about, an untouched one is not: dpkg knows it by its new path.
    bare.install(moved[0])
    assert bare.dpkg("--status", "app").count(f"{NEW}/etc/app.conf") == 1


def test_names_the_old_path_nowhere_else(moved, tmp_path):
    tree = extract(moved[0], tmp_path / "tree")
    told = {line.split("!", 1)[1].split(":")[0] for line in moved[1].stderr.splitlines()}
    assert told == {f"{PREFIX}/share/app/{name}" for name in ("script", "library.so")}
    naming = set()
    for folder, folders, files in os.walk(tree):
        for name in files + folders:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                assert "com.termux" not in os.readlink(path)
            elif os.path.isfile(path) and b"com.termux/" in open(path, "rb").read():
                naming.add(os.path.relpath(path, tree))
    assert naming == {f"{MOVED}/share/app/{name}" for name in ("script", "library.so")}
    assert not (tree / "data/data/com.termux").exists()


def test_scripts_on_demand(bare, tmp_path):
    done = relocate("--executables=scripts", packages.write(package(), bare.debs, "none"), tmp_path / "out.deb")
    tree = extract(tmp_path / "out.deb", tmp_path / "tree")
    script = tree / MOVED / "share/app/script"
    assert script.read_bytes() == f"#!{NEW}/bin/sh\n: {NEW}\n".encode()
    assert "script:" not in done.stderr


def test_parents(bare, tmp_path):
    """To a place with other folders above it: those that lead nowhere are gone, new ones are there."""
    written = tmp_path / "out.deb"
    shipped = packages.write(package(), bare.debs, "none")
    done = subprocess.run(
        [BUILD / "pathpatch", "deb", "--relocate", "--set=TERMUX_APP__DATA_DIR=/mnt/expand/1/user/0/x.y", shipped, written],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    names = subprocess.run(["dpkg-deb", "-c", written], capture_output=True, text=True, check=True).stdout
    assert f"{PREFIX.replace('data/data/com.termux', './mnt/expand/1/user/0/x.y')}/share/app/outside -> /system/bin\n" in names
    assert "/share/app/relative -> data\n" in names
    names = [line.split()[5] for line in names.splitlines()]
    assert names[:8] == [
        "./", "./mnt/", "./mnt/expand/", "./mnt/expand/1/", "./mnt/expand/1/user/", "./mnt/expand/1/user/0/",
        "./mnt/expand/1/user/0/x.y/", "./mnt/expand/1/user/0/x.y/files/",
    ]
    assert not [name for name in names if name.startswith("./data")]
    bare.install(written)
    bare.assert_clean()


def test_names_around_the_length_of_a_header(bare, tmp_path):
    """A header holds 100 bytes of a name, "./" among them; so does that of a link's target."""
    one = package()
    stem = f"{PREFIX}/share/x/"
    room = 100 - len(f"./{MOVED}/share/x/")
    names = ["n" * length for length in range(room - 3, room + 4)]
    one.entries = [Entry(stem + name, content=TEXT) for name in names]
    one.entries += [Entry(f"{stem}to-{name}", target=f"/{stem}{name}") for name in names]
    one.conffiles, one.control = [], {}
    written = tmp_path / "out.deb"
    relocate(packages.write(one, bare.debs, "none"), written)
    bare.install(written)
    bare.assert_clean()
    for name in names:
        assert bare.read(f"{MOVED}/share/x/{name}") == TEXT_MOVED
        assert os.readlink(bare.path / f"{MOVED}/share/x/to-{name}") == f"{NEW}/share/x/{name}"


def test_what_is_no_text_is_told(bare, tmp_path):
    one = package()
    one.entries.append(Entry(f"{PREFIX}/share/app/table", content=b"\0" + OLD.encode() + b"\0"))
    done = relocate(packages.write(one, bare.debs, "none"), tmp_path / "out.deb", status=1)
    assert f"!{PREFIX}/share/app/table: still names the default path" in done.stderr
    assert (tmp_path / "out.deb").exists()


def test_a_long_first_line_is_told(bare, tmp_path):
    one = package()
    one.control["postinst"] = f"#!{OLD}/{'x' * 100}/sh\n"
    done = relocate(packages.write(one, bare.debs, "none"), tmp_path / "out.deb", status=1)
    assert "DEBIAN/postinst: its first line has" in done.stderr


def test_paths_with_escapes_are_told(bare, tmp_path):
    """As a search for the old path's bytes would not find them."""
    escaped = {
        "page.html": termux.PREFIX.replace("/", "%2F").encode(),
        "data.json": termux.PREFIX.replace("/", "\\/").encode() + b" " + termux.PREFIX.encode(),
        "help.txt.gz": gzip.compress(termux.PREFIX.replace("ux", "\u2010\n    ux").encode(), mtime=0),
    }
    one = package()
    one.entries += [Entry(f"{PREFIX}/share/app/{name}", content=text) for name, text in escaped.items()]
    one.control["prerm"] = "#!/bin/sh\nsed -e 's/\\/data\\/data\\/com.termux\\///' /dev/null\n"
    done = relocate(packages.write(one, bare.debs, "none"), tmp_path / "out.deb", status=1)
    for place in ("DEBIAN/prerm", *(f"{PREFIX}/share/app/{name}" for name in escaped)):
        assert f"!{place}: still names the default path (1×): with escapes" in done.stderr
    assert done.stderr.count("with escapes") == 4
