#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait probe --live` and `strait capture --live` in a real terminal (tmux on a server of its own)."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
PATIENCE = 20


class Terminal(unittest.TestCase):
    def setUp(self):
        self.room = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.servers = 0

    def tmux(self, *words: str, check=True) -> str:
        done = subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", *words], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"})
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def run_in(self, columns: int, rows: int, command: str):
        """A shell that runs it, and says with which status it ended."""
        # A server that is going would still hold its socket.
        self.servers += 1
        self.socket = str(self.room / f"tmux{self.servers}")
        self.addCleanup(lambda: self.tmux("kill-server", check=False))
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), f"{command}; echo ended $?; cat")

    def screen(self) -> list[str]:
        return self.tmux("capture-pane", "-p").split("\n")[:-1]

    def wait_for(self, condition, what: str) -> list[str]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            lines = self.screen()
            if condition(lines):
                return lines
            time.sleep(0.1)
        self.fail(f"{what}: not in {PATIENCE} s; the screen:\n" + "\n".join(self.screen()))


class LiveProbe(Terminal):
    def setUp(self):
        super().setUp()
        self.reflector = subprocess.Popen([STRAIT, "reflect", "127.0.0.1:0", "--open"], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (self.reflector.kill(), self.reflector.communicate()))
        self.port = self.reflector.stderr.readline().rstrip("\n").rpartition(":")[2]

    def start(self, columns: int, rows: int, words: str, env: str = ""):
        self.run_in(columns, rows, f"{env} {STRAIT} probe --live --protocol stamp -p {self.port} -i 20ms {words}")

    def test_figures_help_and_trend_at_both_sizes(self):
        for columns, rows, figures in ((80, 24, ("loss", "p50", "trend")),
                                       (200, 60, ("sent", "loss", "min", "p50", "p95", "p99", "max", "trend"))):
            with self.subTest(columns=columns):
                self.start(columns, rows, "127.0.0.1 127.0.0.2")
                lines = self.wait_for(lambda seen: any("█" in line for line in seen), "a trend")
                self.assertEqual(len(lines), rows)
                self.assertRegex(lines[0], r"^strait probe  2 rows  \d+ sent  \d+s")
                for figure in figures:
                    self.assertIn(f" {figure}", lines[1])
                self.assertRegex(lines[2], r"^127\.0\.0\.1 .* \d+\.\d\d%  .*\d ms .*[▁-█]")
                self.assertTrue(lines[3].startswith("127.0.0.2"), lines[3])
                self.assertTrue(lines[rows - 1].startswith("q quit  p pause  s sort: given"), lines[rows - 1])
                self.tmux("send-keys", "q")
                after = self.wait_for(lambda seen: "ended 1" in seen or "ended 0" in seen, "the summary")
                self.assertTrue(any(" sent, " in line for line in after), after)
                self.tmux("kill-server")

    def test_keys(self):
        self.start(80, 24, "127.0.0.1")
        self.wait_for(lambda seen: "q quit" in seen[23], "the help")
        self.tmux("send-keys", "s")
        self.wait_for(lambda seen: "sort: name" in seen[23], "another order")
        self.tmux("send-keys", "p")
        held = self.wait_for(lambda seen: "PAUSED" in seen[0], "a pause")
        time.sleep(1.2)
        self.assertEqual(self.screen(), held)
        self.tmux("send-keys", "p")
        self.wait_for(lambda seen: "PAUSED" not in seen[0] and seen[0] > held[0].partition("  PAUSED")[0], "it goes on")

    def test_it_survives_being_resized_to_nothing_and_back(self):
        self.start(80, 24, "127.0.0.1")
        self.wait_for(lambda seen: "q quit" in seen[-1], "the help")
        for columns, rows in ((20, 3), (3, 2), (1, 1), (200, 60), (80, 24)):
            self.tmux("resize-window", "-x", str(columns), "-y", str(rows))
            time.sleep(0.4)
        lines = self.wait_for(lambda seen: len(seen) == 24 and "q quit" in seen[23], "the help line at the bottom")
        self.assertTrue(lines[0].startswith("strait probe  1 rows"), lines[0])

    def test_signals_give_the_terminal_back_and_print_the_summary(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(how):
                self.start(80, 24, "127.0.0.1")
                self.wait_for(lambda seen: "q quit" in seen[23], "the help")
                shell = int(self.tmux("list-panes", "-F", "#{pane_pid}"))
                children = subprocess.run(["pgrep", "-P", str(shell)], capture_output=True, text=True, check=True)
                os.kill(int(children.stdout.split()[0]), how)
                lines = self.wait_for(lambda seen: "ended 0" in seen, "the end")
                self.assertFalse(any("q quit" in line for line in lines), lines)
                self.assertTrue(any(" received, 0 lost" in line for line in lines), lines)
                self.assertEqual(self.tmux("display", "-p", "#{alternate_on} #{cursor_flag}").strip(), "0 1")
                self.tmux("kill-server")

    def test_it_ends_by_itself_after_its_count(self):
        self.start(80, 24, "127.0.0.1 -c 40")
        lines = self.wait_for(lambda seen: "ended 0" in seen, "the end")
        # On a busy machine some slots are missed; each is sent or said to be.
        counts = re.search(r"^  (\d+) sent, \1 received, 0 lost \([^)]*\)(?:, (\d+) slots missed)?", "\n".join(lines), re.M)
        self.assertIsNotNone(counts, lines)
        self.assertEqual(int(counts[1]) + int(counts[2] or 0), 40, lines)

    def test_letters_where_the_locale_has_no_blocks(self):
        self.start(80, 24, "127.0.0.1", env="LC_ALL=C")
        lines = self.wait_for(lambda seen: "#" in seen[2], "a trend")
        self.assertTrue("".join(lines).isascii(), lines)

    def test_a_terminal_that_nobody_knows(self):
        self.start(80, 24, "127.0.0.1", env="TERM=nosuch")
        lines = self.wait_for(lambda seen: "ended 3" in seen, "the error")
        self.assertEqual(lines[0], "strait: probe: --live: nothing is known of the terminal 'nosuch': set TERM")


@unittest.skipUnless(os.geteuid() == 0, "wants to capture")
class LiveCapture(Terminal):
    def setUp(self):
        super().setUp()
        self.server = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        self.port = self.server.getsockname()[1]

    def connect(self):
        self.client = self.enterContext(socket.create_connection(("127.0.0.1", self.port)))
        self.peer = self.enterContext(self.server.accept()[0])

    def talk(self, rounds: int):
        for _ in range(rounds):
            self.client.sendall(b"x" * 100)
            self.peer.recv(100)
            self.peer.sendall(b"y")
            self.client.recv(1)

    def start(self, words: str):
        self.run_in(80, 24, f"{STRAIT} capture -i lo --filter 'tcp port {self.port}' --live {words}")

    def test_a_flow_its_figures_and_the_keys(self):
        self.start("")
        self.wait_for(lambda seen: "q quit  p pause  s sort: octets" in seen[23], "the help")
        self.connect()
        row = rf"^127\.0\.0\.1:\d+ +127\.0\.0\.1:{self.port} .*\d .s"
        for _ in range(40):
            self.talk(50)
            if any(re.search(row, line) for line in self.screen()[2:3]):
                break
            time.sleep(0.1)
        lines = self.screen()
        self.assertRegex(lines[0], r"^strait capture  1 flows  [1-9]\d* packets  \d+s$")
        self.assertRegex(lines[1], r"^client +server +bit/s +server p50 +")
        self.assertRegex(lines[2], row)
        self.tmux("send-keys", "s")
        self.wait_for(lambda seen: "sort: p95" in seen[23], "another order")
        self.tmux("send-keys", "q")
        after = self.wait_for(lambda seen: "ended 0" in seen, "the summary")
        self.assertTrue(any(line.startswith("flows: 1") for line in after), after)

    def test_it_ends_by_itself_after_its_time(self):
        self.start("-d 1s --by p95")
        self.connect()
        self.talk(10)
        lines = self.wait_for(lambda seen: any(line.startswith("ended ") for line in seen), "the end")
        self.assertFalse(any("q quit" in line for line in lines), lines)
        self.assertTrue(any(line.startswith("packets: ") for line in lines), lines)


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        print("tmux is not installed", file=sys.stderr)
        sys.exit(77)
    unittest.main()
