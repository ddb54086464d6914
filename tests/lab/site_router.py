# SPDX-License-Identifier: Apache-2.0
"""The site's router in the lab, and the way in which strait tells it: BIRD and FRR by their policies, or by ExaBGP or
GoBGP as a speaker that injects routes into one of them."""

import ipaddress
import json
import shutil
import time
from pathlib import Path as File

import routers
from scenario import ROOT, Path

GOLDEN = ROOT / "tests" / "routes" / "golden" / "dialects"
FRR = File("/usr/lib/frr")
BMP_PORT = 11790
# Both ends of the injector's session are addresses of the site's own loopback.
ROUTER, INJECTOR, INJECTOR_ID, MARK = "fd00:64::1", "fd00:64::2", "100.64.0.2", 911
SPEAKERS = ("exabgp", "gobgp")
NAMES = ("bird", "frr", *(f"{router}-{speaker}" for router in ("bird", "frr") for speaker in SPEAKERS))


def make(name: str, strait: File | None = None) -> "SiteRouter":
    """"bird", "frr", or one of the two with a speaker behind it, such as "frr-gobgp"."""
    router, _, speaker = name.partition("-")
    return {"bird": BirdSite, "frr": FrrSite}[router](name, speaker, strait)


class SiteRouter:
    def __init__(self, name: str, speaker: str, strait: File | None):
        self.name = name
        self.speaker = speaker  # "exabgp", "gobgp", or "": strait tells the router itself
        self.strait = strait
        self.lab = None

    def start(self, lab) -> None:
        self.lab = lab
        if self.speaker:
            lab.exec("site", "ip", "-batch", "-", text="".join(
                f"addr add {address}/128 dev lo nodad\n" for address in (ROUTER, INJECTOR)))
        self.start_router()
        if self.speaker:
            self.start_speaker()

    # --- of each router ---

    def start_router(self) -> None:
        raise NotImplementedError

    def best(self, prefix: str) -> str | None:
        """The path of the best route to a prefix, by the router's own word."""
        raise NotImplementedError

    def routes_from(self, path: Path) -> int:
        raise NotImplementedError

    def raised_on(self, path: Path) -> bool:
        """Whether any route over this path is there with a local-pref above the usual one."""
        raise NotImplementedError

    def rib(self) -> str:
        """[routes] rib of strait.toml."""
        raise NotImplementedError

    def table(self) -> list[str]:
        """Its own table of strait.toml; for a speaker only what it is read back by."""
        raise NotImplementedError

    # --- of the speaker ---

    def tables(self) -> list[str]:
        lab = self.lab
        journal = f'journal = "{lab.directory}/journal.jsonl"'
        if not self.speaker:
            return [*self.table(), journal]
        lines = [*self.table(), "", "[routes.injector]", f'speaker = "{self.speaker}"', f'file = "{lab.strait_conf}"',
                 f'router = "{ROUTER}"', f'local_address = "{INJECTOR}"', f'router_id = "{INJECTOR_ID}"',
                 f'community = "{lab.scenario.asn}:{MARK}"', journal]
        if self.speaker == "gobgp":
            return [*lines, f'api = "unix://{lab.directory}/injector.sock"']
        return [*lines, f'configuration = "{lab.directory}/exabgp.conf"',
                f'reload = ["sh", "-c", "kill -USR1 $(cat {lab.directory}/injector.pid)"]']

    def start_speaker(self) -> None:
        """As strait's own text for a plan without preferences has it."""
        lab = self.lab
        name = {"exabgp": "exabgp-empty", "gobgp": "gobgp-injector-empty"}[self.speaker]
        text = (GOLDEN / name).read_text()
        for old, new in (("fd00:255:9::1", ROUTER), ("fd00:255:9::2", INJECTOR), ("10.255.9.2", INJECTOR_ID),
                         ("64500", str(lab.scenario.asn))):
            text = text.replace(old, new)
        if self.speaker == "gobgp":
            file = lab.directory / "injector.toml"
            file.write_text("".join(f"{line[3:]}\n" for line in text.splitlines() if line.startswith("#| ")))
            command = ["gobgpd", "-p", "-f", str(file), "--pprof-disable", "--api-hosts",
                       f"unix://{lab.directory}/injector.sock"]
        else:
            file = lab.directory / "exabgp.conf"
            file.write_text(text)
            command = ["env", "exabgp.daemon.user=root", "exabgp.tcp.bind=", "exabgp", str(file)]
        # The shell's number becomes the speaker's.
        lab.start("site", "sh", "-c", f'echo $$ >{lab.directory}/injector.pid; exec "$@"', "sh", *command,
                  log="injector.log")

    def path_of(self, address: str) -> str | None:
        """Whose end of a link that is."""
        for path in self.lab.scenario.paths:
            if ipaddress.ip_address(address) in (ipaddress.ip_address(path.upstream_v4),
                                                 ipaddress.ip_address(path.upstream_v6)):
                return path.name
        return None


class BirdSite(SiteRouter):
    def start_router(self) -> None:
        self.lab.start_bird("site", routers.site_router(self.lab.scenario, self.lab.directory,
                                                        INJECTION.format(asn=self.lab.scenario.asn) if self.speaker else ""))

    def best(self, prefix: str) -> str | None:
        found = [line.rsplit(" on ", 1)[1].split()[0]
                 for line in self.lab.birdc("show", "route", "for", prefix, "primary").splitlines() if " on " in line]
        names = [path.name for path in self.lab.scenario.paths]
        return found[0] if found and found[0] in names else None

    def routes_from(self, path: Path) -> int:
        total = 0
        for line in self.lab.birdc("show", "protocols", "all", path.protocol).splitlines():
            words = line.split()
            if words[:1] == ["Routes:"]:
                total += int(words[1])
        return total

    def raised_on(self, path: Path) -> bool:
        return f" on {path.name}" in self.lab.birdc("show", "route", "where", "bgp_local_pref", ">", "100")

    def rib(self) -> str:
        return f"birdc:{self.lab.directory}/bird-site.ctl"

    def table(self) -> list[str]:
        lines = ["[routes.bird]", f'socket = "{self.lab.directory}/bird-site.ctl"']
        return lines if self.speaker else [*lines, f'include = "{self.lab.strait_conf}"']


# What a speaker's session is behind BIRD's own: its routes are taken by their mark alone. Next hops are looked up among the
# links.
INJECTION = f"""protocol direct {{{{ ipv4; ipv6; }}}}
filter from_injector {{{{ if ! (({{asn}}, {MARK}) ~ bgp_community) then reject; accept; }}}}
protocol bgp injector {{{{
  local {ROUTER} as {{asn}};
  neighbor {INJECTOR} as {{asn}};
  strict bind yes;
  passive;
  ipv4 {{{{ import filter from_injector; export none; }}}};
  ipv6 {{{{ import filter from_injector; export none; }}}};
}}}}
"""


class FrrSite(SiteRouter):
    """Its RIB comes to strait by BMP."""

    @property
    def folder(self) -> File:
        return self.lab.directory / "frr"

    def start_router(self) -> None:
        lab = self.lab
        self.folder.mkdir()
        (self.folder / "bgpd.conf").write_text(self.bgpd_configuration())
        for file in (self.folder, self.folder / "bgpd.conf"):
            shutil.chown(file, "frr", "frr")
        (lab.directory / "bmp").mkdir()
        lab.start("site", str(self.strait), "routes", "bmp", "--listen", f"127.0.0.1:{BMP_PORT}", "--directory",
                  str(lab.directory / "bmp"), "--every", "1s", log="bmp.log")
        common = ["-u", "frr", "-g", "frr", "--vty_socket", str(self.folder), "-z", f"{self.folder}/zserv.api"]
        lab.start("site", str(FRR / "zebra"), *common, "-i", f"{self.folder}/zebra.pid", "-f", "/dev/null", log="zebra.log")
        while not (self.folder / "zserv.api").exists():
            time.sleep(0.05)
        lab.start("site", str(FRR / "bgpd"), *common, "-i", f"{self.folder}/bgpd.pid", "-M", "bmp", "-f",
                  f"{self.folder}/bgpd.conf", log="bgpd.log")

    def bgpd_configuration(self) -> str:
        scenario = self.lab.scenario
        peers = {path.upstream_v4: path for path in scenario.paths}
        lines = [f"router bgp {scenario.asn}", f" bgp router-id {scenario.paths[0].site_v4}", " no bgp default ipv4-unicast"]
        for peer, path in peers.items():
            lines += [f" neighbor {peer} remote-as {path.upstream_asn}", f" neighbor {peer} timers connect 1"]
        if self.speaker:
            lines += [f" neighbor {INJECTOR} remote-as {scenario.asn}", f" neighbor {INJECTOR} update-source {ROUTER}",
                      f" neighbor {INJECTOR} passive"]
        for family in ("ipv4", "ipv6"):
            lines.append(f" address-family {family} unicast")
            for peer, path in peers.items():
                lines += [f"  neighbor {peer} activate", f"  neighbor {peer} soft-reconfiguration inbound",
                          f"  neighbor {peer} route-map {path.protocol}-in in", f"  neighbor {peer} route-map nothing out"]
            if self.speaker:
                lines += [f"  neighbor {INJECTOR} activate", f"  neighbor {INJECTOR} route-map from-injector in",
                          f"  neighbor {INJECTOR} route-map nothing out"]
            lines.append(" exit-address-family")
        lines += [" bmp targets strait", "  bmp monitor ipv4 unicast pre-policy", "  bmp monitor ipv6 unicast pre-policy",
                  f"  bmp connect 127.0.0.1 port {BMP_PORT} min-retry 100 max-retry 1000", " exit", "exit"]
        for path in scenario.paths:
            lines += [f"route-map {path.protocol}-in permit 10", " set local-preference 100"]
            if not self.speaker:
                lines.append(f" call STRAIT-{path.protocol}")
        lines += ["route-map nothing deny 10", f"bgp community-list standard injected permit {scenario.asn}:{MARK}",
                  "route-map from-injector permit 10", " match community injected"]
        return "\n".join(lines) + "\n"

    def ask(self, question: str) -> dict:
        said = self.lab.ask_frr(self.folder, f"{question} json")
        try:
            return json.loads(said)
        except ValueError:
            return {}

    def routes_to(self, prefix: str) -> list[dict]:
        return self.ask(f"show bgp {family(prefix)} unicast {prefix}").get("paths", [])

    def path_over(self, route: dict) -> str | None:
        hops = [hop["ip"] for hop in route.get("nexthops", []) if "ip" in hop and hop.get("scope") != "link-local"]
        return self.path_of(hops[0]) if hops else None

    def best(self, prefix: str) -> str | None:
        for route in self.routes_to(prefix):
            if route.get("bestpath", {}).get("overall"):
                return self.path_over(route)
        return None

    def routes_from(self, path: Path) -> int:
        return sum(len(self.ask(f"show bgp {version} unicast neighbors {path.upstream_v4} routes").get("routes", {}))
                   for version in ("ipv4", "ipv6"))

    def raised_on(self, path: Path) -> bool:
        return any(route.get("locPrf", 100) > 100 and self.path_over(route) == path.name
                   for region in self.lab.scenario.regions for entry in region.prefixes
                   for route in self.routes_to(entry["prefix"]))

    def rib(self) -> str:
        return f"{self.lab.directory}/bmp/127.0.0.1.pre-policy.mrt"

    def table(self) -> list[str]:
        lines = ["[routes.frr]", f'sockets = "{self.folder}"']
        return lines if self.speaker else [*lines, f'file = "{self.lab.strait_conf}"']


def family(prefix: str) -> str:
    return f"ipv{ipaddress.ip_network(prefix).version}"
