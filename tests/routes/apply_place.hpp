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

namespace strait::testing {

// A directory with an include file, and the target that points at it and has little patience.
struct ApplyPlace {
  explicit ApplyPlace(std::string_view before) {
    std::string name = (std::filesystem::temp_directory_path() / "strait-apply-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    target.include_file = folder + "/strait.conf";
    target.control_socket = folder + "/bird.ctl";
    target.journal_file = folder + "/journal";
    target.read_back_within = std::chrono::milliseconds{200};
    target.reply_timeout = std::chrono::seconds{2};
    REQUIRE(replace_file(target.include_file, before));
  }
  ApplyPlace(const ApplyPlace&) = delete;
  ApplyPlace& operator=(const ApplyPlace&) = delete;
  ~ApplyPlace() { std::filesystem::remove_all(folder); }

  [[nodiscard]] std::string content() const { return read_file(target.include_file).value_or(""); }

  std::string folder;
  routes::BirdTarget target;
};

}  // namespace strait::testing
