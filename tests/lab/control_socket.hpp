// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "tests/lab/packet_socket.hpp"

namespace strait::lab {

// A UNIX stream socket on which each line is a question and gets its answer: whole lines, the last
// of which is "ok" or "error MESSAGE". The file is removed at the end.
class ControlSocket {
 public:
  using Answer = std::function<std::string(const std::string& line)>;

  [[nodiscard]] static Result<ControlSocket> open(const std::string& file);
  ControlSocket(ControlSocket&& other) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  [[nodiscard]] std::vector<int> fds() const;  // the first one listens
  void serve(int fd, const Answer& answer);    // one of fds() is readable

 private:
  struct Client {
    Descriptor fd;
    std::string unread;
  };
  ControlSocket(Descriptor listener, std::string file)
      : listener_{std::move(listener)}, file_{std::move(file)} {}
  void accept();

  Descriptor listener_;
  std::string file_;
  std::map<int, Client> clients_;
};

}  // namespace strait::lab
