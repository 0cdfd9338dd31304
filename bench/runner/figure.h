// A result of a scenario: one line of the table and one bar of the chart.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace syncline::bench {

enum class Better { kLower, kHigher };

struct Figure {
  std::string id;    // "P1"; empty for a figure without a number
  std::string name;  // "append by syncline load / copy"
  std::string unit;  // of the samples: "s", "rows/s", "MiB"
  std::vector<double> ours;
  // Measured in alternation with `ours`, one value per value. Empty if there is no comparison.
  std::vector<double> baseline = {};
  // Target for the ratio ours/baseline, or for ours without a baseline. None for information only.
  std::optional<double> target = std::nullopt;
  Better better = Better::kLower;
};

// Returns 0 if `values` is empty.
double Median(std::vector<double> values);
// Returns the value that `share` (0..1) of `values` do not exceed, or 0 if `values` is empty.
double Quantile(std::vector<double> values, double share);

// Returns ours/baseline for each pair, without the pairs whose baseline is 0.
std::vector<double> ComputeRatios(const Figure& figure);

// Returns the value to compare with the target: the median of the ratios, or of ours.
double ComputeResult(const Figure& figure);

// Returns nullopt if there is no target or no ratio to compare with it.
std::optional<bool> HasPassed(const Figure& figure);

}  // namespace syncline::bench
