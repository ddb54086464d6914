# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that scrapes the service in the site's namespace."""

import json
import subprocess
from urllib.parse import quote

from service import PORT, Service
from topology import LabError, wait_for

SERVER_PORT = 9090


class Prometheus:
    def __init__(self, service: Service):
        self.service = service
        self.lab = service.lab

    def start(self) -> None:
        directory = self.lab.directory
        config = directory / "prometheus.yml"
        config.write_text(f"""global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
  - job_name: strait
    static_configs: [ {{ targets: ["127.0.0.1:{PORT}"] }} ]
""")
        self.lab.start("site", "prometheus", f"--config.file={config}",
                       f"--storage.tsdb.path={directory}/prometheus",
                       f"--web.listen-address=127.0.0.1:{SERVER_PORT}", log="prometheus.log")
        wait_for("Prometheus ready", 20, lambda: self.service.get("/-/ready", SERVER_PORT), every=0.3)

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        page = self.service.get(f"/api/v1/query?query={quote(expression)}", SERVER_PORT)
        if page is None:
            raise LabError(f"Prometheus did not answer: {expression}")
        result = json.loads(page)["data"]["result"]
        return [(entry["metric"], float(entry["value"][1])) for entry in result]


def promtool_complaints(page: str) -> str:
    """What `promtool check metrics` says of a page; nothing when it is content."""
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True,
                          check=False)
    return done.stdout + done.stderr + (f"status {done.returncode}" if done.returncode else "")
