# SPDX-License-Identifier: Apache-2.0
"""How the demo looks: colour where the terminal has it and nobody minds, plain text elsewhere."""

import os
import shutil
import sys
import time

PLAIN = not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
BLOCKS = " ▏▎▍▌▋▊▉█"


def paint(text: str, code: str) -> str:
    return text if PLAIN else f"\x1b[{code}m{text}\x1b[0m"


def bold(text: str) -> str:
    return paint(text, "1")


def dim(text: str) -> str:
    return paint(text, "2")


def good(text: str) -> str:
    return paint(text, "32")


def bad(text: str) -> str:
    return paint(text, "1;31")


def accent(text: str) -> str:
    return paint(text, "36")


def columns() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 110)


def say(text: str = "") -> None:
    print(text, flush=True)


def heading(number: int, text: str) -> None:
    line = f"── {number}  {text} "
    say()
    say(bold(line + "─" * max(0, columns() - len(line))))


def seen(text: str) -> None:
    say(f"  {good('✓')} {text}")


def bar(value: float, full: float, width: int) -> str:
    eighths = round(max(0.0, min(value / full, 1.0)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (BLOCKS[rest] if rest else "")).ljust(width)


class Live:
    """Lines that are drawn again in place; on plain output only the last state is printed."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._drawn = 0

    def show(self, lines: list[str]) -> None:
        self._lines = lines
        if PLAIN:
            return
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        sys.stdout.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
        sys.stdout.flush()
        self._drawn = len(lines)

    def done(self) -> None:
        if PLAIN and self._lines:
            say("\n".join(self._lines))
        self._drawn = 0
        self._lines = []


class Stopwatch:
    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._start:.0f} s"
