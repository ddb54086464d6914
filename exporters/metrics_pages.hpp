// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "exporters/http_server.hpp"
#include "exporters/snapshot.hpp"

namespace strait::exporters {

// The pages of the exporter:
//   /metrics    the newest snapshot in the text exposition format
//   /-/healthy  200 while the process lives
//   /-/ready    200 once the first window has closed, until then 503 with the reason
//   /           links to the above
[[nodiscard]] HttpRoutes metrics_pages(std::shared_ptr<const SnapshotCell> cell);

}  // namespace strait::exporters
