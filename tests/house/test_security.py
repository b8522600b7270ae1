"""SECURITY.md names tests for what it claims: they exist, and the README leads to it."""

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.(?:py|c))::(\w+)`")
ROWS = (
    "access control",
    "key management",
    "input validation",
    "memory sanitising",
    "races",
    "attestation",
    "integrity tag",
    "encryption",
    "forward secrecy",
)


def page():
    return (SOURCE / "SECURITY.md").read_text()


def is_there(file, test):
    path = SOURCE / file
    text = path.read_text() if path.is_file() else ""
    if path.suffix == ".py":
        return re.search(rf"^def {test}\(", text, re.M) is not None
    return (
        re.search(rf"^static void {test}\(", text, re.M) is not None
        and re.search(rf"cmocka_unit_test(?:_setup_teardown)?\({test}\b", text) is not None
    )


def test_the_tests_exist():
    named = NAMED.findall(page())
    assert len(named) > 20
    assert [each for each in named if not is_there(*each)] == []


def test_every_row_names_a_test():
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (.*)$", page(), re.M))
    assert set(ROWS) <= set(rows)
    assert [row for row in ROWS if not NAMED.search(rows[row])] == []


def test_what_is_not_there_is_found_out():
    assert not is_there("tests/house/test_security.py", "test_of_nothing")
    assert not is_there("tests/house/test_nothing.py", "test_the_tests_exist")


def test_the_readme_leads_to_it():
    assert "(SECURITY.md)" in (SOURCE / "README.md").read_text()
