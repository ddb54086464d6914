# SPDX-License-Identifier: Apache-2.0
"""BIRD's configuration files for the site and for the upstreams."""

import ipaddress
from pathlib import Path as File

from scenario import Path, Scenario

# What strait itself writes for a plan without preferences.
EMPTY_PLAN = """\
# strait: BGP preferences for BIRD 2, format 1. Generated: the next plan overwrites changes.
# evidence none
# made 1970-01-01T00:00:00Z
# expires 1970-01-01T00:00:00Z

function strait_pref() { }
"""

TIMERS = "connect delay time 1; connect retry time 2; error wait time 1, 5; hold time 30;"


def site_router(scenario: Scenario, directory: File, injection: str = "") -> str:
    """The site's router takes its preferences from strait.conf and its candidates from all paths; with `injection`, what it
    says of a speaker, all from there."""
    include = f'include "{directory}/strait.conf";' if not injection else "function strait_pref() { }"
    channel = "import table; import filter up_in; export none;"
    text = f"""# Written by the lab.
router id {scenario.paths[0].site_v4};
log "{directory}/bird-site.log" all;
{include}
filter up_in {{ bgp_local_pref = 100; strait_pref(); accept; }}
protocol device {{}}
protocol kernel kernel4 {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol kernel kernel6 {{ ipv6 {{ import none; export where source = RTS_BGP; }}; }}
template bgp upstream {{
  local as {scenario.asn};
  ipv4 {{ {channel} }};
  ipv6 {{ {channel} }};
  {TIMERS}
}}
"""
    for path in scenario.paths:
        text += (f"protocol bgp {path.protocol} from upstream "
                 f"{{ neighbor {path.upstream_v4} as {path.upstream_asn}; }}\n")
    return text + injection


def announcements(scenario: Scenario, path: Path, version: int) -> str:
    routes = []
    for region in scenario.regions:
        for entry in region.prefixes:
            if ipaddress.ip_network(entry["prefix"]).version != version:
                continue
            hops = path.reach[region.name].transit + [entry["origin"]]
            prepends = " ".join(f"bgp_path.prepend({asn});" for asn in reversed(hops))
            routes.append(f"  route {entry['prefix']} blackhole {{ {prepends} }};")
    return "\n".join(routes)


def upstream_router(scenario: Scenario, path: Path, directory: File) -> str:
    """One session carries both families; its next hops are the addresses on the path's link."""
    return f"""# Written by the lab.
router id {path.upstream_v4};
log "{directory}/bird-{path.name}.log" all;
protocol device {{}}
protocol static regions4 {{
  ipv4;
{announcements(scenario, path, 4)}
}}
protocol static regions6 {{
  ipv6;
{announcements(scenario, path, 6)}
}}
protocol bgp site {{
  local {path.upstream_v4} as {path.upstream_asn};
  neighbor {path.site_v4} as {scenario.asn};
  ipv4 {{ import none; export all; next hop self; }};
  ipv6 {{ import none; export all; next hop address {path.upstream_v6}; }};
  {TIMERS}
}}
"""
