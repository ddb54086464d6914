// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "exporters/metric_table.hpp"

namespace strait::exporters {
namespace {

using analyzer::Evidence;
using analyzer::GreatCircle;
using analyzer::OneWayDelays;
using prometheus::MetricType;
using Samples = MetricSpec::Samples;

double in_metres(double km) { return km * 1000; }

Labels labels_of(const Evidence& evidence) {
  return {{"class", evidence.traffic_class}, {"path", evidence.path}};
}

Labels labels_of(const Evidence& evidence, const std::string& target) {
  Labels labels = labels_of(evidence);
  labels.push_back({"target", target});
  return labels;
}

void stretch(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    if (evidence.stretch) samples.push_back(gauge(labels_of(evidence), *evidence.stretch));
  }
}

void detour(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    if (!evidence.detour_km) continue;
    samples.push_back(gauge(labels_of(evidence), in_metres(*evidence.detour_km)));
  }
}

template <class Value>
void add_circles(const Snapshot& snapshot, Samples& samples, Value value) {
  for (const Evidence& evidence : snapshot.evidence) {
    if (!evidence.great_circle) continue;
    const GreatCircle& circle = *evidence.great_circle;
    samples.push_back(gauge(labels_of(evidence, circle.target), value(circle)));
  }
}

void circle_stretch(const Snapshot& snapshot, Samples& samples) {
  add_circles(snapshot, samples, [](const GreatCircle& circle) { return circle.stretch; });
}

void circle_detour(const Snapshot& snapshot, Samples& samples) {
  add_circles(snapshot, samples,
              [](const GreatCircle& circle) { return in_metres(circle.detour_km); });
}

template <Nanos (OneWayDelays::*value)() const>
void one_way(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    for (const OneWayDelays& delays : evidence.one_way) {
      Labels labels = labels_of(evidence, delays.target);
      labels.push_back({"protocol", std::string{to_string(delays.protocol)}});
      labels.push_back({"dscp", std::to_string(delays.dscp)});
      samples.push_back(gauge(std::move(labels), in_seconds((delays.*value)())));
    }
  }
}

constexpr std::array table{
    MetricSpec{"strait_stretch_ratio", MetricType::Gauge,
               "Least round trip over the floor of the path's fibre, of the target that comes "
               "nearest to it.",
               stretch},
    MetricSpec{"strait_detour_meters", MetricType::Gauge,
               "Fibre, one way, that would make the difference between the two: at most so long "
               "a way round.",
               detour},
    MetricSpec{"strait_great_circle_stretch_ratio", MetricType::Gauge,
               "Least round trip over that of fibre along the great circle from the site to the "
               "target.",
               circle_stretch},
    MetricSpec{"strait_great_circle_detour_meters", MetricType::Gauge,
               "Fibre, one way, that would make the difference between the two.", circle_detour},
    MetricSpec{"strait_one_way_asymmetry_seconds", MetricType::Gauge,
               "Median one-way delay to the target less that back.",
               one_way<&OneWayDelays::asymmetry>},
    MetricSpec{"strait_one_way_asymmetry_error_seconds", MetricType::Gauge,
               "What strait_one_way_asymmetry_seconds may be off by: twice the clocks' error.",
               one_way<&OneWayDelays::asymmetry_error>},
};

}  // namespace

std::span<const MetricSpec> distance_metrics() { return table; }

}  // namespace strait::exporters
