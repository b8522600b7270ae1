"""Real files with placeholders put in, packed by the tools that made the originals."""

import base64
import csv
import hashlib
import io
import tarfile
from dataclasses import dataclass
from typing import Callable

from . import archives
from .codings import CODINGS
from .corpus import format_of
from .inject import inject, is_text, overwrite, patched
from .tools import run

# xz is slow: what decodes to more is left out of this part.
XZ_TEXT_MAX = 4 << 20


@dataclass
class Case:
    name: str
    format: str  # row of the table
    suffix: str
    content: bytes  # as shipped, with placeholders
    reference: bytes  # the patched content, packed by the tool of the original
    check: Callable  # check(path): the patched file, by independent programs; AssertionError
    fields: Callable  # fields(content): what must be the same before and after


def of_sample(sample):
    """The case that a sample makes, or None where it has no room for a placeholder."""
    if sample.format in CODINGS:
        return _stream(sample, CODINGS[sample.format])
    maker = {"zip": _zip, "tar": _tar, "ar": _ar}.get(sample.format)
    return maker and maker(sample)


def _injected(text):
    """A text with placeholders, or None."""
    if format_of(text) == "tar":
        changed = _tar_injected(text)
        return changed if changed != text else None
    return inject(text) if is_text(text) else None


def _stream(sample, coding):
    parts, tail = coding.parts(sample.content)
    if coding.name == "xz" and sum(len(text) for _, text in parts) > XZ_TEXT_MAX:
        return None
    parts = [(header, _injected(text)) for header, text in parts]
    if any(text is None for _, text in parts):
        return None
    content = b"".join(coding.pack(header, text) for header, text in parts) + tail
    reference = b"".join(coding.pack(header, patched(text)) for header, text in parts) + tail
    wanted = b"".join(patched(text) for _, text in parts)

    def check(path):
        assert coding.decode(path.read_bytes()) == wanted, "the decoded text"
        coding.test(path)

    return Case(sample.name, coding.name, coding.suffix, content, reference, check, coding.fields)


# ---- zip ----


def _zip(sample):
    entries, _ = archives.zip_entries(sample.content)
    if any(entry.name.upper().endswith((b".SF", b".RSA", b".JWS")) for entry in entries):
        return None
    shipped = {e.info.filename: inject(e.text) for e in entries if _takes_text(e)}
    if not shipped:
        return None
    level = archives.deflate_level(entries)
    wanted = {name: patched(text) for name, text in shipped.items()}
    for entry in entries:
        if entry.info.filename.endswith(".dist-info/RECORD"):
            shipped[entry.info.filename] = _record(entry.text, shipped)
            wanted[entry.info.filename] = _record(entry.text, wanted)

    def packed(texts):
        return archives.zip_change(
            sample.content,
            lambda entry: texts.get(entry.info.filename),
            lambda entry, text: archives.deflate(text, level),
        )

    expected = [(e.info.filename, wanted.get(e.info.filename, e.text)) for e in entries]
    expected.sort()

    def check(path):
        assert sorted(archives.zip_texts(path.read_bytes())) == expected, "the members"
        run("unzip", "-tqq", path)
        run("jar", "tf", path)

    return Case(
        sample.name, "zip", ".zip", packed(shipped), packed(wanted), check, archives.zip_fields
    )


def _takes_text(entry):
    executable = entry.info.create_system == 3 and entry.info.external_attr >> 16 & 0o111
    record = entry.info.filename.endswith(".dist-info/RECORD")
    return not (executable or record or entry.info.is_dir()) and is_text(entry.text)


def _record(text, contents):
    """A wheel's RECORD with the sums of the contents by name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for name, digest, size in csv.reader(io.StringIO(text.decode())):
        if digest and name in contents:
            sha256 = hashlib.sha256(contents[name]).digest()
            digest = "sha256=" + base64.urlsafe_b64encode(sha256).decode().rstrip("=")
            size = len(contents[name])
        writer.writerow((name, digest, size))
    return out.getvalue().encode()


# ---- tar and ar: placeholders are written over what is there, no length changes ----


def _tar_injected(content):
    changed = bytearray(content)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for info in archive:
            start, end = info.offset_data, info.offset_data + info.size
            if info.isreg() and not info.mode & 0o111 and is_text(content[start:end]):
                overwrite(changed, start, end)
    return bytes(changed)


def _plain(sample, content, suffix, fields, test):
    if content == sample.content:
        return None
    wanted = patched(content)

    def check(path):
        assert path.read_bytes() == wanted, "the bytes"
        test(path)

    return Case(sample.name, sample.format, suffix, content, wanted, check, fields)


def _tar(sample):
    content = _tar_injected(sample.content)
    return _plain(sample, content, ".tar", archives.tar_fields, lambda path: run("tar", "tf", path))


def _ar(sample):
    """Libraries: their members are ELF objects, which are left, but for texts among them."""
    changed = bytearray(sample.content)
    at = 8
    for header, _, content in archives.ar_members(sample.content):
        at += len(header)
        if is_text(content) and not header.startswith((b"/ ", b"// ")):
            overwrite(changed, at, at + len(content))
        at += len(content) + len(content) % 2
    test = lambda path: run("ar", "t", path)  # noqa: E731
    return _plain(sample, bytes(changed), ".a", archives.ar_fields, test)
