"""Processes that are spoken to in lines."""

import subprocess


def end(child: "subprocess.Popen[str]", patience: float) -> None:
    """Say that there is no more to do, and wait; who does not end within ``patience`` seconds is killed."""
    assert child.stdin
    assert child.stdout
    child.stdin.close()
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()
