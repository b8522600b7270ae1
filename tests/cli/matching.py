"""The matching rules once more, in Python: slow, and over the whole content at once."""

WIDTHS = (1, 2, 4)


def padded(value, length):
    """Slashes alone would be padding: the root has a full stop."""
    return (b"/." if value == b"/" else value).ljust(length, b"/")


class Rules:
    """A table of (default, length) and its values, all bytes."""

    def __init__(self, table, values):
        self.table = table
        self.values = values
        self.finds = [default.ljust(length, b"/") for default, length in table]
        self.puts = [padded(value, length) for value, (_, length) in zip(values, table)]
        # What may have been written: it is told from placeholders, where it is none itself.
        self.written = [put for put in self.puts if put not in self.finds]

    def changed(self):
        return [i for i, find in enumerate(self.finds) if find != self.puts[i]]

    def is_refused(self):
        for i in self.changed():
            value, put = self.values[i], self.puts[i]
            for find in self.finds:
                tails = [put[at:] for at in range(len(value))]
                if any((tail + find)[: len(find)] == find or find.startswith(tail) for tail in tails):
                    return True
                if any(tail.ljust(len(find), b"/")[: len(find)] == find for tail in tails):
                    return True
                if put in find[1:]:
                    return True
        return False

    def stands(self, data, at, width, text):
        """Is the text at `at`, with zeros between its characters, and on one side of it?"""
        end = at + (len(text) - 1) * width + 1
        seen = data[at:end]
        zeros = bytes(width - 1)
        return (
            end <= len(data)
            and seen[::width] == text
            and all(seen[k::width].count(0) == len(text) - 1 for k in range(1, width))
            and (data[end : end + width - 1] == zeros or data[max(at - width + 1, 0) : at] == zeros)
        )

    def writes(self, width, i):
        return self.puts[i] != self.finds[i] and (width == 1 or self.puts[i].isascii())

    def is_short(self, data, at, width, i):
        """Is its last slash the first one of another text?"""
        last = at + (len(self.finds[i]) - 1) * width
        texts = self.finds + (self.written if self.writes(width, i) else [])
        return any(self.stands(data, last, other, text) for text in texts for other in WIDTHS)

    def holds_written(self, data, at, width, i):
        if not self.writes(width, i):
            return False
        find = self.finds[i]
        texts = [text for text in self.written if text not in find[1:]]
        starts = [at + k * width for k in range(1, len(find) - 1)]
        return any(self.stands(data, start, width, text) for text in texts for start in starts)

    def match_at(self, data, at):
        """(width, placeholder) of the longest match, or where to go on behind a short one."""
        found, resume = [], at + 1
        for width in WIDTHS:
            for i, find in enumerate(self.finds):
                if not self.stands(data, at, width, find):
                    continue
                if self.is_short(data, at, width, i):
                    resume = max(resume, at + (len(find) - 1) * width)
                elif not self.holds_written(data, at, width, i):
                    found.append((len(find), width, i))
        return (max(found)[1:], None) if found else (None, resume)

    def patched(self, data):
        out = bytearray(data)
        at = data.find(b"/")
        while at >= 0:
            match, resume = self.match_at(data, at)
            if match:
                width, i = match
                resume = at + (len(self.finds[i]) - 1) * width + 1
                if self.writes(width, i):
                    out[at:resume:width] = self.puts[i]
            at = data.find(b"/", resume)
        return bytes(out)
