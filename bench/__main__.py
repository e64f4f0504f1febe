"""The `bench` command as a process: its signals and its output; also `python -m bench`."""

from __future__ import annotations

import sys

from bench.system import interrupts, output


def main() -> int:
    """Run the process's command line; the exit code."""
    interrupts.install()
    output.guard()
    # Only now what takes a while to import: a signal meanwhile is not a traceback.
    from bench.cli import main as run  # noqa: PLC0415
    from bench.errors import Exit  # noqa: PLC0415

    try:
        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = interrupts.exit_code()
    except output.OutputLost as lost:
        output.give_up()
        code = int(Exit.PIPE if lost.closed_pipe else Exit.STORE)
        if not lost.closed_pipe:
            remedy = "Send it to a file or a terminal; what is done so far is kept."
            sys.stderr.write(f"error: {lost.what}\nwhat to do: {remedy}\n")
    interrupts.done()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
