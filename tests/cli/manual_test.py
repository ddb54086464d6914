#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages name the options of --help and the keys of the example configuration, no more and no fewer."""

import os
import re
import subprocess
import unittest
from pathlib import Path

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "strait": [""],
    "strait-probe": ["probe"],
    "strait-reflect": ["reflect"],
    "strait-capture": ["capture"],
    "strait-run": ["run"],
    "strait-analyze": ["analyze"],
    "strait-routes": [f"routes {word}" for word in ("recommend", "explain", "diff", "render", "inbound", "apply", "pending", "approve", "history",
                                                    "rollback", "verify", "expire", "stop", "resume", "rib summary",
                                                    "rib show", "rib lookup", "rib diff", "rib export", "bmp")],
    "strait-simulate": ["simulate"],
    "strait-doctor": ["doctor"],
    "strait-config": ["config check", "config example"],
}


def page(name: str) -> str:
    file = name if name[-1].isdigit() else f"{name}.1"
    return (ROOT / "docs/man" / f"{file}.scd").read_text()


def options_of_help(words: str) -> set[str]:
    text = subprocess.run([STRAIT, *words.split(), "--help"], capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^  (-\S+)", text, re.M)
    return {option for line in lines for option in line.split(",")}


def options_of_page(text: str) -> set[str]:
    lines = re.findall(r"^\*-.*$", text.partition("# OPTIONS")[2], re.M)
    return {option for line in lines for option in re.findall(r"\*(--?[\w-]+)\*", line)}


def keys_of_page(text: str) -> set[str]:
    keys = set()
    table = ""
    for line in text.replace("\\_", "_").splitlines():
        if head := re.match(r"# \[+([\w.]+)\]+$", line):
            table = head[1]
        elif line.startswith("*") and " = " in line:
            keys |= {f"{table}.{key}" for key in re.findall(r"\*(\w+)\*", line.partition(" = ")[0])}
    return keys


def keys_of_example(text: str) -> set[str]:
    keys = set()
    table = ""
    for line in text.splitlines():
        if head := re.match(r"(?:# )?\[+([\w.]+)\]+$", line):
            table = head[1]
        elif key := re.match(r"(?:# |#   )?(\w+) = ", line):
            keys.add(f"{table}.{key[1]}")
    return keys


class Manual(unittest.TestCase):
    def test_every_option_is_in_its_page(self):
        for name, commands in PAGES.items():
            with self.subTest(name):
                wanted = set().union(*(options_of_help(command) for command in commands))
                self.assertGreater(len(wanted), 1)
                self.assertEqual(options_of_page(page(name)), wanted)

    def test_every_key_is_in_the_page_of_the_configuration(self):
        example = keys_of_example((ROOT / "cli/config/example.toml").read_text())
        self.assertGreater(len(example), 50)
        # A position instead of a place stands in a sentence of the example.
        self.assertEqual(keys_of_page(page("strait.toml.5")), example | {"site.latitude", "site.longitude"})

    def test_every_guard_is_in_its_page_with_its_rule(self):
        header = re.sub(r'"\s*\n\s*"', "", (ROOT / "routes/model/guards.hpp").read_text())
        row = r'Guard\{\s*\.name = "([\w-]+)",\s*\.effect = GuardEffect::\w+,\s*\.rule =\s*"([^"]+)"'
        table = dict(re.findall(row, header))
        self.assertEqual(len(table), len(re.findall(r"Guard\{\s*\.", header)))
        section = page("strait-routes").partition("# GUARDS")[2].partition("Before all of these")[0].replace("\\_", "_")
        entries = dict(re.findall(r"^\*([a-z-]+)\*\n\t(\w.*)\.", section, re.M))
        self.assertEqual(set(entries), set(table))
        for name, rule in table.items():
            self.assertTrue(entries[name].lower().startswith(rule.lower()), (name, entries[name]))

    def test_every_guard_that_the_sources_name_is_in_the_table(self):
        known = set(re.findall(r'\.name = "([\w-]+)"', (ROOT / "routes/model/guards.hpp").read_text()))
        naming = re.compile(r'(?:\.guard = |\bnote\(|_guard = )"([a-z]+-[a-z-]+|forbidden)"')
        named = set()
        for folder in ("routes", "analyzer", "cli"):
            for file in (ROOT / folder).rglob("*.cpp"):
                named |= set(naming.findall(file.read_text()))
        self.assertEqual(named, known)

    def test_every_command_has_a_page(self):
        text = subprocess.run([STRAIT, "--help"], capture_output=True, text=True, check=True).stdout
        commands = re.findall(r"^  (\w+) ", text.partition("Subcommands:")[2], re.M)
        self.assertEqual({f"strait-{command}" for command in commands} | {"strait"}, set(PAGES))


if __name__ == "__main__":
    unittest.main()
