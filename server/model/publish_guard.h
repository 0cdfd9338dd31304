// Evaluates a publish guard: compares the figures of a stream's publication with the conditions of
// its guard. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/model/stream.h"
#include "server/model/table_schema.h"

namespace syncline {

// The figures of a stream's publication. Only those that the guard needs must be counted.
struct PublishFigures {
  int64_t rows_now = 0;                          // rows of the table
  int64_t rows_after = 0;                        // rows of the table after the publication
  int64_t staged_rows = 0;                       // rows that would be published
  std::map<std::string, int64_t> not_null = {};  // staged rows with a value, by property
  int64_t repeated_rows = 0;                     // staged rows beyond the first of each key
  int64_t rejected = 0;
  int64_t nulled = 0;
};

// The result of one condition of a guard.
struct GuardResult {
  std::string name;  // the field of PublishGuard; not_null.<property>
  double limit = 0;
  double actual = 0;
  bool passed = false;
};

// Returns the result of each condition that `guard` sets, in the order of its fields. A share of
// zero rows counts as 1.
std::vector<GuardResult> EvaluateGuard(const PublishGuard& guard, const PublishFigures& figures);

// Returns the field and a description of each condition in `guard` that is invalid for a stream of
// `schema`. `has_key` is true if a primary key is configured. An append allows only max_rejected
// and max_nulled.
std::vector<std::pair<std::string, std::string>> FindGuardFaults(const PublishGuard& guard,
                                                                 const TableSchema& schema,
                                                                 bool has_key, bool appends);

// Returns whether a condition requires staged or stored rows to be counted.
bool NeedsCounting(const PublishGuard& guard);

}  // namespace syncline
