"""gettext .mo against msgfmt, msgunfmt and Python's gettext."""
import gettext
import io
import struct

import pytest
from walker import NEW, OLD, identity, patch, run, walk

old = OLD.decode()
PO = f"""
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=n!=1;\\nX-Path: {old}\\n"

msgid "plain"
msgstr "nothing here"

msgid "{old}/id"
msgstr "{old}/translated, {old}"

msgid "same {old}"
msgstr "same {old}"

msgid "one {old}"
msgid_plural "many {old}"
msgstr[0] "ein {old}"
msgstr[1] "viele {old}"

msgctxt "context {old}"
msgid "with"
msgstr "{old}"
"""


def compiled(*args, po=PO):
    return run("msgfmt", *args, "-o", "-", "-", input=po.encode())


def catalog(data):
    return gettext.GNUTranslations(io.BytesIO(data))._catalog


@pytest.mark.parametrize("args", [(), ("--endianness=big",), ("--no-hash",), ("-a", "16")])
def test_msgfmt(args):
    data = compiled(*args)
    assert identity("mo", data)
    after = patch("mo", data)
    assert len(after) == len(data)
    before, now = catalog(data), catalog(after)
    assert now == {key: value.replace(old, NEW.decode()) for key, value in before.items()}
    assert f"{old}/id" in now
    # msgunfmt checks the table of hashes too.
    text = run("msgunfmt", "-", input=after).decode()
    assert text.count(old) == 5 and text.count(NEW.decode()) == 7


def test_system_dependent_strings():
    """Minor revision 1: their pieces are left alone, the others are patched."""
    data = compiled(po=PO + f"""
#, c-format
msgid "size %<PRIu64> {old}"
msgstr "Umfang %<PRIu64> {old}"
""")
    assert struct.unpack("<I", data[4:8])[0] & 0xffff == 1
    assert identity("mo", data)
    after = patch("mo", data)
    text = run("msgunfmt", "-", input=after).decode()
    assert f"Umfang %<PRIu64> {old}" in text and f"ein {NEW.decode()}" in text


def build(strings, descriptors, revision=0):
    """A catalogue with the string area as given and (length, offset in it) for ids, then
    translations."""
    count = len(descriptors) // 2
    base = 28 + 8 * len(descriptors)
    tables = b"".join(struct.pack("<II", length, base + at) for length, at in descriptors)
    return struct.pack("<7I", 0x950412DE, revision, count, 28, 28 + 8 * count, 0, base) + tables + strings


def test_translation_inside_an_id():
    n = len(OLD)
    # The second translation is its own id; the first is not.
    data = build(b"a\0" + OLD + b"\0" + OLD + b"\0", [(1, 0), (n, 2), (n, 3 + n), (n, 2)])
    after = patch("mo", data)
    assert after == data[:-n - 1] + NEW + b"\0"
    # A translation that shares the end of an id.
    data = build(b"see " + OLD + b"\0", [(n + 4, 0), (n, 4)])
    assert patch("mo", data) == data


def test_strings_shared_by_translations():
    n = len(OLD)
    data = build(b"a\0b\0see " + OLD + b"\0", [(1, 0), (1, 2), (n + 4, 4), (n, 8)])
    assert patch("mo", data) == data.replace(OLD, NEW)


def test_unsound():
    sound = build(b"a\0b\0", [(1, 0), (1, 2)])
    assert identity("mo", sound)
    assert identity("mo", build(b"a\0b\0", [(1, 0), (1, 2)], revision=1 << 16))
    assert walk("mo", build(b"a\0b\0", [(1, 0), (1, 2)], revision=2 << 16), "list")[0] == 6
    for wrong in ([(9, 0), (1, 2)], [(1, 0), (9, 2)], [(1, 0), (0xffffffff, 2)], [(1, 0x7fffffff), (1, 2)],
                  [(2, 0), (1, 2)], [(1, 0), (2, 2)]):
        assert walk("mo", build(b"a\0b\0", wrong), "rewrite")[0] == 5, wrong
    data = compiled()
    for cut in range(28, len(data)):
        assert walk("mo", data[:cut], "rewrite")[0] == 5, cut
    for field in (8, 12, 16, 20, 24):
        assert walk("mo", data[:field] + b"\xff\xff\xff\x7f" + data[field + 4:], "rewrite")[0] == 5, field
