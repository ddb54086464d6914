// SPDX-License-Identifier: Apache-2.0
// The text exposition format 0.0.4 (prometheus/docs, instrumenting/exposition_formats.md).
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "exporters/prometheus.hpp"

namespace strait::exporters {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

template <class Number>
void append_digits(std::string& out, Number value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc{}) out.append(digits.data(), end);
}

void append_value(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    append_digits(out, value);
  }
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Untyped:
      break;
  }
  return "untyped";
}

// Writes the samples of one metric. The label text is built once, however many samples share it.
class SampleWriter {
 public:
  SampleWriter(std::string& out, const MetricFamily& family) : out_{out}, family_{family} {}

  void write(const ClientMetric& metric) {
    labels_.clear();
    for (const ClientMetric::Label& label : metric.label) {
      if (!labels_.empty()) labels_ += ',';
      labels_ += label.name;
      labels_ += "=\"";
      append_escaped(labels_, label.value, true);
      labels_ += '"';
    }
    write_samples(metric);
  }

 private:
  void write_samples(const ClientMetric& metric) {
    switch (family_.type) {
      case MetricType::Counter:
        write_number(metric.counter.value);
        break;
      case MetricType::Gauge:
        write_number(metric.gauge.value);
        break;
      case MetricType::Untyped:
        write_number(metric.untyped.value);
        break;
      case MetricType::Summary:
        write_summary(metric.summary);
        break;
      case MetricType::Histogram:
        write_histogram(metric.histogram);
        break;
    }
  }

  void begin(std::string_view suffix) {
    out_ += family_.name;
    out_ += suffix;
    if (!labels_.empty()) {
      out_ += '{';
      out_ += labels_;
      out_ += '}';
    }
    out_ += ' ';
  }

  void begin(std::string_view suffix, std::string_view label, double value) {
    out_ += family_.name;
    out_ += suffix;
    out_ += '{';
    out_ += labels_;
    if (!labels_.empty()) out_ += ',';
    out_ += label;
    out_ += "=\"";
    append_value(out_, value);
    out_ += "\"} ";
  }

  void write_number(double value) {
    begin("");
    append_value(out_, value);
    out_ += '\n';
  }

  void write_count(std::uint64_t count) {
    append_digits(out_, count);
    out_ += '\n';
  }

  void write_totals(std::uint64_t count, double sum) {
    begin("_sum");
    append_value(out_, sum);
    out_ += '\n';
    begin("_count");
    write_count(count);
  }

  void write_summary(const ClientMetric::Summary& summary) {
    for (const ClientMetric::Quantile& quantile : summary.quantile) {
      begin("", "quantile", quantile.quantile);
      append_value(out_, quantile.value);
      out_ += '\n';
    }
    write_totals(summary.sample_count, summary.sample_sum);
  }

  void write_histogram(const ClientMetric::Histogram& histogram) {
    for (const ClientMetric::Bucket& bucket : histogram.bucket) {
      begin("_bucket", "le", bucket.upper_bound);
      write_count(bucket.cumulative_count);
    }
    if (histogram.bucket.empty() || !std::isinf(histogram.bucket.back().upper_bound)) {
      begin("_bucket", "le", HUGE_VAL);
      write_count(histogram.sample_count);
    }
    write_totals(histogram.sample_count, histogram.sample_sum);
  }

  std::string& out_;
  const MetricFamily& family_;
  std::string labels_;
};

void append_header(std::string& out, const MetricFamily& family) {
  if (!family.help.empty()) {
    out += "# HELP ";
    out += family.name;
    out += ' ';
    append_escaped(out, family.help, false);
    out += '\n';
  }
  out += "# TYPE ";
  out += family.name;
  out += ' ';
  out += type_name(family.type);
  out += '\n';
}

}  // namespace

std::string to_text_format(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const MetricFamily& family : families) {
    append_header(out, family);
    SampleWriter writer{out, family};
    for (const ClientMetric& metric : family.metric) writer.write(metric);
  }
  return out;
}

}  // namespace strait::exporters
