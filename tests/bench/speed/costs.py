"""What it costs beside time: memory, system calls, bytes, the ledger; and time against size."""

import re
import subprocess
import zipfile
import zlib
from pathlib import Path

from generator import termux

from .corpus import SET
from .installing import Installed
from .measure import LEFT, MIB, Row, Side, alternate, mib
from .plot import plot
from .setting import environment

MEMORY_MAX = 64 * MIB
SYNCS = "fsync,fdatasync,sync,syncfs,sync_file_range,msync"
WRITES = "write,writev,pwrite64,pwritev,pwritev2,copy_file_range,sendfile"
LINE = b"%07d: the quick brown fox jumps over the lazy dog\n"


# ---- memory ----


def _peak(words, folder):
    """The most memory that a command takes, in bytes."""
    told = folder / "peak"
    subprocess.run(
        ["/usr/bin/time", "-o", told, "-f", "%M", *map(str, words)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment(),
    )
    return int(told.read_text().split()[-1]) * 1024


def _chunks(total):
    """Numbered lines, MiB by MiB, a placeholder at the end of each."""
    hit = termux.padded("TERMUX__PREFIX") + b"/x\n"
    for number in range(total // MIB):
        first = number * (MIB // 60)
        yield b"".join(LINE % (first + each) for each in range(MIB // 60)) + hit


def _write_plain(path, total):
    with open(path, "wb") as file:
        for chunk in _chunks(total):
            file.write(chunk)


def _write_gzip(path, total):
    coder = zlib.compressobj(1, zlib.DEFLATED, 31)
    with open(path, "wb") as file:
        for chunk in _chunks(total):
            file.write(coder.compress(chunk))
        file.write(coder.flush())


def _write_zip(path, total):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("member", "w") as member:
            for chunk in _chunks(total):
                member.write(chunk)


def memory(setting):
    """Peak memory of apply. A GiB decoded is the limit of a file in gzip or zip."""
    share = 1 if setting.full else 8
    for name, write, total in (
        ("plain", _write_plain, 2048 * MIB),
        ("gzip", _write_gzip, 900 * MIB),
        ("zip", _write_zip, 900 * MIB),
    ):
        with setting.scratch() as scratch:
            root = Path(scratch)
            file = root / "file"
            write(file, total // share)
            peak = _peak(setting.pathpatch("apply", root, "--quiet", SET, file), root)
            left = subprocess.run(
                setting.pathpatch("scan", root, "--quiet", file), check=True, stdout=subprocess.PIPE
            )
            assert left.stdout == b"", left.stdout[:200]
        yield _memory_row(f"a file of {total // share // MIB} MiB with hits, {name}", peak)
    count = 500000 // share
    with setting.scratch() as scratch:
        root = Path(scratch)
        _grow(root / "tree", count, 1000)
        peak = _peak(setting.pathpatch("apply", root, "--quiet", SET, root / "tree"), root)
    yield _memory_row(f"{count} files", peak)


def _memory_row(what, peak):
    return Row(f"peak memory: {what}", peak / MEMORY_MAX, 1, mib(peak), mib(MEMORY_MAX))


# ---- hostile content ----

HIT = (
    "a placeholder costs much the same however short it is: its slashes are looked for and counted, it is compared, "
    "judged, written and told, some 500 instructions. Here one stands behind the other."
)


def hostile(setting):
    done = subprocess.run([setting.tools / "hostile"], check=True, stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        name, speed, hits = re.fullmatch(r"(.*): (.*) GB/s, (\d+) hits", line).groups()
        yield Row(
            f"hostile content in memory: {name}",
            float(speed),
            1.0,
            f"{hits} hits in 64 MiB",
            "",
            at_least=True,
            unit=" GB/s",
            why=HIT if name.startswith("placeholders") else "",
        )


# ---- system calls ----


def _traced(words, folder, *options):
    told = folder / "trace"
    traced = ["strace", "-f", "-qq", "-o", told, *options, *words]
    Side("strace", traced, statuses=LEFT, environment=environment()).run()
    return told.read_text(errors="replace")


def _calls(words, folder):
    """Calls by name."""
    lines = _traced(words, folder, "-c", "-U", "calls,name").splitlines()
    rows = [re.fullmatch(r"\s*(\d+)\s+(\w+)", line) for line in lines]
    return {row[2]: int(row[1]) for row in rows if row and row[2] != "total"}


def syncs(setting):
    """Of all listed files against a tenth of them."""
    corpus = setting.corpus
    paths = corpus.paths("plain", "gzip", "zip")
    counts = []
    for count in (len(paths) // 10, len(paths)):
        corpus.reset()
        listed = corpus.folder / "listed"
        listed.write_text("".join(f"{path}\n" for path in paths[:count]))
        calls = _calls_of(setting.patching(f"--files-from={listed}"), corpus.folder, SYNCS)
        counts.append(len(calls))
    yield Row(
        f"fsync-type calls of a first patch of {len(paths)} files against {len(paths) // 10}",
        counts[1] / counts[0],
        1.0,
        f"{counts[1]} calls",
        f"{counts[0]} calls",
    )


def _calls_of(words, folder, names):
    """What calls of these names returned."""
    text = _traced(words, folder, "--seccomp-bpf", "-e", f"trace={names}")
    return [int(value) for value in re.findall(r"\) += (-?\d+)", text)]


def written(setting):
    corpus = setting.corpus
    corpus.reset()
    scan = Side("scan", setting.on_corpus("scan", corpus.tree), statuses=LEFT)
    hits = len(scan.run()[1].splitlines())
    patched = sum(path.stat().st_size for path in corpus.paths("plain", "gzip", "zip"))
    returned = _calls_of(setting.patching(corpus.tree), corpus.folder, WRITES)
    count = sum(value for value in returned if value > 0)
    ledger = sum(path.stat().st_size for path in corpus.state.glob("ledger.db*"))
    kept = sum(path.stat().st_size for path in (corpus.state / "pristine").iterdir())
    job = "bytes written against the size of what is patched"
    yield Row(job, count / patched, 2, mib(count), mib(patched))
    yield Row(
        "size of the ledger by hits",
        ledger / hits,
        200,
        f"{ledger} bytes; files kept as shipped: {mib(kept)}",
        f"{hits} hits",
        unit=" bytes",
    )


def calls(setting):
    """A table of calls a file, for each kind of run."""
    corpus = setting.corpus
    corpus.reset()
    sample = corpus.sample
    files = sum(path.is_file() and not path.is_symlink() for top in sample for path in top.rglob("*"))
    runs = {
        "scan": (_calls(setting.on_corpus("scan", "--quiet", *sample), corpus.folder), files),
        "patch": (_calls(setting.patching(*sample), corpus.folder), files),
        "second apply": (_calls(setting.patching(*sample), corpus.folder), files),
    }
    with setting.scratch() as scratch:
        installed = Installed(Path(scratch))
        folder = corpus.folder
        runs["hook, 10,000 files"] = (_calls(installed.hook(setting), folder), 10000)
        installed.change()
        runs["hook again, 5 files changed"] = (_calls(installed.hook(setting), folder), 5)
    names = sorted(
        {name for made, _ in runs.values() for name in made},
        key=lambda name: -max(made.get(name, 0) / files for made, files in runs.values()),
    )
    lines = [
        "| call | " + " | ".join(runs) + " |",
        "|---|" + "---:|" * len(runs),
        "| all | " + " | ".join(f"{sum(made.values()) / files:.3f}" for made, files in runs.values()) + " |",
    ]
    for name in names:
        values = [made.get(name, 0) / files for made, files in runs.values()]
        if max(values[:4]) >= 0.001 or values[4] >= 1:
            lines.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    setting.tables.append(("System calls a file", lines))
    return []


# ---- time against size ----


def _grow(tree, count, in_folder):
    """Small files of three sizes, one in forty with a placeholder."""
    texts = [(LINE % 0) * lines for lines in (5, 40, 320)]
    hit = termux.padded("TERMUX__PREFIX") + b"/x\n"
    for number in range(count):
        if number % in_folder == 0:
            folder = tree / f"{number // in_folder:04}"
            folder.mkdir(parents=True)
        text = texts[number % 3]
        (folder / f"{number % in_folder:04}").write_bytes(hit + text if number % 40 == 0 else text)


def growth(setting):
    """Scan and first apply of 1, 10 and 100 times as many files."""
    least = 1000 if setting.full else 300
    counts = [least, 10 * least, 100 * least]
    curves = {"scan": [], "first apply": []}
    for count in counts:
        with setting.scratch() as scratch:
            root = Path(scratch)
            _grow(root / "tree", count, 100)
            subprocess.run(["sync", "-f", root], check=True)
            scan = Side("scan", setting.pathpatch("scan", root, "--quiet", root / "tree"))
            alternate([scan], setting.rounds)
            curves["scan"].append(scan.median)
            apply = Side("apply", setting.pathpatch("apply", root, "--quiet", SET, root / "tree"))
            curves["first apply"].append(apply.run()[0])
    setting.plot = plot(counts, curves)
    for name, seconds in curves.items():
        for smaller, larger in ((0, 1), (1, 2)):
            yield Row(
                f"{name}: time for {counts[larger]} files against {counts[smaller]}",
                seconds[larger] / seconds[smaller],
                10.5,
                f"{seconds[larger]:.3f} s",
                f"{seconds[smaller]:.3f} s",
            )
