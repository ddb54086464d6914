// SPDX-License-Identifier: Apache-2.0
// What a STAMP packet costs: a reply (plain, with state, with TLVs, authenticated), a probe of
// authenticated mode at its sender, and one HMAC.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "probe/reflect.hpp"
#include "probe/stamp_auth.hpp"
#include "probe/stamp_extension.hpp"

namespace {

using namespace strait;
using namespace strait::probe;

enum Bits : unsigned { with_state = 1, with_tlvs = 2, with_key = 4 };

void reflect(benchmark::State& state) {
  const auto bits = static_cast<unsigned>(state.range(0));
  ReflectorMode mode;
  mode.stateful = (bits & with_state) != 0;
  if ((bits & with_key) != 0) {
    mode.key = HmacKey::make(std::vector<std::byte>(32, std::byte{7})).value();
  }
  TlvSet tlvs;
  if ((bits & with_tlvs) != 0) {
    for (std::size_t number = 0; number < tlv_words; ++number) include(tlvs, number);
  }
  const bool authenticated = mode.key.has_value();
  const std::size_t size = smallest_payload(tlvs, authenticated);
  const std::size_t base = base_packet_size(authenticated);
  std::vector<std::byte> request(size);
  const auto area = request_area(tlvs, authenticated, 46, size - base);
  std::ranges::copy(area.octets, request.begin() + static_cast<std::ptrdiff_t>(base));
  const StampRequest content{1, 2, 0x8001, 3};
  if (authenticated) {
    auto key = *mode.key;
    write_authenticated_request(content, request);
    (void)key.sign(std::span{request}.first(authenticated_part), {},
                   hmac_field(std::span{request}));
    (void)sign_area(std::span{request}.subspan(base), content.sequence, key);
  } else {
    write_stamp_request(content, request);
  }
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = Nanos{100'000}}, mode};
  RequestFacts facts;
  facts.source = {boost::asio::ip::address_v4{0xc0000201}, 40000};
  facts.destination = {boost::asio::ip::address_v4{0xc0000202}, 862};
  const WallTime t2{std::chrono::seconds{1'795'000'000}};
  std::vector<std::byte> reply(size);
  for (auto _ : state) {
    const Reflection reflection = reflector.reflect(request, {t2, t2, 64}, reply, facts);
    if (reflection.refusal != Refusal::none) state.SkipWithError("refused");
    benchmark::DoNotOptimize(reply.data());
    benchmark::ClobberMemory();
  }
}

HmacKey some_key() { return HmacKey::make(std::vector<std::byte>(32, std::byte{7})).value(); }

// One HMAC over what authenticated mode covers.
void hmac(benchmark::State& state) {
  auto key = some_key();
  const std::vector<std::byte> packet(authenticated_part, std::byte{1});
  std::array<std::byte, HmacKey::tag_size> tag{};
  for (auto _ : state) {
    if (!key.sign(packet, {}, tag)) state.SkipWithError("not signed");
    benchmark::DoNotOptimize(tag.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(hmac);

// The sender's part: a probe is written.
void write_probe(benchmark::State& state) {
  const bool authenticated = state.range(0) != 0;
  StampExtras extras;
  if (authenticated) extras.key = std::make_shared<const HmacKey>(some_key());
  std::vector<std::byte> packet(base_packet_size(authenticated));
  StampExtension extension{extras, 0, packet.size(), 0};
  std::uint32_t sequence = 0;
  for (auto _ : state) {
    const StampRequest request{sequence++, 2, 0x8001, 3};
    if (authenticated) {
      extension.write(request, packet);
    } else {
      write_stamp_request(request, packet);
    }
    benchmark::DoNotOptimize(packet.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_probe)->ArgName("authenticated")->Arg(0)->Arg(1);

BENCHMARK(reflect)->ArgName("bits")->Arg(0)->Arg(1)->Arg(2)->Arg(3)->Arg(4)->Arg(7);

}  // namespace
