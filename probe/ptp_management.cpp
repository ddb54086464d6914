// SPDX-License-Identifier: Apache-2.0
#include "probe/ptp_management.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "probe/octets.hpp"

namespace strait::probe {
namespace {

constexpr std::byte management{0x0d};  // messageType, section 13.3.2.2
constexpr std::byte type_bits{0x0f};
constexpr std::byte version{2};
constexpr std::byte response{2};  // actionField, table 38
constexpr std::uint16_t management_tlv = 0x0001;
constexpr std::uint16_t error_tlv = 0x0002;
constexpr std::size_t current_size = 72;  // of a response
constexpr std::size_t parent_size = 86;

// Table 5: synchronised to a primary reference, and without it for no longer than it can do.
constexpr std::uint8_t locked_class = 6;
constexpr std::uint8_t holdover_class = 7;

// A TimeInterval counts 2^-16 ns (section 5.3.2).
Nanos time_interval(std::uint64_t bits) { return Nanos{static_cast<std::int64_t>(bits) >> 16U}; }

}  // namespace

Nanos PtpStatus::max_error() const {
  // Both are 48 bits: no overflow.
  return std::chrono::abs(offset_from_master) + std::chrono::abs(mean_path_delay);
}

std::optional<Nanos> PtpGrandmaster::max_error() const {
  // Table 6, from 0x20 to 0x30: in ns.
  constexpr std::array<std::int64_t, 17> accuracies{
      25,         100,         250,         1'000,         2'500,         10'000,
      25'000,     100'000,     250'000,     1'000'000,     2'500'000,     10'000'000,
      25'000'000, 100'000'000, 250'000'000, 1'000'000'000, 10'000'000'000};
  if (clock_class != locked_class && clock_class != holdover_class) return std::nullopt;
  if (accuracy < 0x20 || accuracy > 0x30) return std::nullopt;
  return Nanos{accuracies.at(accuracy - 0x20U)};
}

std::array<std::byte, ptp_get_size> ptp_get(PtpDataSet data_set, std::uint8_t domain,
                                            std::uint16_t sequence) {
  std::array<std::byte, ptp_get_size> message{};
  const std::span<std::byte> octets{message};
  message[0] = management;
  message[1] = version;
  store<std::uint16_t>(octets, 2, ptp_get_size);
  message[4] = std::byte{domain};
  store<std::uint16_t>(octets, 30, sequence);
  message[32] = std::byte{4};                              // controlField
  message[33] = std::byte{0x7f};                           // logMessageInterval
  std::fill_n(message.begin() + 34, 10, std::byte{0xff});  // all ports (section 15.4.1.1)
  store<std::uint16_t>(octets, 48, management_tlv);
  store<std::uint16_t>(octets, 50, 2);  // no data (section 15.5.2)
  store(octets, 52, static_cast<std::uint16_t>(data_set));
  return message;
}

namespace {

// Nothing when `message` is the response about that data set.
Result<void> check_response(std::span<const std::byte> message, PtpDataSet data_set,
                            std::uint8_t domain, std::uint16_t sequence) {
  const auto refuse = [](std::string_view why) {
    return fail(Errc::bad_input, fmt::format("PTP management message: {}", why));
  };
  if (message.size() < ptp_get_size) {
    return refuse(fmt::format("{} octets: want at least {}", message.size(), ptp_get_size));
  }
  if ((message[0] & type_bits) != management) return refuse("no management message");
  if ((message[1] & type_bits) != version) return refuse("not of PTP version 2");
  if (message[4] != std::byte{domain}) return refuse("of another domain");
  if (load<std::uint16_t>(message, 30) != sequence) return refuse("answers another request");
  if ((message[46] & type_bits) != response) return refuse("no response");
  const auto type = load<std::uint16_t>(message, 48);
  if (type == error_tlv) {
    return refuse(fmt::format("error {:#06x}", load<std::uint16_t>(message, 52)));  // table 72
  }
  const bool parent = data_set == PtpDataSet::parent;
  const std::string_view name = parent ? "PARENT_DATA_SET" : "CURRENT_DATA_SET";
  const bool wanted = load<std::uint16_t>(message, 52) == static_cast<std::uint16_t>(data_set);
  if (type != management_tlv || !wanted) return refuse(fmt::format("no {}", name));
  const std::size_t size = parent ? parent_size : current_size;
  if (message.size() < size || load<std::uint16_t>(message, 50) < size - 52) {
    return refuse(fmt::format("{} is cut short", name));
  }
  return {};
}

}  // namespace

Result<PtpStatus> parse_ptp_current_data_set(std::span<const std::byte> message,
                                             std::uint8_t domain, std::uint16_t sequence) {
  auto good = check_response(message, PtpDataSet::current, domain, sequence);
  if (!good) return fail(std::move(good));
  return PtpStatus{.steps_removed = load<std::uint16_t>(message, 54),
                   .offset_from_master = time_interval(load<std::uint64_t>(message, 56)),
                   .mean_path_delay = time_interval(load<std::uint64_t>(message, 64))};
}

Result<PtpGrandmaster> parse_ptp_parent_data_set(std::span<const std::byte> message,
                                                 std::uint8_t domain, std::uint16_t sequence) {
  auto good = check_response(message, PtpDataSet::parent, domain, sequence);
  if (!good) return fail(std::move(good));
  return PtpGrandmaster{.clock_class = load<std::uint8_t>(message, 73),
                        .accuracy = load<std::uint8_t>(message, 74)};
}

}  // namespace strait::probe
