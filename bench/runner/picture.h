// The figures as pictures (SVG): bars of ratios for the README, lines of series for the manual.
//
// Stateless.
#pragma once

#include <string>
#include <vector>

#include "bench/runner/figure.h"
#include "bench/runner/report.h"
#include "bench/runner/series.h"

namespace syncline::bench {

// A bar for each figure that has a baseline, the baseline as a line at 1, the target as a mark.
std::string BarsOf(const Facts& facts, const std::vector<Figure>& figures);

// A row for each series, a panel for each measure of it that is plotted.
std::string PlotsOf(const std::vector<Series>& series);

}  // namespace syncline::bench
