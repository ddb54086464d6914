// SPDX-License-Identifier: Apache-2.0
#include "exporters/metrics_pages.hpp"

#include "exporters/prometheus.hpp"

namespace strait::exporters {
namespace {

HttpAnswer ready(const Snapshot& snapshot) {
  if (!snapshot.first_window) {
    return {.status = 503, .body = "not ready: no window has closed yet\n"};
  }
  return {.body = "ready: first window closed at " + to_string(*snapshot.first_window) + "\n"};
}

constexpr std::string_view landing_page =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>strait</title></head><body>\n"
    "<h1>strait</h1>\n"
    "<p>Times packets over every path of a site and recommends BGP preferences.</p>\n"
    "<ul>\n"
    "<li><a href=\"/metrics\">/metrics</a>: for Prometheus</li>\n"
    "<li><a href=\"/-/healthy\">/-/healthy</a>: the process lives</li>\n"
    "<li><a href=\"/-/ready\">/-/ready</a>: a first window has closed</li>\n"
    "</ul></body></html>\n";

}  // namespace

HttpRoutes metrics_pages(std::shared_ptr<const SnapshotCell> cell) {
  HttpRoutes pages;
  pages["/metrics"] = [collector = PrometheusCollector{cell}] {
    return HttpAnswer{.content_type = std::string{text_format_content_type},
                      .body = to_text_format(collector.Collect())};
  };
  pages["/-/healthy"] = [] { return HttpAnswer{.body = "healthy\n"}; };
  pages["/-/ready"] = [cell = std::move(cell)] { return ready(*cell->newest()); };
  pages["/"] = [] {
    return HttpAnswer{.content_type = "text/html; charset=utf-8",
                      .body = std::string{landing_page}};
  };
  return pages;
}

}  // namespace strait::exporters
