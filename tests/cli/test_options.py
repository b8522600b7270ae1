"""What every command does with its words: help fits a screen, and what it cannot take is named."""

import json
import subprocess

import pytest
from trees import BUILD

COMMANDS = (
    "apply", "scan", "lint", "pad", "restore", "status", "verify", "deb", "bootstrap", "notify", "listen", "dpkg"
)


def pathpatch(*words):
    return subprocess.run(
        [BUILD / "pathpatch", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids="-".join)
def test_help_fits_a_screen(command):
    done = pathpatch(*command, "--help")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].startswith(" ".join(("usage: pathpatch", *command)))
    assert len(lines) <= 24
    assert max(len(line) for line in lines) < 80


def test_help_of_the_program_lists_the_commands_of_people():
    listed = [line.split()[0] for line in pathpatch("--help").stdout.splitlines() if line[:2] == "  "]
    assert sorted(listed) == sorted(set(COMMANDS) - {"dpkg"})


@pytest.mark.parametrize("words", [(), ("apply",), ("listen",)], ids=str)
def test_version(words):
    done = pathpatch(*words, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("pathpatch ")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", "give it a command"),
        ("mend", "mend: no such command"),
        ("--mend", "--mend: no such option"),
        ("apply --mend .", "--mend: no such option"),
        ("apply --mend=now .", "--mend: no such option"),
        ("apply -nx .", "-x: no such option"),
        ("apply --json=yes .", "--json: it takes no argument"),
        ("apply . --set", "--set: it takes an argument"),
        ("apply --memory 1x .", "--memory: give it bytes"),
        ("apply --jobs 0 .", "--jobs: give it a number from 1 to"),
        ("apply --jobs -1 .", "--jobs: give it a number from 1 to"),
        ("apply --jobs 18446744073709551617 .", "--jobs: give it a number from 1 to"),
        ("apply --color=red .", "--color: give it one of auto|always|never"),
        ("apply --color=aut .", "--color: give it one of auto|always|never"),
        ("apply", "apply: give it at least one PATH"),
        ("restore --conffiles", "restore: give it at least one PATH"),
        ("status somewhere", "somewhere: status takes no arguments"),
        ("bootstrap archive", "bootstrap: give it ARCHIVE DEST"),
        ("notify @a @b", "notify: give it ADDRESS"),
        ("notify @a --status 3", "--status: it goes with --type failed"),
        ("dpkg mend", "mend: no such action"),
        ("dpkg prepare", "prepare: give it one PACKAGE"),
    ],
)
def test_a_wrong_word_is_named(words, names):
    done = pathpatch(*words.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pathpatch: " + names)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        "scan --revalue",
        "scan --dry-run",
        "scan --durability none",
        "status --files-from list",
        "verify --jobs 2",
        "restore --no-decode",
        "bootstrap --admindir /var/lib/dpkg",
        "bootstrap --revalue",
        "listen --set A=/b",
        "dpkg --dry-run",
        "dpkg --files-from list",
        "scan --peer-uid 3",
    ],
)
def test_an_option_without_effect_is_refused(words):
    done = pathpatch(*words.split(), "x")
    assert done.returncode == 2
    assert f"{words.split()[1]}: no such option; see pathpatch {words.split()[0]} --help" in done.stderr


TABLE = json.loads(subprocess.run([BUILD / "command_table"], stdout=subprocess.PIPE, check=True).stdout)


def refusal(command, *words):
    """The one line that says what is wrong with an option; nothing else was printed or done."""
    done = pathpatch(command["name"], *words)
    assert (done.returncode, done.stdout) == (2, ""), words
    (line,) = done.stderr.splitlines()
    return line.removeprefix("pathpatch: ")


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command["name"])
def test_every_option_of_every_command_refuses_alike(command):
    see = f"see pathpatch {command['name']} --help"
    assert refusal(command, "--no-such=1") == f"--no-such: no such option; {see}"
    for option in command["options"]:
        name, argument = f"--{option['name']}", option.get("argument")
        if argument is None:
            assert refusal(command, f"{name}=x") == f"{name}: it takes no argument"
            continue
        assert refusal(command, name) == f"{name}: it takes an argument; {see}"
        if "|" in argument:
            assert refusal(command, f"{name}=?") == f"{name}: give it one of {argument}, not '?'"
        elif argument in ("N", "UID", "SIZE", "SECONDS", "HEX"):
            assert refusal(command, f"{name}=?").startswith(f"{name}: give it ")
