"""Commands measured side by side, and the rows of the table.

Rivals run alternately, after one round that warms what they read. Each run is checked.
"""

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

MIB = 1 << 20
TOLERANCE = 1.2  # a row holds within this times its bar
LEFT = (0, 1)  # what pathpatch exits with where a tree holds content that it does not patch


@dataclass
class Side:
    """One rival. `words` is a command; `prepare` runs before each of its runs, `check` after, with what
    it wrote to standard output; neither is timed."""

    name: str
    words: list
    prepare: object = None
    check: object = None
    statuses: tuple = (0,)
    stdin: object = None
    environment: dict | None = None
    seconds: list = field(default_factory=list)

    def run(self):
        """Seconds and output of one run."""
        if self.prepare:
            self.prepare()
        with open(self.stdin or os.devnull, "rb") as stdin, tempfile.TemporaryFile() as said:
            begin = time.monotonic()
            process = subprocess.Popen(
                list(map(str, self.words)),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=said,
                env=self.environment,
            )
            output = process.stdout.read()
            _, status = os.waitpid(process.pid, 0)
            seconds = time.monotonic() - begin
            said.seek(0)
            complaint = said.read()[-1000:]
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode in self.statuses, (self.name, process.returncode, complaint)
        if self.check:
            self.check(output)
        return seconds, output

    @property
    def median(self):
        return statistics.median(self.seconds)

    def times(self):
        low, high = min(self.seconds), max(self.seconds)
        return f"{self.median:.3f} s ({low:.3f} to {high:.3f})"


@dataclass
class Row:
    """A line of the table. `value` is compared with `bar`."""

    job: str
    value: float
    bar: float
    ours: str
    rival: str
    least: float | None = None  # the ratio of the shortest times
    at_least: bool = False  # the bar is one from below
    unit: str = ""
    floor: str = ""  # what the least that the job takes was measured to be
    why: str = ""  # what stands between it and its bar

    @property
    def verdict(self):
        missed = self.bar / self.value if self.at_least else self.value / self.bar
        return "at the bar" if missed <= 1 else "holds" if missed <= TOLERANCE else "MISSES"


def duel(job, bar, ours, rival, rounds, floor=None, why=""):
    """A row with the ratio of the median times of two sides. `floor` is a third that does the least which
    the job takes, whoever does it: where its own ratio is above the bar, no program reaches the bar here.
    `why` says what stands between the row and its bar, should it miss it."""
    alternate([side for side in (ours, rival, floor) if side], rounds)
    return versus(job, bar, ours, rival, floor, why)


def alternate(sides, rounds):
    for side in sides:
        side.run()
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            side.seconds.append(side.run()[0])


def versus(job, bar, ours, rival, floor=None, why=""):
    return Row(
        job,
        ours.median / rival.median,
        bar,
        f"{ours.name}: {ours.times()}",
        f"{rival.name}: {rival.times()}",
        least=min(ours.seconds) / min(rival.seconds),
        floor=f"{floor.median / rival.median:.3f}: {floor.name}, {floor.times()}" if floor else "",
        why=why,
    )


def mib(count):
    return f"{count / MIB:.1f} MiB"


def version(*words):
    """The first line of what a program says about itself."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return next((line for line in done.stdout.splitlines() if line.strip()), "?")
