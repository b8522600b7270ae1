"""First patches, against what anybody would write instead; second runs."""

import sys

from .corpus import VALUES, termux
from .measure import LEFT, Row, Side, alternate, duel, versus
from .scanning import BEYOND, NEEDLE, floor_side

PAIRS = sorted(
    (termux.padded(name).decode(), termux.padded(name, value).decode()) for name, value in VALUES.items()
)

# As conda does it for text: the whole file in memory, one replacement a prefix, written over.
CONDA = """
import os, sys
pairs = [pair.split("\\t") for pair in open(sys.argv[1]).read().splitlines()]
pairs = [(old.encode(), new.encode()) for old, new in pairs]
for path in open(sys.argv[2]).read().splitlines():
    mode = os.lstat(path).st_mode
    with open(path, "rb") as file:
        content = file.read()
    changed = content
    for old, new in pairs:
        changed = changed.replace(old, new)
    if changed == content:
        continue
    with open(path, "wb") as file:
        file.write(changed)
    os.chmod(path, mode)
"""

# A run for each placeholder: no pattern of sd gives each its own value.
SD = """
while IFS="\t" read -r old new; do
    xargs -d "\n" -a "$2" sd -s "$old" "$new" || exit
done <"$1"
"""

ZCAT = """
set -e
while IFS= read -r path; do
    zcat "$path" | sed -f "$1" | gzip -9n >"$2"
    cat "$2" >"$path"
done
"""


LISTED = (
    "the floor neither hashes nor records. A third of apply's processor time is SHA-256 of what was shipped "
    "and of what is written, which the ledger holds; a tenth is a write for each placeholder, after a look at "
    "what stands there; a tenth the ledger, whose intents are on the disk before the first of them."
)
GZIP = (
    "a third of apply's processor time is the splice (tokens are read, mended, written), a sixth decoding: "
    "once to look, and once to compare what was written before it gets its name. A third is the kernel's: "
    "for each file a copy of the shipped bytes, a temporary, and their renames."
)


def _perl():
    """One pass over a line with all patterns."""
    table = ",".join(f"'{old}'=>'{new}'" for old, new in PAIRS)
    names = "|".join(old for old, _ in PAIRS)
    return f"BEGIN{{%new=({table})}} s#({names})#$new{{$1}}#g"


def _sed():
    return "".join(f"s#{old}#{new}#g\n" for old, new in PAIRS)


def _patched(corpus, *kinds):
    def check(_):
        wrong = corpus.unpatched(*kinds)
        assert not wrong, (len(wrong), wrong[:3])

    return check


def first(setting):
    corpus = setting.corpus
    script = corpus.folder / "perl.sh"
    script.write_text(
        f"rg -j2 -uuu -a -lF0 {NEEDLE} '{corpus.tree}' | xargs -0 perl -pi -e \"$1\"\n"
    )

    def perl():
        words = ["sh", script, _perl()]
        return Side("rg | perl", words, prepare=corpus.reset, check=_patched(corpus, "plain"))

    yield duel(
        "first patch, durable, with ledger and archives, against rg | xargs perl -pi",
        0.30,
        Side(
            "apply",
            setting.patching(corpus.tree),
            prepare=corpus.reset,
            check=_patched(corpus, "plain", "gzip", "zip"),
            statuses=LEFT,
        ),
        perl(),
        setting.rounds,
        floor_side(setting, "decode", corpus.tree),
        "perl opens no compressed file; to decode them alone is above the bar, a third of it one bzip2 file. "
        f"{BEYOND}",
    )
    yield duel(
        "the same of plain content alone (--no-decode)",
        0.30,
        Side(
            "apply",
            setting.patching("--no-decode", corpus.tree),
            prepare=corpus.reset,
            check=_patched(corpus, "plain"),
            statuses=LEFT,
        ),
        perl(),
        setting.rounds,
        floor_side(setting, "none", corpus.tree),
        "to open, read and close every file alone is near the bar: ripgrep takes little longer, and perl patches "
        "at once what apply first records.",
    )


def listed(setting):
    corpus = setting.corpus
    paths = corpus.path_list("plain")
    pairs = corpus.folder / "pairs"
    pairs.write_text("".join(f"{old}\t{new}\n" for old, new in PAIRS))
    script = corpus.folder / "sed"
    script.write_text(_sed())
    check = _patched(corpus, "plain")
    for name, words in (
        ("conda's algorithm", [sys.executable, "-c", CONDA, pairs, paths]),
        ("sed -i", ["xargs", "-d", "\n", "-a", paths, "sed", "-i", "-f", script]),
        ("sd", ["sh", "-c", SD, "sh", pairs, paths]),
    ):
        yield duel(
            f"first patch of {len(corpus.paths('plain'))} listed files against {name}",
            0.20,
            Side("apply", setting.patching(f"--files-from={paths}"), prepare=corpus.reset, check=check),
            Side(name, words, prepare=corpus.reset, check=check),
            setting.rounds,
            floor_side(setting, "write", *corpus.paths("plain"), prepare=corpus.reset),
            LISTED,
        )


def gzip(setting):
    corpus = setting.corpus
    paths = corpus.path_list("gzip")
    script = corpus.folder / "gzip.sed"
    script.write_text(_sed())
    check = _patched(corpus, "gzip")
    loop = ["sh", "-c", ZCAT, "sh", script, corpus.folder / "gzip.new"]
    count = len(corpus.paths("gzip"))
    yield duel(
        f"patch of {count} gzip files against a loop of zcat | sed | gzip -9n",
        0.05,
        Side("apply", setting.patching(f"--files-from={paths}"), prepare=corpus.reset, check=check),
        Side("loop", loop, stdin=paths, prepare=corpus.reset, check=check),
        setting.rounds,
        floor_side(setting, "rewrite", *corpus.paths("gzip"), prepare=corpus.reset),
        GZIP,
    )


def sizes(setting):
    corpus = setting.corpus
    for kind in ("gzip", "zip"):
        corpus.reset()
        before = sum(path.stat().st_size for path in corpus.paths(kind))
        Side("apply", setting.patching(*corpus.paths(kind)), check=_patched(corpus, kind)).run()
        after = sum(path.stat().st_size for path in corpus.paths(kind))
        yield Row(
            f"size of {len(corpus.paths(kind))} {kind} files after patching",
            after / before,
            1.001,
            f"{after} bytes",
            f"{before} bytes before",
        )


def again(setting):
    """The second apply finds a patched tree; the first scan an unpatched one of the same size."""
    corpus = setting.corpus
    apply = Side("second apply", setting.patching(corpus.tree), statuses=LEFT)
    scan = Side("scan", setting.on_corpus("scan", "--quiet", corpus.tree), statuses=LEFT)
    corpus.reset()
    alternate([scan], setting.rounds)
    patched = _patched(corpus, "plain", "gzip", "zip")
    Side("apply", setting.patching(corpus.tree), check=patched, statuses=LEFT).run()
    alternate([apply], setting.rounds)
    yield versus("second apply of a tree against its first scan", 1.0, apply, scan)
