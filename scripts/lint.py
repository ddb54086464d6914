#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/lint.py [FILE...]: clang-tidy over the product's sources, two at a time.

A file is not linted again while nothing has changed that its findings depend on: the linter, its
configuration, the compiler's options, and the bytes of the file and of every header that it
includes. Clean files are remembered in ~/.cache/strait-lint. Wants build/dev to be built: which
headers a source includes is what the compiler wrote down there.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/dev"
TIDY = "clang-tidy-19"
FOLDERS = ("core/", "probe/", "routes/", "analyzer/", "exporters/", "cli/")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "strait-lint"
NOISE = re.compile(r"^(\d+ warnings? generated|Suppressed |Use -header-filter)")
REMEMBERED_DAYS = 30


def run(*words):
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def read_includes():
    """The files that each object was made of, as ninja recorded them."""
    includes, current = {}, None
    for line in run("ninja", "-C", str(BUILD), "-t", "deps").splitlines():
        if line.startswith("    ") and current is not None:
            current.append((BUILD / line.strip()).resolve())
        elif ": #deps" in line:
            name, _, rest = line.partition(": #deps")
            current = includes.setdefault(name, []) if "(VALID)" in rest else None
    return includes


def read_commands():
    """By source: the object and the compiler's command."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        name = os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT)
        output = re.search(r" -o (\S+)", entry["command"])
        found.setdefault(name, (output[1] if output else "", entry["command"].replace(str(ROOT), ".")))
    return found


class Keys:
    def __init__(self):
        self.includes, self.commands, self.digests = read_includes(), read_commands(), {}
        self.common = run(TIDY, "--version").encode() + (ROOT / ".clang-tidy").read_bytes()

    def digest(self, file):
        if file not in self.digests:
            self.digests[file] = hashlib.sha256(file.read_bytes()).digest()
        return self.digests[file]

    def key(self, source):
        """Nothing when what the file depends on is not known: then it must be linted."""
        output, command = self.commands.get(source, ("", ""))
        files = self.includes.get(output)
        if not files:
            return None
        total = hashlib.sha256(self.common + command.encode())
        for file in sorted({ROOT / source, *files}):
            name = os.path.relpath(file, ROOT) if file.is_relative_to(ROOT) else str(file)
            total.update(name.encode() + b"\0" + self.digest(file))
        return total.hexdigest()


def lint(source):
    begun = time.monotonic()
    done = subprocess.run([TIDY, "-p", str(BUILD), "--quiet", source], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    words = [line for line in done.stdout.splitlines() if line and not NOISE.match(line)]
    if done.returncode != 0 and not words:
        words = [f"{source}: {TIDY} ended with status {done.returncode}"]
    return source, words, time.monotonic() - begun


def forget_old():
    oldest = time.time() - REMEMBERED_DAYS * 86400
    for entry in CACHE.iterdir():
        if entry.stat().st_mtime < oldest:
            entry.unlink(missing_ok=True)


def main():
    tracked = run("git", "ls-files", "--", "*.cpp").split()
    sources = sys.argv[1:] or [name for name in tracked if name.startswith(FOLDERS)]
    CACHE.mkdir(parents=True, exist_ok=True)
    forget_old()
    keys = Keys()
    unknown = [source for source in sources if source not in keys.commands]
    if unknown:
        sys.exit(f"lint: not built by preset dev: {' '.join(unknown)}")
    wanted = {source: keys.key(source) for source in sources}
    clean = {s for s, key in wanted.items() if key and (CACHE / key).exists()}
    for source in clean:
        (CACHE / wanted[source]).touch()
    print(f"  {len(clean)} of {len(sources)} files are unchanged since they were clean", file=sys.stderr)
    bad = 0
    with ThreadPoolExecutor(int(os.environ.get("LINT_JOBS", "2"))) as pool:
        for source, words, seconds in pool.map(lint, [s for s in sources if s not in clean]):
            print(f"  {source}: {'findings' if words else 'clean'} ({seconds:.0f} s)", file=sys.stderr, flush=True)
            if words:
                bad += 1
                print("\n".join(words), flush=True)
            elif wanted[source]:
                (CACHE / wanted[source]).touch()
    if bad:
        sys.exit(f"lint: {bad} of {len(sources)} files have findings")


main()
