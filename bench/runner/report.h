// The figures as tables for people, as JSON for programs, and as Markdown for the manual.
//
// Stateless.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/runner/figure.h"
#include "bench/runner/series.h"

namespace syncline::bench {

// The environment of the measurements, as names and values.
using Facts = std::vector<std::pair<std::string, std::string>>;

std::string TableOf(const std::vector<Figure>& figures);
std::string TableOf(const Series& series);

std::string FormatJson(const Facts& facts, const Findings& findings);

std::string FormatMarkdown(const Facts& facts);
std::string FormatMarkdown(const std::vector<Figure>& figures);
std::string FormatMarkdown(const Series& series);

}  // namespace syncline::bench
