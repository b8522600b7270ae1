"""Help, man page and completions say the same, and the tools that read them have nothing to complain of."""

import json
import os
import re
import subprocess

import pytest
from trees import BUILD, SOURCE

PATCHER = SOURCE / "patcher"
MAN = PATCHER / "man"
COMPLETIONS = PATCHER / "completions"


def run(*words, **options):
    done = subprocess.run(
        list(map(str, words)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def table():
    return json.loads(run(BUILD / "command_table"))


def flags(command):
    return {f"--{option['name']}" for option in command["options"]}


def people(table):
    return [command for command in table if not command["internal"]]


def test_what_is_made_is_what_is_kept(tmp_path):
    run(MAN / "generate", BUILD / "command_table", tmp_path)
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) == 4
    for path in made:
        kept = PATCHER / path.relative_to(tmp_path)
        assert kept.read_text() == path.read_text(), f"run patcher/man/generate: {kept}"


@pytest.mark.parametrize("page", sorted(path.name for path in MAN.glob("*.[157]")))
def test_man_pages_are_sound(page):
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    told = subprocess.run(
        ["man", "--warnings", "-l", MAN / page], env=environment, capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert run("mandoc", "-T", "lint", MAN / page) == ""


def test_help_and_man_page_list_the_same_options(table):
    page = (MAN / "pathpatch.1").read_text().replace("\\-", "-")
    sections = dict(re.findall(r"^\.SS (\w+)\n(.*?)(?=^\.S[SH] )", page, re.M | re.S))
    for command in table:
        help_text = run(BUILD / "pathpatch", command["name"], "--help")
        assert set(re.findall(r"--[a-z][a-z0-9-]*", help_text.split("\n\n", 2)[2])) == flags(command)
        told = set(re.findall(r"--[a-z][a-z0-9-]*", sections[command["name"]]))
        assert told == flags(command) | set(re.findall(r"--[a-z]+", command["arguments"]))


def bash(*words):
    script = (
        f"source {COMPLETIONS}/pathpatch.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
        "_pathpatch; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    return set(run("bash", "--norc", "-euc", script, "bash", "pathpatch", *words).split())


def fish(*words):
    line = " ".join(["pathpatch", *words])
    out = run("fish", "--no-config", "-c", f"source {COMPLETIONS}/pathpatch.fish; complete -C '{line}'")
    return {one.split("\t")[0] for one in out.splitlines()}


def zsh(*words):
    """What the function hands to zsh's own completion."""
    script = (
        "_arguments() { print -rl -- ${${(M)@:#*--*}#\\*} }; _describe() { print -rl -- ${actions%%:*} }; "
        f"words=(pathpatch \"$@\"); CURRENT=$#words; source {COMPLETIONS}/_pathpatch"
    )
    out = run("zsh", "-f", "-c", script, "zsh", *words)
    return {line.split("[")[0] for line in out.splitlines()}


@pytest.mark.parametrize("shell", [bash, fish, zsh], ids=["bash", "fish", "zsh"])
def test_completions_offer_every_command_and_option(table, shell):
    names = {command["name"] for command in people(table)}
    offered = shell("")
    assert names <= offered and "dpkg" not in offered
    for command in people(table):
        assert {word for word in shell(command["name"], "--") if word[:2] == "--"} == flags(command)


@pytest.mark.parametrize("shell", [bash, fish], ids=["bash", "fish"])
def test_completions_of_arguments(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert shell("apply", "--executables", "s") == {"skip", "scripts"}
    assert {word.rstrip("/") for word in shell("apply", "--root", "f")} == {"folder"}
    assert {word.rstrip("/") for word in shell("apply", "--table", "f")} == {"folder", "file"}
    assert {word.rstrip("/") for word in shell("scan", "f")} == {"folder", "file"}
    assert shell("apply", "--set", "f") <= {""}
