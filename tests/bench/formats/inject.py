"""Puts placeholders into content, and knows what must become of them."""

from generator import termux

from .corpus import format_of

VALUES = termux.user_values(10)
PLACEHOLDER = termux.padded("TERMUX__PREFIX")
# Left as they are, by their first bytes: programs, and formats with sums or an order of their own.
LEFT = (b"#!", b"\x7fELF", b"\x89PNG", b"%PDF-", b"SQLite format 3", b"FOR1", b"GVariant", b"hsqs")
MO = (b"\xde\x12\x04\x95", b"\x95\x04\x12\xde")


def is_text(content):
    """May placeholders stand in this as they are?"""
    return not content.startswith(LEFT + MO) and format_of(content) is None and len(content) > 0


def inject(text):
    """The absolute paths in it become placeholders; where there are none, one is put in the middle."""
    changed = termux.with_placeholders(text)
    if termux.held(changed):
        return changed
    at = text.rfind(b"\n", 0, len(text) // 2) + 1
    return text[:at] + PLACEHOLDER + b"/share\n" + text[at:]


def overwrite(content, start, end):
    """Writes a placeholder over the middle of a stretch of a bytearray, where it has room."""
    at = (start + end - len(PLACEHOLDER)) // 2
    if at >= start + 16:
        content[at : at + len(PLACEHOLDER)] = PLACEHOLDER


def patched(content):
    return termux.patched(content, VALUES)
