"""The results as text: the machine, the versions, the table, what else was counted."""

import datetime
import os
import platform
from pathlib import Path

from .measure import version

PROGRAMS = (
    ("rg", "--version"),
    ("perl", "-e", 'print "perl $^V\\n"'),
    ("grep", "--version"),
    ("sed", "--version"),
    ("sd", "--version"),
    ("gzip", "--version"),
    ("unzip", "-v"),
    ("bsdtar", "--version"),
    ("python3", "--version"),
    ("dpkg", "--version"),
    ("strace", "--version"),
)


def machine(folder):
    """Lines about where it ran."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    memory = next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if line)
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    here = max((m for m in mounts if str(folder).startswith(m[1])), key=lambda m: len(m[1]))
    return [
        f"- {datetime.date.today()}, Linux {platform.release()}, {platform.machine()}",
        f"- {os.cpu_count()} processors, {models[0] if models else 'of unknown make'}, "
        f"{int(memory) >> 20} GiB of memory, {here[2]}",
        f"- load before it began: {os.getloadavg()[0]:.1f}",
    ]


def versions(program):
    return ["- " + "; ".join([version(program, "--version"), *(version(*words) for words in PROGRAMS)])]


def table(rows):
    lines = [
        "| job | ratio | of the least | bar | | pathpatch | beside |",
        "|---|---:|---:|---:|---|---|---|",
    ]
    for row in rows:
        least = f"{row.least:.3f}" if row.least is not None else ""
        bar = f"{'≥' if row.at_least else '≤'} {row.bar:g}{row.unit}"
        cells = (row.job, f"{row.value:.3f}{row.unit}", least, bar, row.verdict, row.ours, row.rival)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def floors(rows):
    """The ratio that the least would have, which the job takes."""
    return [f"- {row.job}: {row.floor}" for row in rows if row.floor]


def reasons(rows):
    """Why rows miss their bars."""
    return [f"- {row.job}: {row.why}" for row in rows if row.why and row.verdict == "MISSES"]
