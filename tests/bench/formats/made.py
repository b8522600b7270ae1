"""Archives of whole packages, made by the usual tools in their various ways: a tree with placeholders
is packed, patched as an archive, and unpacked again."""

import gzip
import os
import shutil

from . import archives
from .cases import Case
from .codings import CODINGS, Gzip
from .inject import PLACEHOLDER, inject, is_text, patched
from .tools import run

TAR = "tar --sort=name --owner=0 --group=0 --numeric-owner -C {tree} {words} -cf - ."
# Name, row of the table, suffix, and the shell command that packs {tree} to its output.
WAYS = (
    *(
        (f"tar --format={dialect}", "tar", ".tar", TAR.replace("{words}", f"--format={dialect} {sparse}"))
        for dialect, sparse in (
            ("v7", ""),
            ("ustar", ""),
            ("oldgnu", "-S"),
            ("gnu", "-S"),
            ("pax", ""),
            ("pax", "-S --sparse-version=0.0"),
            ("pax", "-S --sparse-version=0.1"),
            ("pax", "-S --sparse-version=1.0"),
        )
    ),
    ("tar | gzip -9n", "gzip", ".tar.gz", TAR.replace("{words}", "") + " | gzip -9n"),
    ("tar | bzip2", "bzip2", ".tar.bz2", TAR.replace("{words}", "") + " | bzip2"),
    ("tar | bzip2 -1", "bzip2", ".tar.bz2", TAR.replace("{words}", "") + " | bzip2 -1"),
    ("tar | xz -6 -T1", "xz", ".tar.xz", TAR.replace("{words}", "") + " | xz -6 -T1"),
    ("tar | xz -3 -T2", "xz", ".tar.xz", TAR.replace("{words}", "") + " | xz -3 -T2 -Csha256"),
    ("tar | zstd -3", "zstd", ".tar.zst", TAR.replace("{words}", "") + " | zstd -qc -3"),
    ("tar | zstd -19", "zstd", ".tar.zst", TAR.replace("{words}", "") + " | zstd -qc -19 --no-check"),
    ("zip -9", "zip", ".zip", "cd {tree} && zip -qrX9y $TMP.zip . && cat $TMP.zip && rm $TMP.zip"),
    ("zip -0", "zip", ".zip", "cd {tree} && zip -qrX0y $TMP.zip . && cat $TMP.zip && rm $TMP.zip"),
    # To a pipe: with data descriptors, and without symlinks, which zip stores.
    ("zip | cat", "zip", ".pipe.zip", "cd {tree} && find . ! -type l | LC_ALL=C sort | zip -qX9@ - | cat"),
    (
        "epub",
        "zip",
        ".epub",
        "cd {tree} && rm -f $TMP.zip && zip -qX0 $TMP.zip mimetype && "
        "zip -qrX9y $TMP.zip . -x mimetype && cat $TMP.zip && rm $TMP.zip",
    ),
    (
        "jar",
        "zip",
        ".jar",
        "cd {tree} && find . -type f >$TMP.list && jar cf $TMP.jar @$TMP.list && "
        "cat $TMP.jar && rm $TMP.list $TMP.jar",
    ),
    *(
        (f"dpkg-deb -Z{how}", "deb", ".deb", "dpkg-deb --root-owner-group -Z" + how + " --build {tree} $TMP.deb"
         " >/dev/null && cat $TMP.deb && rm $TMP.deb")
        for how in ("xz", "zstd", "gzip", "none")
    ),
)


def of_package(name, deb, folder):
    """The cases that a package makes."""
    shipped, wanted = folder / "shipped" / name, folder / "patched" / name
    for tree in (shipped, wanted):
        shutil.rmtree(tree, ignore_errors=True)
        tree.parent.mkdir(parents=True, exist_ok=True)
        run("dpkg-deb", "-R", deb, tree)
        (tree / "mimetype").write_text("application/epub+zip")
    _inject(shipped, wanted)
    for way, row, suffix, command in WAYS:
        content, reference = _pack(command, shipped), _pack(command, wanted)
        yield Case(
            f"{name}: {way}",
            row,
            suffix,
            content,
            reference,
            _checker(suffix, wanted, folder / "unpacked"),
            _fields(suffix),
        )


def _inject(shipped, wanted):
    """Texts, plain or in gzip, get placeholders; so do a symlink and a file with a hole."""
    for path in sorted(shipped.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.parent == shipped / "DEBIAN":
            continue
        content, other = path.read_bytes(), wanted / path.relative_to(shipped)
        if content.startswith(b"\x1f\x8b"):
            header, text = Gzip.parts(content)[0][0]
            text = inject(text)
            _write(path, Gzip.pack(header, text))
            _write(other, Gzip.pack(header, patched(text)))
        elif is_text(content) and path.name != "mimetype" and not path.stat().st_mode & 0o111:
            _write(path, inject(content))
            _write(other, patched(inject(content)))
    for tree, change in ((shipped, bytes), (wanted, patched)):
        os.symlink(change(PLACEHOLDER + b"/target").decode(), tree / "link")
        with open(tree / "sparse", "wb") as file:
            for offset in (0, 1 << 20, 3 << 20):
                file.seek(offset)
                file.write(change(b"between holes " + PLACEHOLDER + bytes(4000)))
        for path in [*tree.rglob("*"), tree]:
            os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


def _write(path, content):
    mode = path.stat().st_mode
    path.write_bytes(content)
    path.chmod(mode)


def _pack(command, tree):
    script = "set -e; TMP=$(mktemp -u); export SOURCE_DATE_EPOCH=1600000000; "
    return run("bash", "-o", "pipefail", "-c", script + command.replace("{tree}", str(tree)))


NO_SYMLINKS = (".jar", ".pipe.zip")


def _checker(suffix, wanted, unpacked):
    words = {
        ".zip": "unzip -qq {path} -d {folder}",
        ".pipe.zip": "unzip -qq {path} -d {folder}",
        ".epub": "unzip -qq {path} -d {folder}",
        ".jar": "unzip -qq {path} -d {folder} && jar tf {path} >/dev/null",
        ".deb": "dpkg-deb -R {path} {folder}",
    }.get(suffix, "tar -xf {path} -C {folder}")

    def check(path):
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(parents=True)
        run("sh", "-c", words.format(path=path, folder=unpacked))
        # jar adds a manifest; pathpatch deb mends the sums.
        ignored = {"META-INF", "META-INF/MANIFEST.MF", "DEBIAN/md5sums"}
        ignored |= {"link"} if suffix in NO_SYMLINKS else set()
        assert _listing(unpacked, ignored) == _listing(wanted, ignored), "the unpacked tree"

    return check


def _listing(tree, ignored):
    """Path to content. What gzip holds counts, not how it is packed."""
    listing = {}
    for path in tree.rglob("*"):
        name = str(path.relative_to(tree))
        if name in ignored or (path.is_symlink() and "link" in ignored):
            continue
        if path.is_symlink():
            listing[name] = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
            packed = content.startswith(b"\x1f\x8b")
            listing[name] = gzip.decompress(content) if packed else content
    return listing


def _fields(suffix):
    if suffix.endswith((".zip", ".epub", ".jar")):
        return archives.zip_fields
    if suffix == ".deb":
        return archives.ar_fields
    if suffix == ".tar":
        return lambda content: archives.tar_fields(content, sizes=False)
    coding = next(coding for coding in CODINGS.values() if suffix.endswith(coding.suffix))

    def fields(content):
        # Members that are compressed may have another size, and the tar with them.
        kept = coding.fields(content)
        if coding.name == "xz":
            kept = [field[:3] + field[4:] for field in kept]
        return kept + archives.tar_fields(coding.decode(content), sizes=False)

    return fields

