"""Runs walk_container, and says what it must have done (tests/tools/walker.h)."""
import os
import subprocess

TOOL = os.path.join(os.environ["PATHPATCH_BUILD"], "walk_container")
OLD = b"/old/prefix/of/it///"
NEW = b"/newer/pre/of/it////"
assert len(OLD) == len(NEW)


def walk(form, data, *args):
    done = subprocess.run([TOOL, form, *args], input=data, capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def identity(form, data):
    code, out, words = walk(form, data, "rewrite")
    assert code == 0, words
    return out == data


def patch(form, data):
    code, out, words = walk(form, data, "rewrite", OLD, NEW)
    assert code == 0, words
    return out


def expected(name, content, mapped=False):
    """The content of a member after patch()."""
    if ".copy" in name or ".kept" in name:
        return content
    content = content.replace(OLD, NEW)
    if ".grow" in name and not mapped:
        content += b"+" * 1000
    if ".shrink" in name:
        content = content[:3]
    return content


def run(*args, **kwargs):
    return subprocess.run(args, check=True, capture_output=True, **kwargs).stdout


def sample(folder):
    """Files whose lengths and names are at the edges of the formats."""
    folder.mkdir()
    for size in (0, 1, 3, 511, 512, 513, 1024, 10240, 70001):
        content = (b"line with " + OLD + b"/bin/sh and more\n") * (size // 40 + 1)
        (folder / f"f{size}").write_bytes(content[:size])
    for kind in ("grow", "shrink", "kept", "copy"):
        for size in (0, 1, 511, 512, 20000):
            (folder / f"m{size}.{kind}").write_bytes((b"see " + OLD + b"\n") * (size // 25) + b"x" * (size % 25))
    (folder / "exe").write_bytes(b"#!" + OLD + b"/bin/sh\n")
    (folder / "exe").chmod(0o755)
    (folder / "link").symlink_to(OLD.decode() + "/bin/sh")
    (folder / "plain-link").symlink_to("f513")
    (folder / "empty").mkdir()
    os.link(folder / "f512", folder / "hard")
    return folder


def deep(folder):
    """Names and targets that do not fit in a plain header."""
    inner = folder / ("d" * 90) / ("e" * 90) / ("g" * 90)
    inner.mkdir(parents=True)
    (inner / "file").write_bytes(b"a " + OLD)
    (inner / "file.grow").write_bytes(b"b " + OLD)
    (folder / "long-link").symlink_to(OLD.decode() + "x" * 150)
    (folder / "n\u00e4me").write_bytes(OLD)
    old = folder / OLD.decode().strip("/")
    old.mkdir(parents=True)
    (old / ("h" * 70)).write_bytes(b"c " + OLD)
