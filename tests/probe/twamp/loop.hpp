// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>

namespace strait::probe::twamp::test {

// Runs the context until `done` says so, at most 10 s: whether it did.
inline bool run_until(boost::asio::io_context& context, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!done()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    context.restart();
    context.run_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace strait::probe::twamp::test
