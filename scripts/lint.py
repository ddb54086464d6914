#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/lint.py [FILE...]: clang-tidy over the product's sources, two groups at a time.

A folder's files are linted as one source that includes them all, so that the headers of Asio, fmt and
CLI11 are parsed once; that no check walks them is scripts/lint_scope.cpp's part. Files whose names clash
(two anonymous namespaces with the same constant) go to different groups.

A file is not linted again while nothing has changed that its findings depend on: the linter, its
configuration, the compiler's options, and the bytes of the file and of every header that it
includes. Clean files are remembered in ~/.cache/strait-lint. Wants build/release to be built: which
headers a source includes is what the compiler wrote down there.
"""
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
GROUPS = ROOT / "build/lint"
TIDY = "clang-tidy-19"
SCOPE = ROOT / "scripts/lint_scope.cpp"
SCOPE_CHECK = "strait-scope"
# A third of the default: it is reached in functions where std::string is inlined, whose blocks have all been
# visited long before; what is cut are more combinations of the same branches, for two thirds of the time.
ANALYZER = ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=75000")
FOLDERS = ("core/", "probe/", "routes/", "analyzer/", "exporters/", "cli/")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "strait-lint"
NOISE = re.compile(r"^(\d+ (warnings?|errors?)( and \d+ errors?)? generated|Suppressed |Use -header-filter"
                   r"|Error while processing |Found compiler error)")
PRECOMPILED = re.compile(r" -include (\S+/cmake_pch\.hxx)")
FINDING = re.compile(r"^([^\s:]+):\d+:\d+: (?:error|warning): .* \[([^\]]+)\]$")
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
        self.common = b"".join((run(TIDY, "--version").encode(), (ROOT / ".clang-tidy").read_bytes(),
                                SCOPE.read_bytes(), repr(ANALYZER).encode()))

    def digest(self, file):
        if file not in self.digests:
            self.digests[file] = hashlib.sha256(file.read_bytes()).digest()
        return self.digests[file]

    def key(self, source):
        """Nothing when what the file depends on is not known: then it must be linted."""
        output, command = self.commands.get(source, ("", ""))
        prelude = PRECOMPILED.search(command)
        # What a precompiled header includes is written down where it was compiled, not here.
        needed = [output] + ([os.path.relpath(ROOT / prelude[1], BUILD) + ".gch"] if prelude else [])
        if not all(self.includes.get(name) for name in needed):
            return None
        files = [file for name in needed for file in self.includes[name]]
        total = hashlib.sha256(self.common + command.encode())
        for file in sorted({ROOT / source, *files}):
            name = os.path.relpath(file, ROOT) if file.is_relative_to(ROOT) else str(file)
            total.update(name.encode() + b"\0" + self.digest(file))
        return total.hexdigest()


def options_of(command):
    """What the compiler was told, less the compiler, the source, the object and precompiled headers."""
    words, options = iter(shlex.split(PRECOMPILED.sub("", command))[1:]), []
    for word in words:
        if word in ("-o", "-c"):
            next(words)
        elif word not in ("-Winvalid-pch", "-fpch-preprocess"):
            options.append((word, next(words)) if word in ("-isystem", "-include") else (word,))
    return options


def compile_scope():
    """The extension that keeps the checks out of system headers: a shared object for --load."""
    made = GROUPS / f"scope-{hashlib.sha256(run(TIDY, '--version').encode() + SCOPE.read_bytes()).hexdigest()[:12]}.so"
    if not made.exists():
        part = made.with_suffix(f".{os.getpid()}")
        run("clang++-19", "-std=c++17", "-O1", "-fPIC", "-shared", "-fno-rtti",
            "-isystem", run("llvm-config-19", "--includedir").strip(), "-o", str(part), str(SCOPE))
        part.rename(made)
    prove(made)
    return made


def prove(scope):
    """A linter that is kept from too much finds nothing and says so of every file: it must find this."""
    planted = GROUPS / "planted.cpp"
    planted.write_text("#include <vector>\nunsigned long BadlyNamed(std::vector<int> v) { return v.size(); }\n")
    words = [TIDY, "--quiet", f"--load={scope}", f"--checks={SCOPE_CHECK}", str(planted), "--", "-std=c++20"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    missing = [check for check in ("readability-identifier-naming", "performance-unnecessary-value-param")
               if f"[{check}" not in said.stdout]
    if missing:
        sys.exit(f"lint: with scripts/lint_scope.cpp {TIDY} does not find {' nor '.join(missing)} in {planted}:\n"
                 f"{said.stdout}{said.stderr}")


class Group:
    """Sources that are linted as one, with the options of all of them; `checks` are added."""

    def __init__(self, sources, commands, scope, checks=""):
        self.sources, self.commands, self.scope, self.checks = sources, commands, scope, checks
        self.name = f"{os.path.dirname(sources[0])}: {' '.join(os.path.basename(s) for s in sources)}"

    def part(self, sources):
        return Group(sources, self.commands, self.scope, self.checks)

    def tidy(self, checks=""):
        """The linter's words, and which check found what in which file."""
        options = [f"--load={self.scope}", "--checks=" + ",".join(filter(None, [checks or self.checks, SCOPE_CHECK]))]
        # The analyzer follows paths in included sources only below a file with this name.
        name = "UnifiedSource_" + hashlib.sha256(self.name.encode()).hexdigest()[:12] + ".cpp"
        text = "".join(f'#include "{s}"  // NOLINT(bugprone-suspicious-include)\n' for s in self.sources)
        (GROUPS / name).write_text(text)
        flags = dict.fromkeys(flag for s in self.sources for flag in options_of(self.commands[s][1]))
        words = [w for f in flags for w in f] + ["-ferror-limit=0", "-Wno-unknown-warning-option", *ANALYZER]
        done = subprocess.run([TIDY, "--quiet", *options, str(GROUPS / name), "--", *words],
                              cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        words = [line for line in done.stdout.splitlines() if line and not NOISE.match(line)]
        if done.returncode != 0 and not words:
            words = [f"{self.name}: {TIDY} ended with status {done.returncode}"]
        found = [FINDING.match(line) for line in words]
        return words, [(os.path.relpath(ROOT / f[1], ROOT), f[2]) for f in found if f]


def that_compile(group):
    """Splits a group until each part compiles: who clashes with an earlier file waits for the next."""
    parts, left = [], group.sources
    while left:
        fit = left
        while len(fit) > 1:
            clashing = {file for file, check in group.part(fit).tidy("-*,misc-unused-using-decls")[1]
                        if "clang-diagnostic-error" in check}
            if not clashing:
                break
            rest = [source for source in fit if source not in clashing]
            # Where a header does not compile behind an earlier file, it is not told which file clashes.
            fit = rest if 0 < len(rest) < len(fit) else fit[:len(fit) // 2]
        parts.append(group.part(fit))
        left = [source for source in left if source not in fit]
    return parts


def lint_part(part):
    """The part, the linter's words, the sources that are clean, the seconds; and whether it compiles."""
    begun = time.monotonic()
    words, found = part.tidy()
    dirty = {file for file, _ in found}
    known = dirty <= set(part.sources) and bool(dirty) == bool(words)
    clean = [source for source in part.sources if known and source not in dirty]
    compiles = not any("clang-diagnostic-error" in check for _, check in found)
    return (part, words, clean, time.monotonic() - begun), compiles


def lint(group):
    """What lint_part() says of the whole group, or of each of its parts if it does not compile as one."""
    whole, compiles = lint_part(group)
    if compiles or len(group.sources) == 1:
        return [whole]
    return [lint_part(part)[0] for part in that_compile(group)]


def group_by_folder(sources, commands, scope):
    """The largest first, so that both workers end at about the same time."""
    by_folder = {}
    for source in sources:
        # The analyzer does not know coroutines: it finds null pointers inside Asio's.
        checks = "-clang-analyzer-*" if "co_await" in (ROOT / source).read_text() else ""
        by_folder.setdefault((os.path.dirname(source), checks), []).append(source)
    groups = [Group(files, commands, scope, checks) for (_, checks), files in by_folder.items()]
    return sorted(groups, key=lambda group: -sum((ROOT / source).stat().st_size for source in group.sources))


def forget_old():
    oldest = time.time() - REMEMBERED_DAYS * 86400
    for entry in CACHE.iterdir():
        if entry.stat().st_mtime < oldest:
            entry.unlink(missing_ok=True)


def main():
    tracked = run("git", "ls-files", "--", "*.cpp").split()
    sources = sys.argv[1:] or [name for name in tracked if name.startswith(FOLDERS)]
    CACHE.mkdir(parents=True, exist_ok=True)
    GROUPS.mkdir(parents=True, exist_ok=True)
    forget_old()
    keys = Keys()
    unknown = [source for source in sources if source not in keys.commands]
    if unknown:
        sys.exit(f"lint: not built by preset release: {' '.join(unknown)}")
    wanted = {source: keys.key(source) for source in sources}
    unchanged = {s for s, key in wanted.items() if key and (CACHE / key).exists()}
    for source in unchanged:
        (CACHE / wanted[source]).touch()
    print(f"  {len(unchanged)} of {len(sources)} files are unchanged since they were clean", file=sys.stderr)
    changed = [source for source in sources if source not in unchanged]
    groups = group_by_folder(changed, keys.commands, compile_scope()) if changed else []
    findings, begun = 0, time.monotonic()
    with ThreadPoolExecutor(int(os.environ.get("LINT_JOBS", "2"))) as pool:
        for part, words, clean, seconds in (result for done in pool.map(lint, groups) for result in done):
            print(f"  {part.name}: {'findings' if words else 'clean'} ({seconds:.0f} s)", file=sys.stderr, flush=True)
            if words:
                findings += 1
                print("\n".join(words), flush=True)
            for source in clean:
                if wanted[source]:
                    (CACHE / wanted[source]).touch()
    print(f"  {len(groups)} folders in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    if findings:
        sys.exit("lint: there are findings")


main()
