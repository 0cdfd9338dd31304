// What a scenario found out: one line of the table, one bar of the picture.
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
  // Measured in turns with `ours`, one for each; empty for a figure that stands for itself.
  std::vector<double> baseline = {};
  // Of the ratio ours/baseline, or of ours when there is no baseline; none for information only.
  std::optional<double> target = std::nullopt;
  Better better = Better::kLower;
};

// 0 for none.
double Median(std::vector<double> values);
// The value that `share` (0..1) of them do not exceed; 0 for none.
double Quantile(std::vector<double> values, double share);

// ours/baseline, pair by pair; a baseline of 0 gives none.
std::vector<double> RatiosOf(const Figure& figure);

// What is compared with the target: the median of the ratios, or of ours.
double ResultOf(const Figure& figure);

// Nothing without a target, or without a ratio to compare with it.
std::optional<bool> PassedOf(const Figure& figure);

}  // namespace syncline::bench
