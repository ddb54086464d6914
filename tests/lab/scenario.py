# SPDX-License-Identifier: Apache-2.0
"""A scenario file, with the delays and addresses that follow from it."""

import csv
import ipaddress
import math
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path as File

ROOT = File(__file__).resolve().parents[2]
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


def nanoseconds(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ns|us|ms|s)", text)
    if not match:
        raise ValueError(f"duration '{text}': want a number with ns, us, ms or s")
    return round(float(match[1]) * UNITS[match[2]])


def catalogue_lengths(data: File = ROOT / "data") -> dict[str, float]:
    """Kilometres of every segment whose length is known, by id."""
    lengths = {}
    for name, column in (("cables.csv", "length_ma_eu_km"), ("terrestrial.csv", "route_km")):
        with open(data / name, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                try:
                    lengths[row["id"]] = float(row[column])
                except ValueError:  # "unknown", "n/a"
                    continue
    return lengths


def great_circle_km(places: dict[str, tuple[float, float]], start: str, end: str) -> float:
    (a, b), (c, d) = (map(math.radians, places[place]) for place in (start, end))
    return 6371 * math.acos(math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d))


def catalogue_places(data: File = ROOT / "data") -> dict[str, tuple[float, float]]:
    with open(data / "places.csv", newline="", encoding="utf-8") as file:
        return {row["id"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)}


@dataclass(frozen=True)
class Region:
    name: str
    place: str
    within: list[str]
    target_v4: str
    target_v6: str
    prefixes: list[dict]
    number: int  # from 1


@dataclass(frozen=True)
class Reach:
    """One path to one region."""

    one_way_ns: int  # without jitter
    transit: list[int]


@dataclass(frozen=True)
class Path:
    name: str
    title: str
    segments: list[str]
    far_end: str  # the place where the segments end
    upstream_asn: int
    jitter: str
    shape: str
    floor_ns: int  # one way, over the segments alone
    reach: dict[str, Reach]
    number: int  # from 1

    @property
    def protocol(self) -> str:
        """BIRD's name for the session with this path's upstream."""
        return self.name.replace("-", "_")

    # The link between site and upstream, through the emulator.
    @property
    def link_v4(self) -> str:
        return f"100.64.{self.number}.0/24"

    @property
    def link_v6(self) -> str:
        return f"fd00:64:{self.number}::/64"

    @property
    def upstream_v4(self) -> str:
        return f"100.64.{self.number}.1"

    @property
    def upstream_v6(self) -> str:
        return f"fd00:64:{self.number}::1"

    # The site's kernel has these: BGP, and probes of the socket engine.
    @property
    def site_v4(self) -> str:
        return f"100.64.{self.number}.2"

    @property
    def site_v6(self) -> str:
        return f"fd00:64:{self.number}::2"

    # No kernel has this one: whoever builds frames itself answers ARP for it.
    @property
    def bypass_v4(self) -> str:
        return f"100.64.{self.number}.10"

    @property
    def table(self) -> int:
        """The site's routing table, and the mark, that keep a packet on this path."""
        return 100 + self.number


@dataclass(frozen=True)
class Scenario:
    site: str
    place: str
    asn: int
    regions: list[Region]
    paths: list[Path] = field(default_factory=list)

    def path(self, name: str) -> Path:
        return next(path for path in self.paths if path.name == name)

    def region(self, name: str) -> Region:
        return next(region for region in self.regions if region.name == name)

    def fastest(self, region: str, without: tuple[str, ...] = ()) -> str:
        """The path that the delays favour."""
        left = [path for path in self.paths if path.name not in without]
        return min(left, key=lambda path: path.reach[region].one_way_ns).name


def one_way(kilometres: float, us_per_km: float, extra: str) -> int:
    return round(kilometres * us_per_km * 1000) + nanoseconds(extra)


def read_path(table: dict, number: int, us_per_km: float, lengths: dict[str, float]) -> Path:
    if len(table["name"]) > 15:
        raise ValueError(f"path '{table['name']}': becomes an interface, want 15 characters at most")
    along = sum(lengths[segment] for segment in table["segments"])
    reach = {}
    for region, to in table["to"].items():
        beyond = sum(lengths[leg] for leg in to["legs"])
        delay = one_way(along + beyond, us_per_km, to.get("extra", "0us"))
        delay += nanoseconds(table.get("extra", "0us"))
        reach[region] = Reach(one_way_ns=delay, transit=to["transit"])
    keys = ("name", "title", "segments", "far_end", "upstream_asn", "jitter", "shape")
    return Path(**{key: table[key] for key in keys}, floor_ns=one_way(along, us_per_km, "0us"),
                reach=reach, number=number)


def check_light(path: Path, region: Region, us_per_km: float, places: dict) -> None:
    """A lab that beats light would teach the product to believe impossible answers."""
    least = path.floor_ns + 1000 * us_per_km * great_circle_km(places, path.far_end, region.place)
    if path.reach[region.name].one_way_ns < least:
        raise ValueError(f"{path.name} to {region.name}: {path.reach[region.name].one_way_ns} ns, "
                         f"but light needs {least:.0f} ns from {path.far_end} to {region.place}")


def load(file: File) -> Scenario:
    with open(file, "rb") as opened:
        document = tomllib.load(opened)
    lengths = catalogue_lengths()
    regions = [Region(**table, number=i + 1) for i, table in enumerate(document["region"])]
    for region in regions:
        nets = [ipaddress.ip_network(within) for within in region.within]
        for entry in region.prefixes:
            prefix = ipaddress.ip_network(entry["prefix"])
            if not any(prefix.version == net.version and prefix.subnet_of(net) for net in nets):
                raise ValueError(f"region '{region.name}': {prefix} is not within {region.within}")
    paths = [read_path(table, i + 1, document["us_per_km"], lengths)
             for i, table in enumerate(document["path"])]
    places = catalogue_places()
    for path in paths:
        for region in regions:
            check_light(path, region, document["us_per_km"], places)
    site = document["site"]
    return Scenario(site=site["name"], place=site["place"], asn=site["asn"], regions=regions, paths=paths)
