// The figures as charts (SVG): bars of ratios for the README, lines of series for the manual.
//
// Stateless.
#pragma once

#include <string>
#include <vector>

#include "bench/runner/figure.h"
#include "bench/runner/report.h"
#include "bench/runner/series.h"

namespace syncline::bench {

// Returns a bar per figure with a baseline. The baseline is a line at 1 and the target is a mark.
std::string DrawBars(const Facts& facts, const std::vector<Figure>& figures);

// Returns a row per series, with a panel per measure that is plotted.
std::string DrawPlots(const std::vector<Series>& series);

}  // namespace syncline::bench
