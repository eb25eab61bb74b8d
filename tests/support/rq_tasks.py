"""The jobs of the tests."""

import time
from pathlib import Path


def ok(messages=3):
    return {"success": True, "messages_sent": messages, "dry_run": True}


def fail(why="session expirée (cookies LinkedIn)"):
    raise RuntimeError(why)


def nap(marks, seconds=60):
    """Tells by files that it has begun, how far it is, and that it came to its end."""
    Path(marks + ".begun").write_text("")
    end = time.time() + seconds
    while time.time() < end:
        Path(marks + ".alive").write_text(str(time.time()))
        time.sleep(0.02)
    Path(marks + ".ended").write_text("")
    return "slept"
