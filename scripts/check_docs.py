#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the Markdown files: links to files of the repository exist, and every `strait ...` command in a
code block names a subcommand and options that the built program knows."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
files = subprocess.run(["git", "ls-files", "*.md"], cwd=root, text=True, capture_output=True, check=True).stdout.split()
wrong = []


def anchors(text):
    heads = re.findall(r"^#+ +(.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


for name in files:
    text = (root / name).read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    for label, link in re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (root / name).parent / path if path else root / name
        if not target.exists():
            wrong.append(f"{name}: link [{label}] to {link}: no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
            wrong.append(f"{name}: link [{label}] to {link}: no such heading")

programs = [p for p in (root / "build").glob("*/strait") if p.is_file()]
strait = max(programs, key=lambda p: p.stat().st_mtime, default=None)  # the one built last
helps = {}


def help_of(words):
    key = " ".join(words)
    if key not in helps:
        done = subprocess.run([strait, *words, "--help"], text=True, capture_output=True)
        helps[key] = done.stdout if done.returncode == 0 else None
    return helps[key]


if strait:
    for name in files:
        text = (root / name).read_text()
        for block in re.findall(r"```(?:sh|console|bash)?\n(.*?)```", text, re.S):
            for line in block.splitlines():
                match = re.match(r"^(?:\$ |# |sudo )*(?:\./)?(?:build/\w+/)?strait((?: +[a-z][a-z-]*)*)(.*)$", line)
                if not match:
                    continue
                words = match.group(1).split()
                known = []
                while words and help_of(known + words[:1]) is not None:
                    known.append(words.pop(0))
                if not known and match.group(1).strip():
                    wrong.append(f"{name}: '{line.strip()}': no such subcommand")
                    continue
                for option in re.findall(r"(?<!\S)(--[a-z][a-z-]*)", match.group(2).split("#")[0]):
                    if option not in (help_of(known) or "") and option not in help_of([]):
                        wrong.append(f"{name}: '{line.strip()}': {' '.join(known)} has no option {option}")
else:
    print("check_docs: strait is not built: only links were checked", file=sys.stderr)

for line in wrong:
    print(line, file=sys.stderr)
sys.exit(1 if wrong else 0)
