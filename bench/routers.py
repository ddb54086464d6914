#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What plans of a full table cost the routers that are told. A BIRD with three upstreams gets the table; `strait routes
render` makes a plan of all of it, and one of some 50,000 prefixes, which BIRD checks, loads and follows; FRR loads what it
can take of it, and has the rest injected by ExaBGP and GoBGP. One JSON object a line; times in seconds, memory in MB.

usage: routers.py [--prefixes N] [--moved N] [--frr-prefixes N] [--rounds N] [--only bird,frr,exabgp,gobgp]
Needs root, for namespaces of its own. STRAIT names the program."""

import argparse
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/cli"))
from aftermath_test import SCENARIO  # noqa: E402

STRAIT = os.environ.get("STRAIT", str(ROOT / "build" / "release" / "strait"))
PATH = os.environ["PATH"] + ":/usr/sbin:/usr/lib/frr"
TICK = os.sysconf("SC_CLK_TCK")
FIRST_BLOCK = 11  # 11.0.0.0 and on; the blocks that are nobody's table are left out
LEFT_OUT = (100, 127, 169, 172, 192, 198, 203)

CONFIGURATION = """
[site]
name = "here"
asn = 64500
place = "casablanca"
data = "{root}/data"
[[path]]
name = "atlas"
segments = ["cas-asilah", "atlas-offshore"]
upstream_asn = 65001
neighbor_v4 = "10.255.1.2"
protocol = "u1"
source_v4 = "127.0.0.1"
[[path]]
name = "tetouan"
segments = ["cas-tetouan", "est-tet", "estepona-mad"]
upstream_asn = 65002
neighbor_v4 = "10.255.2.2"
protocol = "u2"
source_v4 = "127.0.0.1"
[[region]]
name = "europe"
prefixes = {within}
[[target]]
name = "target"
address = "127.0.0.1"
region = "europe"
place = "madrid"
[analyzer]
freshness = "2h"
max_prefixes = 4000000
[exporters]
store = "{folder}/strait.db"
[routes]
rib = "{rib}"
accept = ["bogon-asn", "private-asn"]
[routes.injector]
router = "fd00:255:9::1"
local_address = "fd00:255:9::2"
router_id = "10.255.9.2"
community = "64500:911"
"""

BIRD_SITE = """router id 10.255.9.1; protocol device {{}} protocol direct {{ ipv4; }}
include "{folder}/strait.conf";
filter up_in {{ bgp_local_pref = 100; strait_pref(); accept; }}
template bgp up {{ local as 64500; connect delay time 1; error wait time 1, 1; hold time 240;
  ipv4 {{ import table; import filter up_in; export none; }}; }}
protocol bgp u1 from up {{ neighbor 10.255.1.2 as 65001; }}
protocol bgp u2 from up {{ neighbor 10.255.2.2 as 65002; }}
protocol bgp u3 from up {{ neighbor 10.255.3.2 as 65003; }}
"""


def say(**figures) -> None:
    print(json.dumps(figures), flush=True)


def run(*words: str, check: bool = True, **more) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH}, **more)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pid: int) -> int:
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith("VmRSS")) // 1024


def timed(*words: str) -> tuple[float, float, str]:
    """Wall and processor time of a program, and what it printed."""
    before, begin = os.times(), time.monotonic()
    text = run(*words)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - begin, cpu, text


def table(count: int) -> list[str]:
    """Prefixes with holes between them, of lengths as of a full table: 62 % are of 24 bits. Sorted."""
    dice = random.Random(1)
    prefixes: list[str] = []
    block = FIRST_BLOCK
    while len(prefixes) < count:
        if block in LEFT_OUT:
            block += 1
            continue
        if block > 223:
            sys.exit(f"{count} prefixes do not fit")
        place = 0  # in /24 of this /8
        while place < 65536:
            length = dice.choices((24, 23, 22, 21, 20), (62, 10, 14, 7, 7))[0]
            size = 1 << (24 - length)
            place = -(-place // size) * size
            if place >= 65536:
                break
            if dice.random() < 0.85:
                prefixes.append(f"{block}.{place >> 8}.{place & 255}.0/{length}")
            place += size
        block += 1
    return prefixes[:count]


def blocks_of(prefixes: list[str]) -> list[str]:
    """The /16 that they are in."""
    return sorted({f"{a}.{b}.0.0/16" for a, b, *_ in (prefix.split(".") for prefix in prefixes)})


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="strait-bench"))
        os.chmod(self.folder, 0o755)
        self.site, self.world = (f"strait-bench-{name}-{os.getpid()}" for name in ("site", "world"))
        self.processes: list[subprocess.Popen] = []
        self.prefixes = table(options.prefixes)
        self.moved = self.prefixes[:options.moved]

    def __enter__(self):
        for name in (self.site, self.world):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for n in (1, 2, 3):
            run("ip", "-n", self.site, "link", "add", f"u{n}", "type", "veth", "peer", "name", f"u{n}", "netns", self.world)
            for name, last in ((self.site, 1), (self.world, 2)):
                run("ip", "-n", name, "addr", "add", f"10.255.{n}.{last}/30", "dev", f"u{n}")
                run("ip", "-n", name, "link", "set", f"u{n}", "up")
        for address in ("fd00:255:9::1", "fd00:255:9::2"):
            run("ip", "-n", self.site, "addr", "add", f"{address}/128", "dev", "lo", "nodad")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        for name in (self.site, self.world):
            run("ip", "netns", "del", name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, namespace: str, *words: str, **environment: str) -> subprocess.Popen:
        # `ip netns exec` becomes the program itself.
        process = subprocess.Popen(["ip", "netns", "exec", namespace, *words], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "PATH": PATH, **environment})
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen) -> None:
        process.kill()
        process.wait()
        self.processes.remove(process)

    def birdc(self, *words: str) -> str:
        return run("birdc", "-s", f"{self.folder}/site.ctl", *words)

    def start_world(self, prefixes: list[str]) -> subprocess.Popen:
        """One BIRD plays all upstreams; u1 has the longest AS path and u2 the shortest."""
        dice = random.Random(2)
        lines = ["router id 10.255.1.2; protocol device {}", "protocol static everything { ipv4;"]
        left = 0
        for prefix in prefixes:
            if left == 0:  # so many prefixes have the same attributes, as in a real table
                origin, transit, left = dice.randint(1000, 60000), dice.randint(1000, 9000), dice.randint(1, 11)
            left -= 1
            lines.append(f"route {prefix} blackhole {{ bgp_path.prepend({origin}); bgp_path.prepend({transit}); }};")
        lines.append("}")
        for n, more in ((1, 2), (2, 0), (3, 1)):
            lines.append(f"filter to{n} {{ {'bgp_path.prepend(64496); ' * more}accept; }}")
            lines.append(f"protocol bgp site{n} {{ local 10.255.{n}.2 as 6500{n}; neighbor 10.255.{n}.1 as 64500; strict bind yes; "
                         f"connect delay time 1; error wait time 1, 1; hold time 240; "
                         f"ipv4 {{ import none; export filter to{n}; next hop self; }}; }}")
        (self.folder / "world.conf").write_text("\n".join(lines) + "\n")
        return self.start(self.world, "bird", "-f", "-c", f"{self.folder}/world.conf", "-s", f"{self.folder}/world.ctl")

    def configure_strait(self, name: str, within: list[str], rib: str) -> str:
        file = self.folder / f"{name}.toml"
        file.write_text(CONFIGURATION.format(root=ROOT, folder=self.folder, within=json.dumps(within), rib=rib))
        return str(file)

    def measure_paths(self) -> None:
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=40)
        (self.folder / "scenario.toml").write_text(SCENARIO.format(start=start.strftime("%Y-%m-%dT%H:%M:00Z"),
                                                                        other="45ms"))
        run(STRAIT, "simulate", f"{self.folder}/scenario.toml", "--store", f"{self.folder}/strait.db")

    def render(self, configuration: str, dialect: str, name: str) -> Path:
        file = self.folder / name
        wall, cpu, _ = timed(STRAIT, "routes", "render", "-c", configuration, "--dialect", dialect, "-o", str(file))
        say(what=f"render {name}", wall_s=round(wall, 2), cpu_s=round(cpu, 2), octets=file.stat().st_size)
        return file

    # --- BIRD ---

    def wait_for(self, what, seconds: float, every: float = 0.02) -> float:
        begin = time.monotonic()
        while not what():
            if time.monotonic() - begin > seconds:
                sys.exit(f"not seen within {seconds:g} s")
            time.sleep(every)
        return time.monotonic() - begin

    def count(self, *words: str) -> int:
        """"N of M routes for K networks": N."""
        text = self.birdc("show", "route", *words, "count")
        return sum(int(line.split()[0]) for line in text.splitlines() if " of " in line and line[0].isdigit())

    def best_via(self, protocol: str, prefixes: list[str]) -> bool:
        return all(f"[{protocol} " in self.birdc("show", "route", prefix, "primary") for prefix in prefixes)

    def bird(self) -> None:
        wanted = 3 * len(self.prefixes)
        world = self.start_world(self.prefixes)
        (self.folder / "strait.conf").write_text("function strait_pref() { }\n")
        (self.folder / "site.conf").write_text(BIRD_SITE.format(folder=self.folder))
        site = self.start(self.site, "bird", "-f", "-c", f"{self.folder}/site.conf", "-s", f"{self.folder}/site.ctl")
        self.wait_for(lambda: Path(f"{self.folder}/site.ctl").exists(), 10)
        seconds = self.wait_for(lambda: self.count() >= wanted, 1200, every=2)
        say(what="BIRD has the table", prefixes=len(self.prefixes), routes=wanted, wall_s=round(seconds, 1),
            cpu_s=round(cpu_of(site.pid), 1), memory_mb=memory_of(site.pid))
        rib = f"birdc:{self.folder}/site.ctl"
        everything = [f"{block}.0.0.0/8" for block in sorted({int(prefix.split(".")[0]) for prefix in self.prefixes})]
        for name, within, moved in (("some.conf", blocks_of(self.moved), None), ("all.conf", everything, len(self.prefixes))):
            plan = self.render(self.configure_strait(name.removesuffix(".conf"), within, rib), "bird", name)
            text = plan.read_text()
            patterns = sum(line.startswith("  ") and "/" in line for line in text.splitlines())
            self.parse(name, plan, patterns)
            for _ in range(self.options.rounds):
                self.move(name, site, plan, moved)
        self.birdc("mrt", "dump", "table", '"master4"', "to", f'"{self.folder}/rib.mrt"')
        self.end(site)
        self.end(world)

    def parse(self, name: str, plan: Path, patterns: int) -> None:
        alone = self.folder / "alone.conf"
        alone.write_text(f'router id 10.255.9.1; protocol device {{}}\ninclude "{plan}";\n')
        for _ in range(self.options.rounds):
            wall, cpu, _ = timed("bird", "-p", "-c", str(alone))
            say(what=f"bird -p {name}", patterns=patterns, wall_s=round(wall, 2), cpu_s=round(cpu, 2))

    def move(self, name: str, site: subprocess.Popen, plan: Path, moved: int | None) -> None:
        probes = self.moved[:: max(1, len(self.moved) // 20)] + [self.moved[-1]]
        for kind, text, protocol in (("in force", plan.read_text(), "u1"), ("back", "function strait_pref() { }\n", "u2")):
            (self.folder / "strait.conf").write_text(text)
            cpu, begin = cpu_of(site.pid), time.monotonic()
            said = self.birdc("configure")
            returned = time.monotonic() - begin
            if "Reconfig" not in said:
                sys.exit(f"birdc configure: {said}")
            self.wait_for(lambda: self.best_via(protocol, probes), 600)
            seen = time.monotonic() - begin
            # The last ones too: nothing is left to be moved.
            target = moved or len(self.moved)
            self.wait_for(lambda: self.count("primary", "where", 'proto', "=", '"u1"') >= target if protocol == "u1" else
                          self.count("primary", "where", 'proto', "=", '"u1"') == 0, 600, every=0.2)
            say(what=f"BIRD: {name} {kind}", best_paths=target, configure_s=round(returned, 2), sample_seen_s=round(seen, 2),
                all_seen_s=round(time.monotonic() - begin, 2), cpu_s=round(cpu_of(site.pid) - cpu, 2), memory_mb=memory_of(site.pid))

    # --- FRR ---

    def frr_configuration(self) -> str:
        lines = ["router bgp 64500", " bgp router-id 10.255.9.1", " no bgp default ipv4-unicast",
                 " neighbor fd00:255:9::2 remote-as 64500", " neighbor fd00:255:9::2 update-source fd00:255:9::1",
                 " neighbor fd00:255:9::2 passive"]
        for n in (1, 2):
            lines += [f" neighbor 10.255.{n}.2 remote-as 6500{n}", f" neighbor 10.255.{n}.2 timers connect 1"]
        lines.append(" address-family ipv4 unicast")
        for n in (1, 2):
            peer = f"10.255.{n}.2"
            lines += [f"  neighbor {peer} activate", f"  neighbor {peer} soft-reconfiguration inbound",
                      f"  neighbor {peer} route-map U{n} in", f"  neighbor {peer} route-map NOTHING out"]
        lines += ["  neighbor fd00:255:9::2 activate", "  neighbor fd00:255:9::2 route-map INJECTED in",
                  "  neighbor fd00:255:9::2 route-map NOTHING out", " exit-address-family", "exit"]
        for n in (1, 2):
            lines += [f"route-map U{n} permit 10", " set local-preference 100", f" call STRAIT-u{n}"]
        lines += ["route-map NOTHING deny 10", "bgp community-list standard INJECTED permit 64500:911",
                  "route-map INJECTED permit 10", " match community INJECTED"]
        return "\n".join(lines) + "\n"

    def vtysh(self, *commands: str) -> str:
        return run("vtysh", "--vty_socket", f"{self.folder}/frr", *(word for c in commands for word in ("-c", c)), check=False)

    def frr_has(self, neighbor: str) -> int:
        text = self.vtysh("show bgp ipv4 unicast summary json")
        return json.loads(text).get("peers", {}).get(neighbor, {}).get("pfxRcd", 0) if text.startswith("{") else 0

    def frr_best(self, neighbor: str, prefixes: list[str]) -> bool:
        for prefix in prefixes:
            text = self.vtysh(f"show bgp ipv4 unicast {prefix} json")
            paths = json.loads(text).get("paths", []) if text.startswith("{") else []
            if not any(path["peer"]["peerId"] == neighbor and path.get("bestpath", {}).get("overall") for path in paths):
                return False
        return True

    def frr(self) -> None:
        prefixes = self.prefixes[:self.options.frr_prefixes]
        world = self.start_world(prefixes)
        folder = self.folder / "frr"
        folder.mkdir()
        (folder / "bgpd.conf").write_text(self.frr_configuration())
        for file in (folder, folder / "bgpd.conf"):
            shutil.chown(file, "frr", "frr")
        common = ["-u", "frr", "-g", "frr", "--vty_socket", str(folder), "-z", f"{folder}/zserv.api"]
        self.start(self.site, "/usr/lib/frr/zebra", *common, "-i", f"{folder}/zebra.pid", "-f", "/dev/null")
        self.wait_for(lambda: (folder / "zserv.api").exists(), 10)
        bgpd = self.start(self.site, "/usr/lib/frr/bgpd", *common, "-i", f"{folder}/bgpd.pid", "-f", f"{folder}/bgpd.conf")
        seconds = self.wait_for(lambda: all(self.frr_has(f"10.255.{n}.2") == len(prefixes) for n in (1, 2)), 600, every=0.5)
        say(what="FRR has the table", prefixes=len(prefixes), routes=2 * len(prefixes), wall_s=round(seconds, 1),
            cpu_s=round(cpu_of(bgpd.pid), 1), memory_mb=memory_of(bgpd.pid))
        only = self.options.only
        if "frr" in only:
            self.frr_lists(bgpd)
        for speaker, count in (("exabgp", len(self.moved)), ("gobgp", 2000)):
            if speaker in only:
                self.inject(speaker, bgpd, self.moved[:count])
        self.end(bgpd)
        self.end(world)

    def mrt(self) -> str:
        if not (self.folder / "rib.mrt").exists():
            sys.exit("FRR's plans are made of BIRD's RIB: --only needs bird")
        return f"{self.folder}/rib.mrt"

    def frr_lists(self, bgpd: subprocess.Popen) -> None:
        """Whole /24 up to FRR's limit, told as strait tells them."""
        few = self.moved[:500]
        plan = self.render(self.configure_strait("few", few, self.mrt()), "frr", "frr.conf")
        for _ in range(self.options.rounds):
            for kind in ("in force", "back"):
                text = plan.read_text() if kind == "in force" else "no route-map STRAIT-u1\n"
                (self.folder / "load").write_text(text)
                cpu, begin = cpu_of(bgpd.pid), time.monotonic()
                run("vtysh", "--vty_socket", f"{self.folder}/frr", "-d", "bgpd", "-f", f"{self.folder}/load")
                loaded = time.monotonic() - begin
                self.vtysh("clear bgp ipv4 unicast 10.255.1.2 soft in", "clear bgp ipv4 unicast 10.255.2.2 soft in")
                best = "10.255.1.2" if kind == "in force" else "10.255.2.2"
                self.wait_for(lambda: self.frr_best(best, few[::50]), 120)
                say(what=f"FRR: prefix lists {kind}", prefixes=len(few), loaded_s=round(loaded, 2),
                    sample_seen_s=round(time.monotonic() - begin, 2), cpu_s=round(cpu_of(bgpd.pid) - cpu, 2))

    def inject(self, speaker: str, bgpd: subprocess.Popen, prefixes: list[str]) -> None:
        dialect = {"exabgp": "exabgp", "gobgp": "gobgp-injector"}[speaker]
        within = blocks_of(prefixes) if speaker == "exabgp" else prefixes
        plan = self.render(self.configure_strait(speaker, within, self.mrt()), dialect, f"{speaker}.plan")
        text = plan.read_text()
        count = sum(line.startswith(("    route ", "gobgp global rib add ")) for line in text.splitlines())
        for _ in range(self.options.rounds):
            cpu, begin = cpu_of(bgpd.pid), time.monotonic()
            if speaker == "exabgp":
                process = self.start(self.site, "exabgp", str(plan), **{"exabgp.daemon.user": "root", "exabgp.tcp.bind": ""})
            else:
                own = self.folder / "injector.toml"
                own.write_text("".join(f"{line[3:]}\n" for line in text.splitlines() if line.startswith("#| ")))
                process = self.start(self.site, "gobgpd", "-p", "-f", str(own), "--pprof-disable")
                self.wait_for(lambda: run("ip", "netns", "exec", self.site, "gobgp", "global", check=False).startswith("AS: "), 30)
                begin = time.monotonic()
                run("ip", "netns", "exec", self.site, "sh", "-e", str(plan))
            told = time.monotonic() - begin
            self.wait_for(lambda: self.frr_has("fd00:255:9::2") >= count, 1200, every=0.2)
            self.wait_for(lambda: self.frr_best("fd00:255:9::2", prefixes[:: max(1, len(prefixes) // 20)]), 120)
            say(what=f"{speaker} injects into FRR", routes=count, told_s=round(told, 2) if speaker == "gobgp" else None,
                all_seen_s=round(time.monotonic() - begin, 2), frr_cpu_s=round(cpu_of(bgpd.pid) - cpu, 2),
                speaker_cpu_s=round(cpu_of(process.pid), 2), speaker_memory_mb=memory_of(process.pid),
                frr_memory_mb=memory_of(bgpd.pid))
            begin = time.monotonic()
            self.end(process)
            self.wait_for(lambda: self.frr_has("fd00:255:9::2") == 0, 120)
            self.wait_for(lambda: self.frr_best("10.255.2.2", prefixes[:: max(1, len(prefixes) // 20)]), 120)
            say(what=f"{speaker} is killed", plain_bgp_s=round(time.monotonic() - begin, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--prefixes", type=int, default=1_200_000)
    parser.add_argument("--moved", type=int, default=50_000)
    parser.add_argument("--frr-prefixes", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=["bird", "frr", "exabgp", "gobgp"])
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("routers.py: needs root, for network namespaces of its own")
    say(what="load", before=os.getloadavg(), processors=os.cpu_count())
    with Bench(options) as bench:
        bench.measure_paths()
        bench.bird()
        if set(options.only) & {"frr", "exabgp", "gobgp"}:
            bench.frr()
    say(what="load", after=os.getloadavg())


if __name__ == "__main__":
    main()
