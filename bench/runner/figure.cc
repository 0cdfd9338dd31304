#include "bench/runner/figure.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace syncline::bench {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

std::vector<double> ComputeRatios(const Figure& figure) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(figure.ours.size(), figure.baseline.size()); ++i) {
    // CPU time is measured in hundredths of a second, so it is 0 for a tiny load.
    if (figure.baseline[i] > 0) ratios.push_back(figure.ours[i] / figure.baseline[i]);
  }
  return ratios;
}

double ComputeResult(const Figure& figure) {
  return Median(figure.baseline.empty() ? figure.ours : ComputeRatios(figure));
}

std::optional<bool> HasPassed(const Figure& figure) {
  if (!figure.target.has_value()) return std::nullopt;
  if (!figure.baseline.empty() && ComputeRatios(figure).empty()) return std::nullopt;
  const double result = ComputeResult(figure);
  return figure.better == Better::kLower ? result <= *figure.target : result >= *figure.target;
}

}  // namespace syncline::bench
