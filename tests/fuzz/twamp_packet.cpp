// SPDX-License-Identifier: Apache-2.0
// Any test packet to a TWAMP session's reflector, in both forms of padding: into a buffer and in
// place must agree, no reply but the shortest is longer than its request, and nothing of the
// request beyond its padding comes back but what RFC 5357 copies.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "probe/twamp/test_packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strait;
  using namespace strait::probe;
  const auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto request = std::as_bytes(std::span{bytes, size});
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = Nanos{100'000}}};
  const WallTime t2{std::chrono::seconds{1'795'000'000}};
  const ReflectStamps stamps{t2, t2 + Nanos{12'000}, static_cast<std::uint8_t>(size)};
  const std::size_t longest = std::max(size, twamp::test_reply_size);
  for (const bool symmetrical : {false, true}) {
    const twamp::ReplyForm form{.sequence = 0x01020304, .symmetrical = symmetrical};
    std::vector<std::byte> reply(longest);
    const Reflection apart = twamp::reflect_test(reflector, request, stamps, form, reply);
    std::vector<std::byte> place(request.begin(), request.end());
    place.resize(longest);
    const Reflection in_place =
        twamp::reflect_test(reflector, std::span{place}.first(size), stamps, form, place);
    check(apart.refusal == in_place.refusal && apart.size == in_place.size);
    if (apart.refusal != Refusal::none) {
      check(apart.size == 0);
      continue;
    }
    check(apart.size == longest && reply == place);
    const auto read = read_stamp_reply(reply, shortest_twamp_reply);
    check(read && read->sequence == form.sequence && read->ssid == 0);
    check(std::ranges::equal(std::span{reply}.subspan(24, 4), request.first(4)));
    check(std::ranges::equal(std::span{reply}.subspan(28, 10), request.subspan(4, 10)));
  }
  return 0;
}
