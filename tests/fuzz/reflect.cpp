// SPDX-License-Identifier: Apache-2.0
// Any request to the session-reflector: into a buffer and in place must agree, in size and octets.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "probe/reflect.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strait;
  using namespace strait::probe;
  const auto request = std::as_bytes(std::span{bytes, size});
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = Nanos{100'000}}};
  const WallTime t2{std::chrono::seconds{1'795'000'000}};
  const ReflectStamps stamps{t2, t2 + Nanos{12'000}, static_cast<std::uint8_t>(size)};

  std::vector<std::byte> reply(reflected_size(size));
  const Reflection apart = reflector.reflect(request, stamps, reply);
  std::vector<std::byte> place(request.begin(), request.end());
  place.resize(reflected_size(size));
  const Reflection in_place = reflector.reflect(std::span{place}.first(size), stamps, place);
  if (apart.refusal != in_place.refusal || apart.size != in_place.size) std::abort();
  if (apart.refusal != Refusal::none) return apart.size == 0 ? 0 : (std::abort(), 0);
  if (apart.size != reply.size() || reply != place) std::abort();
  const auto read = read_stamp_reply(reply);
  if (!read || decode_error_estimate(read->error_estimate).corrupt()) std::abort();
  return 0;
}
