// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/file.hpp"
#include "routes/apply/apply.hpp"
#include "tests/temporary_folder.hpp"

namespace strait::testing {

// A directory with an include file, and the target that points at it and has little patience.
struct ApplyPlace {
  explicit ApplyPlace(std::string_view before) {
    target.include_file = folder + "/strait.conf";
    target.control_socket = folder + "/bird.ctl";
    target.journal_file = folder + "/journal";
    target.read_back_within = std::chrono::milliseconds{200};
    target.reply_timeout = std::chrono::seconds{2};
    REQUIRE(replace_file(target.include_file, before));
  }

  [[nodiscard]] std::string content() const { return read_file(target.include_file).value_or(""); }

  TemporaryFolder temporary;
  std::string folder = temporary.path();
  routes::RouterTarget target;
};

}  // namespace strait::testing
