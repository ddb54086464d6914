// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/flow_key.hpp"

#include "probe/random.hpp"

namespace strait::probe::passive {

Endpoint FlowKey::end(unsigned side) const {
  const auto& octets = addresses.at(side);
  Endpoint end{.address = {}, .port = ports.at(side)};
  if (family == 4) {
    boost::asio::ip::address_v4::bytes_type bytes{};
    std::memcpy(bytes.data(), octets.data(), bytes.size());
    end.address = boost::asio::ip::address_v4{bytes};
  } else {
    boost::asio::ip::address_v6::bytes_type bytes{};
    std::memcpy(bytes.data(), octets.data(), bytes.size());
    end.address = boost::asio::ip::address_v6{bytes};
  }
  return end;
}

FlowHash FlowHash::random() {
  std::array<std::uint64_t, 6> key{};
  for (std::uint64_t& word : key) word = entropy_word();
  return FlowHash{key};
}

}  // namespace strait::probe::passive
