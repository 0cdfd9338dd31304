// What a fuzz target asserts.
//
// A property that does not hold ends the process, which is what libFuzzer and the seeds' test take
// for a failure.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace syncline::fuzz {

// `what` says which property it is; `about` are the values that break it.
template <typename... Values>
void Expect(bool holds, const char* what, const Values&... about) {
  if (holds) return;
  const std::string values = absl::StrCat(about...);
  std::fprintf(stderr, "property broken: %s\n  %s\n", what, absl::CHexEscape(values).c_str());
  std::abort();
}

}  // namespace syncline::fuzz
