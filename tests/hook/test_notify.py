"""The hook tells an app, whose address stands in the env-file of the state, and never fails by that."""

import json
import subprocess
import sys

import pytest
from conftest import BUILD, PATCHED, SOURCE, VALUES, opted_in

sys.path.insert(0, str(SOURCE / "tests" / "cli"))
from notify_peers import App, Squatter, Token, ack, answering, new_name, spooled  # noqa: E402


@pytest.fixture
def name():
    return new_name()


def acking(message):
    return ack(message) if message["type"] in ("complete", "failed") else None


def state_of(root):
    return root.admindir.parent / "pathpatch"


def tell(root, address, **more):
    lines = "".join(f"PATHPATCH_NOTIFY_{key}={value}\n" for key, value in more.items())
    (state_of(root) / "environment").write_text(f"TERMUX__HOME=/x\nPATHPATCH_NOTIFY={address}\n{lines}")


@pytest.fixture
def token_file(scratch):
    path = scratch / "token"
    path.write_bytes(b"k" * 40 + b"\n")
    path.chmod(0o600)
    return path


def install(root):
    output = root.install(opted_in())
    assert root.read("/app.saw") == PATCHED + PATCHED
    root.assert_clean()
    return output


def test_a_run_of_dpkg_is_told(root, name):
    tell(root, f"@{name}")
    with App(name, answering(acking)) as app:
        install(root)
    messages = [json.loads(line) for line in app.lines]
    assert [m["type"] for m in messages if m["type"] != "progress"] == ["start", "complete"]
    assert (messages[-1]["status"], messages[-1]["patched"]) == (0, 2)
    assert spooled(state_of(root)) == []


def test_an_app_that_is_not_there_fails_nothing(root, name):
    tell(root, f"@{name}")
    assert "nobody listens" in install(root)
    (kept,) = spooled(state_of(root))
    assert json.loads(kept.read_text())["type"] == "complete"


@pytest.mark.parametrize("address", ["nowhere", "", "@" + "x" * 200])
def test_an_address_that_is_none_fails_nothing(root, address):
    tell(root, address)
    install(root)


def test_an_env_file_that_makes_no_sense_fails_nothing(root):
    (state_of(root) / "environment").write_text("no line\n")
    assert "environment" in install(root)


def test_another_user_gets_nothing_and_fails_nothing(root, name):
    tell(root, f"@{name}")
    squatter = Squatter(name, 4321)
    assert "4321" in install(root)
    assert squatter.counts()[1] == 0


def test_a_token(root, name, token_file):
    tell(root, f"@{name}", TOKEN_FILE=token_file)
    with App(name, Token(b"k" * 40, name).serve) as app:
        install(root)
    assert json.loads(app.lines[-1])["type"] == "complete" and spooled(state_of(root)) == []


@pytest.mark.parametrize("key", [b"other" * 8, None])
def test_a_token_that_is_another_or_cannot_be_read_fails_nothing(root, name, token_file, key):
    tell(root, f"@{name}", TOKEN_FILE=token_file)
    if key is None:
        token_file.chmod(0o644)
    with App(name, Token(key or b"k" * 40, name).serve) as app:
        assert "token" in install(root)
    assert app.lines == []


def test_a_user_that_is_trusted(root, name):
    tell(root, f"@{name}", PEER_UIDS="'17 4321'")
    squatter = Squatter(name, 4321)
    install(root)
    assert squatter.counts()[1] > 0


@pytest.mark.parametrize("uids", ["x", "17,4321", "-1", "99999999999"])
def test_users_that_are_none_fail_nothing(root, name, uids):
    tell(root, f"@{name}", PEER_UIDS=uids)
    assert "PATHPATCH_NOTIFY_PEER_UIDS" in install(root)


def test_a_handler_that_fails_is_told(root, name):
    """A ledger of a later version: the handler cannot go on, and says so."""
    tell(root, f"@{name}")
    words = ["dpkg", "trigger", "--set=TERMUX__HOME=relative", f"--notify=@{name}"]
    with App(name, answering(acking)):
        root.pathpatch(*words, status=2)
    status = root.admindir / "status"
    status.unlink()
    status.mkdir()
    with App(name, answering(acking)) as app:
        root.pathpatch("dpkg", "trigger", status=3)
    assert json.loads(app.lines[-1])["type"] == "failed"


def test_bootstrap_writes_the_address_for_it(root, name):
    """And without the option it does not."""
    archive = root.folder / "a.tar"
    subprocess.run(["tar", "-C", BUILD, "-cf", archive, "CMakeCache.txt"], check=True)
    dest = root.path / VALUES["TERMUX__PREFIX"].lstrip("/")
    values = [f"--set=TERMUX_APP__DATA_DIR={VALUES['TERMUX_APP__DATA_DIR']}", "--replace-dest"]
    for words in ([], ["--notify-dpkg"]):
        with App(name, answering(acking)):
            done = root.run(
                BUILD / "pathpatch", "bootstrap", archive, dest, f"--root={root.path}", *values,
                f"--notify=@{name}", *words,
            )  # fmt: skip
        assert done.returncode == 0, done.stdout
        environment = (dest / "var/lib/pathpatch/environment").read_text().splitlines()
        assert (f"PATHPATCH_NOTIFY=@{name}" in environment) == bool(words)
    assert "--notify" in root.run(BUILD / "pathpatch", "bootstrap", archive, dest, "--notify-dpkg").stdout


def test_bootstrap_writes_all_that_the_hook_needs(root, name, token_file):
    archive = root.folder / "a.tar"
    subprocess.run(["tar", "-C", BUILD, "-cf", archive, "CMakeCache.txt"], check=True)
    dest = root.path / VALUES["TERMUX__PREFIX"].lstrip("/")
    words = [f"--set=TERMUX_APP__DATA_DIR={VALUES['TERMUX_APP__DATA_DIR']}", "--replace-dest", "--notify-dpkg"]

    def bootstrap(*more):
        words_here = [BUILD / "pathpatch", "bootstrap", archive, dest, f"--root={root.path}", *words]
        return root.run(*words_here, f"--notify=@{name}", *more)

    with App(name, Token(b"k" * 40, name).serve):
        done = bootstrap(f"--token-file={token_file.parent}/./token", "--peer-uid=17", "--peer-uid=4321")
    assert done.returncode == 0, done.stdout
    written = (dest / "var/lib/pathpatch/environment").read_text()
    assert f"PATHPATCH_NOTIFY_TOKEN_FILE={token_file}\n" in written
    shell = subprocess.run(["sh", "-c", f'{written}echo "$PATHPATCH_NOTIFY_PEER_UIDS"'], capture_output=True, text=True)
    assert shell.stdout == "17 4321\n"
    # As the hook reads it.
    (state_of(root) / "environment").write_text(written)
    with App(name, Token(b"k" * 40, name).serve) as app:
        install(root)
    assert json.loads(app.lines[-1])["type"] == "complete"


def test_what_a_later_run_could_not_read_is_refused(root, name, token_file):
    """A descriptor is gone by then; a text with a quote is no line of an env-file."""
    token_file.rename(token_file.with_name("it's"))
    for word, why in ((f"--token-fd=3 3<{token_file}", "--token-file"), ('--token-file="it\'s"', "a quote")):
        command = f"cd {root.folder} && exec {BUILD}/pathpatch bootstrap /dev/null {root.path}/x --set TERMUX__PREFIX={root.path}/x --notify-dpkg --notify @{name} "
        done = root.run("sh", "-c", command + word.replace(str(token_file), "it\\'s"))
        assert done.returncode == 2 and why in done.stdout
