// Assertions of the fuzz targets.
//
// A property that does not hold aborts the process, which libFuzzer and the test of the seeds
// report as a failure.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace syncline::fuzz {

// `what` names the property. `about` are the values that violate it.
template <typename... Values>
void Expect(bool holds, const char* what, const Values&... about) {
  if (holds) return;
  const std::string values = absl::StrCat(about...);
  std::fprintf(stderr, "property broken: %s\n  %s\n", what, absl::CHexEscape(values).c_str());
  std::abort();
}

}  // namespace syncline::fuzz
