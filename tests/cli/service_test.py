#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service with all of its threads at work, over loopback: probes, decides, stores, answers scrapes, reloads.

Under a thread sanitizer a data race of any two of them fails this test, because the program then ends with 66.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60

SITE = """
[site]
name = "loopback"
asn = 64500
place = "casablanca"
data = "{root}/data"
[probe]
interval = "5ms"
timeout = "200ms"
window = "300ms"
[analyzer]
span_windows = 3
pair_windows = 3
repeat = 1
weights = "{directory}/traffic.json"
[exporters]
listen = ["127.0.0.1:0"]
store = "{directory}/strait.db"
retention = "1h"
json = "{directory}/windows.jsonl"
outcomes = "{directory}/outcomes.jsonl"
"""

PATH = """
[[path]]
name = "path-{number}"
segments = ["cas-asilah", "atlas-offshore"]
upstream_asn = 6450{number}
neighbor_v4 = "192.0.2.{number}"
protocol = "up_{number}"
source_v4 = "127.0.0.{number}"
"""

TARGET = """
[[target]]
name = "target-{number}"
address = "127.0.0.1"
port = {port}
protocol = "stamp"
region = "europe"
place = "madrid"
"""


class Program:
    """Its log is read all the time, so that it never waits for us."""

    def __init__(self, *words: str):
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([STRAIT, *words], stdout=self.output, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        for line in self.process.stderr:
            self.lines.append(line)

    def log(self) -> str:
        return "".join(self.lines)

    def text(self) -> str:
        self.output.seek(0)
        return self.output.read()

    def wait_for(self, pattern: str, times: int = 1) -> list[str]:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            if len(found := re.findall(pattern, self.log())) >= times:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no '{pattern}' in:\n{self.log()}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        self.reader.join()
        return status

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        self.output.close()


def get(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return answer.read().decode()
    except (OSError, http.client.HTTPException):  # not ready, or ended
        return None


class Scraper(threading.Thread):
    """Asks for a page again and again."""

    def __init__(self, url: str):
        super().__init__()
        self.url = url
        self.ended = threading.Event()
        self.got = 0

    def run(self) -> None:
        while not self.ended.wait(0.02):
            self.got += get(self.url) is not None


class Service(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)
        self.file = self.directory / "strait.toml"

    def start(self, *words: str) -> Program:
        program = Program(*words)
        self.addCleanup(program.kill)
        return program

    def write(self, port: str, targets: int) -> None:
        text = SITE.format(root=ROOT, directory=self.directory)
        text += "".join(PATH.format(number=number) for number in (1, 2))
        text += "".join(TARGET.format(number=number, port=port) for number in range(1, 1 + targets))
        self.file.write_text(text)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        lines = ({"type": "traffic", "from": now, "to": now, "octets_elsewhere": 0, "sources": ["eth0"]},
                 {"type": "traffic_row", "prefix": "127.0.0.0/8", "packets_to": 1, "octets_to": 900, "packets_from": 1,
                  "octets_from": 100})
        (self.directory / "traffic.json").write_text("".join(json.dumps({"strait": 1, **line}) + "\n" for line in lines))

    def test_it_serves_reloads_and_ends_while_it_is_scraped(self):
        reflector = self.start("reflect", "127.0.0.1:0", "--allow", "127.0.0.0/8", "--source-rate", "0/s")
        port = reflector.wait_for(r"127\.0\.0\.1:(\d+)")[0]
        self.write(port, targets=1)
        service = self.start("run", "-c", str(self.file))
        url = service.wait_for(r"metrics on (http://\S+)/metrics")[0]
        scrapers = [Scraper(f"{url}/metrics") for _ in range(3)]
        for scraper in scrapers:
            scraper.start()
            self.addCleanup(scraper.join)
            self.addCleanup(scraper.ended.set)

        for reload, targets in enumerate((2, 1, 3), 1):
            self.write(port, targets)
            service.process.send_signal(signal.SIGHUP)
            service.wait_for(rf"configuration reloaded: {2 * targets} sessions")
        good = self.file.read_text()
        self.file.write_text(good + '[routes]\nmode = "automatic"\n[routes.bird]\n'
                             f'include = "{self.directory}/bird.conf"\njournal = "{self.directory}/journal"\n')
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(r"reload refused, the old configuration stays: \[routes\] mode, from advice alone, changes only "
                         "with a restart")
        self.file.write_text(good)
        self.wait_for_page(f"{url}/-/ready")
        self.wait_for_page(f"{url}/metrics", 'strait_recommendation_info{class="europe"')
        # Three targets at one address share its traffic.
        self.wait_for_page(f"{url}/metrics", 'strait_target_weight{class="europe",target="target-3"} 0.333')
        self.wait_for_page(f"{url}/metrics", 'strait_target_weight_by_traffic{class="europe",target="target-3"} 1')

        self.assertEqual(service.end(), 0, service.log())
        self.assertEqual(reflector.end(), 0, reflector.log())
        self.assertTrue(all(scraper.got > 0 for scraper in scrapers))
        for file in ("strait.db", "windows.jsonl", "outcomes.jsonl"):
            self.assertGreater((self.directory / file).stat().st_size, 0, file)

    def windows(self) -> list[dict]:
        file = self.directory / "windows.jsonl"  # not there at first, and a line may be half written
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        found = (json.loads(line) for line in lines if line.endswith("\n"))
        return [line for line in found if line["type"] == "window"]

    def wait_for_windows(self, wanted) -> list[dict]:
        end = time.monotonic() + PATIENCE_S
        while not wanted(found := self.windows()):
            self.assertLess(time.monotonic(), end, found[-4:])
            time.sleep(0.1)
        return found

    def test_a_twamp_server_that_goes_and_comes_back(self):
        words = ("reflect", "--twamp", "--allow", "127.0.0.0/8", "--source-rate", "0/s")
        server = self.start(*words, "127.0.0.1:0")
        port = server.wait_for(r"serving TWAMP on 127\.0\.0\.1:(\d+)")[0]
        self.write(port, targets=1)
        self.file.write_text(self.file.read_text().replace('protocol = "stamp"', 'protocol = "twamp"'))
        service = self.start("run", "-c", str(self.file))
        answered = {("path-1", "twamp"), ("path-2", "twamp")}

        def both_answer(windows: list[dict]) -> bool:
            return {(w["path"], w["protocol"]) for w in windows if w["counts"]["received"] > 0} == answered

        self.wait_for_windows(both_answer)
        server.end()
        service.wait_for(r"twamp server target-1 \(127\.0\.0\.1:\d+\) over path-[12]: the control connection ended "
                         r"during the test: .*; nothing is sent to it until it has sessions for us", times=2)
        time.sleep(1)  # the last windows close after window and time-out
        before = len(self.windows())
        time.sleep(1)
        self.assertEqual(sum(window["counts"]["sent"] for window in self.windows()[before:]), 0)
        server = self.start(*words, f"127.0.0.1:{port}")
        service.wait_for(r"over path-[12]: the sessions have begun", times=2)
        self.wait_for_windows(lambda windows: both_answer(windows[before:]))
        self.assertEqual(service.end(), 0, service.log())
        server.end()
        # Each connection was ended by its client, which had stopped its sessions.
        self.assertIn("twamp connections ended: by-client: 2", server.text())

    def wait_for_page(self, url: str, text: str = "") -> None:
        end = time.monotonic() + PATIENCE_S
        while (page := get(url)) is None or text not in page:
            self.assertLess(time.monotonic(), end, f"{url}: {page}")
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
