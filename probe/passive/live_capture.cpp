// SPDX-License-Identifier: Apache-2.0
// The only file that sees libpcap.
#include "probe/passive/live_capture.hpp"

#include <pcap/pcap.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace strait::probe::passive {
namespace {

constexpr std::size_t batch = 256;
constexpr int kernel_buffer = 16 << 20;  // octets
constexpr int wake_up = 20;              // ms: how long the kernel gathers packets

struct Close {
  void operator()(pcap_t* handle) const { ::pcap_close(handle); }
};
using Handle = std::unique_ptr<pcap_t, Close>;

Errc kind_of(int status) {
  switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return Errc::no_permission;
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return Errc::not_found;
    default:
      return Errc::io;
  }
}

Result<void> apply_filter(pcap_t* handle, const std::string& interface, const std::string& filter) {
  if (filter.empty()) return {};
  bpf_program program{};
  if (::pcap_compile(handle, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return fail(Errc::bad_input, "filter '" + filter + "': " + ::pcap_geterr(handle));
  }
  const int status = ::pcap_setfilter(handle, &program);
  ::pcap_freecode(&program);
  if (status == 0) return {};
  return fail(Errc::io, "capture on " + interface + ": filter: " + ::pcap_geterr(handle));
}

Result<Handle> activated(const std::string& interface, const LiveOptions& options) {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  Handle handle{::pcap_create(interface.c_str(), why.data())};
  if (!handle) return fail(Errc::io, "capture on " + interface + ": " + why.data());
  ::pcap_set_snaplen(handle.get(), static_cast<int>(options.snapshot));
  ::pcap_set_promisc(handle.get(), options.promiscuous ? 1 : 0);
  ::pcap_set_timeout(handle.get(), wake_up);
  ::pcap_set_buffer_size(handle.get(), kernel_buffer);
  // Where nanoseconds cannot be had, microseconds come; pcap_get_tstamp_precision() tells.
  ::pcap_set_tstamp_precision(handle.get(), PCAP_TSTAMP_PRECISION_NANO);
  const int status = ::pcap_activate(handle.get());
  if (status >= 0) return handle;
  std::string reason = ::pcap_statustostr(status);
  const std::string detail = ::pcap_geterr(handle.get());
  if (!detail.empty() && detail != reason) {
    reason += " (" + detail + ")";
  }
  return fail(kind_of(status), "capture on " + interface + ": " + reason);
}

}  // namespace

struct LiveCapture::Device {
  Handle handle;
  std::string interface;
  std::uint32_t number = 0;
  LinkType link = LinkType::ethernet;
  std::int64_t unit = 1;  // ns, of a fraction
  std::uint32_t snapshot = 0;
  std::uint64_t packets = 0;
  std::vector<std::byte> octets;
  std::vector<CapturedPacket> read;

  // The kernel's memory is its own again once libpcap's call has returned.
  void take(const pcap_pkthdr& header, const std::byte* data) {
    const std::size_t size = std::min<std::size_t>(header.caplen, snapshot);
    std::byte* const place = octets.data() + read.size() * snapshot;
    if (size > 0) std::memcpy(place, data, size);
    const Nanos time =
        std::chrono::seconds{header.ts.tv_sec} + Nanos{std::int64_t{header.ts.tv_usec} * unit};
    read.push_back({.time = WallTime{std::max(time, Nanos{0})},
                    .data = {place, size},
                    .length = std::max(header.len, static_cast<bpf_u_int32>(size)),
                    .interface = number,
                    .link = link,
                    .other_order = false});
  }
};

Result<LiveCapture> LiveCapture::open(const std::string& interface, std::uint32_t number,
                                      const LiveOptions& options) {
  auto handle = activated(interface, options);
  if (!handle) return fail(std::move(handle));
  if (auto filtered = apply_filter(handle->get(), interface, options.filter); !filtered) {
    return fail(std::move(filtered));
  }
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  if (::pcap_setnonblock(handle->get(), 1, why.data()) != 0) {
    return fail(Errc::io, "capture on " + interface + ": " + why.data());
  }
  auto device = std::make_unique<Device>();
  device->link = LinkType{static_cast<std::uint16_t>(::pcap_datalink(handle->get()))};
  const bool nanos = ::pcap_get_tstamp_precision(handle->get()) == PCAP_TSTAMP_PRECISION_NANO;
  device->unit = nanos ? 1 : 1000;
  device->handle = std::move(*handle);
  device->interface = interface;
  device->number = number;
  device->snapshot = options.snapshot;
  device->octets.resize(batch * options.snapshot);
  device->read.reserve(batch);
  return LiveCapture{std::move(device)};
}

LiveCapture::LiveCapture(std::unique_ptr<Device> device) : device_{std::move(device)} {}
LiveCapture::LiveCapture(LiveCapture&& other) noexcept = default;
LiveCapture& LiveCapture::operator=(LiveCapture&& other) noexcept = default;
LiveCapture::~LiveCapture() = default;

Result<std::span<const CapturedPacket>> LiveCapture::read() {
  device_->read.clear();
  // NOLINTNEXTLINE(readability-non-const-parameter): libpcap's type
  const auto take = [](u_char* user, const pcap_pkthdr* header, const u_char* data) {
    reinterpret_cast<Device*>(user)->take(*header, reinterpret_cast<const std::byte*>(data));
  };
  const int count = ::pcap_dispatch(device_->handle.get(), static_cast<int>(batch), take,
                                    reinterpret_cast<u_char*>(device_.get()));
  if (count < 0) {
    return fail(Errc::io,
                "capture on " + device_->interface + ": " + ::pcap_geterr(device_->handle.get()));
  }
  device_->packets += device_->read.size();
  return std::span<const CapturedPacket>{device_->read};
}

int LiveCapture::descriptor() const { return ::pcap_get_selectable_fd(device_->handle.get()); }

const std::string& LiveCapture::interface() const { return device_->interface; }

LiveTally LiveCapture::tally() const {
  LiveTally tally{.packets = device_->packets, .dropped = 0};
  pcap_stat counted{};
  if (::pcap_stats(device_->handle.get(), &counted) == 0) {
    tally.dropped = std::uint64_t{counted.ps_drop} + counted.ps_ifdrop;
  }
  return tally;
}

void wait_for_any(std::span<const LiveCapture> captures, std::chrono::milliseconds longest) {
  std::vector<pollfd> descriptors;
  for (const LiveCapture& capture : captures) {
    descriptors.push_back({.fd = capture.descriptor(), .events = POLLIN, .revents = 0});
  }
  static_cast<void>(
      ::poll(descriptors.data(), descriptors.size(), static_cast<int>(longest.count())));
}

}  // namespace strait::probe::passive
