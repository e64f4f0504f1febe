"""What the Makefile does with `.venv`: make it, use it, remove it, however many makes run at once.

    python3 tools/venv.py host               # .venv with the bench command
    python3 tools/venv.py dev                # the development tools, into it
    python3 tools/venv.py cluster            # what runs on many machines need, into it
    python3 tools/venv.py use COMMAND...     # run a command from it; it stays until that ends
    python3 tools/venv.py test COMMAND...    # the same, and nobody else uses .tox meanwhile
    python3 tools/venv.py clean              # remove .venv and .tox, unless somebody uses them

Needs nothing but Python, and keeps to the syntax of 3.6 to run on one that is too old, which
`check_python.py` then says. The locks are the operating system's: they end with their process.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV, TOX, LOCKS = ROOT / ".venv", ROOT / ".tox", ROOT / ".locks"
PYTHON = VENV / "bin" / "python"
READY = VENV / "ready"  # holds what it was made from, as .venv/dev does; written last
HOST_LOCK = ROOT / "requirements" / "host.lock"
ADDED = {name: ROOT / "requirements" / (name + ".lock") for name in ("dev", "cluster")}


def main(arguments: list) -> None:
    """Do what the first of `arguments` names."""
    action, *command = arguments
    if action == "host":
        make_host()
    elif action in ADDED:
        add(action)
    elif action == "clean":
        clean()
    else:
        run(command, alone=action == "test")


def make_host() -> None:
    """Make `.venv`, unless it is there, complete and in the place that it was made for."""
    made_from = hash_of(HOST_LOCK, ROOT / "pyproject.toml", VENV)
    with lock("setup", "another make is setting up .venv; waiting for it") as setup:
        if os.access(str(PYTHON), os.X_OK) and holds(READY, made_from):
            return
        import check_python  # noqa: F401, PLC0415

        print("setting up .venv (once)", flush=True)
        # Not one that is in .venv itself, as where that is activated.
        python = os.path.realpath(sys.executable)
        with lock("use", "something runs from the .venv of before; waiting for its end"):
            remove(VENV)
        call([python, "-m", "venv", VENV], setup)
        install(["--require-hashes", "-r", HOST_LOCK], setup)
        install(["--no-build-isolation", "--editable", ROOT], setup)
        write(READY, made_from)


def add(name: str) -> None:
    """Install what a lock beside the host's names into `.venv`, unless it is there."""
    made_from = hash_of(ADDED[name])
    with lock("setup", "another make is setting up .venv; waiting for it") as setup:
        if not holds(VENV / name, made_from):
            install(["--require-hashes", "-r", ADDED[name]], setup)
            write(VENV / name, made_from)


def run(command: list, alone: bool) -> None:
    """Become `command`, which holds the locks until it ends."""
    held = [take("use", fcntl.LOCK_SH, "make is removing .venv; waiting for that")]
    if alone:
        held.append(take("test", fcntl.LOCK_EX, "another `make test` runs here; waiting for it"))
    if not READY.exists():
        sys.exit("error: .venv was removed meanwhile.\nwhat to do: run the command again.")
    for handle in held:
        os.set_inheritable(handle, True)
    os.execv(command[0], command)


def clean() -> None:
    """Remove `.venv` and `.tox`; not from under somebody."""
    with contextlib.ExitStack() as stack:
        for name in ("setup", "use", "test"):
            stack.enter_context(lock(name))
        remove(VENV)
        remove(TOX)


@contextlib.contextmanager
def lock(name: str, waiting: str = "") -> "Iterator[int]":
    """Hold a lock alone; see `take`."""
    handle = take(name, fcntl.LOCK_EX, waiting)
    try:
        yield handle
    finally:
        os.close(handle)


def take(name: str, kind: int, waiting: str = "") -> int:
    """Take a lock, after saying `waiting` where somebody has it; without that, give up."""
    try:
        LOCKS.mkdir(exist_ok=True)
        handle = os.open(str(LOCKS / name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:  # a clone that is not ours to change, so neither to set up nor to clean
        return os.open(os.devnull, os.O_RDONLY)
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        if not waiting:
            sys.exit(
                "error: a make in this folder runs, so nothing was removed.\n"
                "what to do: stop it or wait for its end, then run `make clean` again."
            )
        print(waiting, flush=True)
        fcntl.flock(handle, kind)
    return handle


def install(what: list, setup: int) -> None:
    """Install into `.venv`, whatever the user's settings say of other places and versions."""
    sys.path.insert(0, str(ROOT))
    from bench.system import pip_settings  # noqa: PLC0415  # its syntax is too new for an old Python

    try:
        settings = pip_settings.settings("install", python=str(PYTHON))
    except ValueError as error:
        sys.exit(f"error: pip cannot read its settings.\n{error}\nwhat to do: correct the file.")
    options = ["-qq", "--disable-pip-version-check", "--no-deps"]
    command = [PYTHON, "-m", "pip", "install"] + options + what  # noqa: RUF005
    call(command, setup, pip_settings.as_variables(settings, os.environ))


def call(command: list, setup: int, variables: "dict | None" = None) -> None:
    """Run a command to its end. It holds the lock, too: killed alone, this leaves it working.

    Ctrl-C reaches every process of a terminal; the command is ended here instead, without a word.
    """
    words = [str(word) for word in command]
    child = subprocess.Popen(
        words,
        pass_fds=[setup],
        env=variables,
        preexec_fn=ignore_interrupts,  # noqa: PLW1509
    )
    try:
        status = child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    if status:
        sys.exit(status)


def ignore_interrupts() -> None:
    """Ignore Ctrl-C from now on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def remove(folder: Path) -> None:
    """Remove a folder; what says that it is complete goes first."""
    for path in [folder / name for name in (READY.name, *ADDED)]:
        with contextlib.suppress(OSError):
            path.unlink()
    shutil.rmtree(str(folder), ignore_errors=True)


def hash_of(*paths: Path) -> str:
    """SHA-256 over the files and the names of the folders `paths`."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes() if path.is_file() else os.fsencode(str(path)))
    return digest.hexdigest()


def holds(path: Path, text: str) -> bool:
    """Whether the file is there with this text."""
    try:
        return path.read_text() == text
    except OSError:
        return False


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text)
    temporary.replace(path)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        print("interrupted; the next make goes on from here", file=sys.stderr)
        sys.exit(130)
