// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "probe/socket/fd.hpp"

namespace strait::probe::test {

// Two network namespaces joined by two veth pairs, gone with the object:
//   near: va 192.0.2.1/24, 2001:db8:1::1/64   vb 198.51.100.1/24, 2001:db8:2::1/64
//   far:  va 192.0.2.2/24, 2001:db8:1::2/64   vb 198.51.100.2/24, 2001:db8:2::2/64
//         lo 203.0.113.1/32, which near reaches over va
// far forwards, and has an unreachable route to 203.0.113.9.
class NamespacePair {
 public:
  // Only root may make one: false after a warning, and the test returns.
  [[nodiscard]] static bool allowed();

  NamespacePair();
  NamespacePair(const NamespacePair&) = delete;
  NamespacePair& operator=(const NamespacePair&) = delete;
  NamespacePair(NamespacePair&&) = delete;
  NamespacePair& operator=(NamespacePair&&) = delete;
  ~NamespacePair();

  // Moves this thread; sockets made from now on belong there.
  void enter_near() const;
  void enter_far() const;
  // Runs a shell command inside.
  void in_near(const std::string& command) const;
  void in_far(const std::string& command) const;
  // The output of a shell command run in near.
  [[nodiscard]] std::string output_in_near(const std::string& command) const;

 private:
  void remove() const;

  std::string near_;
  std::string far_;
  kernel::Fd home_;
};

}  // namespace strait::probe::test
