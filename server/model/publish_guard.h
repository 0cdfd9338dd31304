// Judging a publish guard: figures of what a stream would publish against the conditions that its
// guard sets. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/model/stream.h"
#include "server/model/table_schema.h"

namespace syncline {

// What a stream would publish. Only what the guard asks for need be counted.
struct PublishFigures {
  int64_t rows_now = 0;                          // of the table
  int64_t rows_after = 0;                        // of the table, once the stream is published
  int64_t staged_rows = 0;                       // that would come into it
  std::map<std::string, int64_t> not_null = {};  // of these, by property
  int64_t repeated_rows = 0;                     // of these, beyond the first of each key
  int64_t rejected = 0;
  int64_t nulled = 0;
};

// One condition of a guard, judged.
struct GuardResult {
  std::string name;  // the field of PublishGuard; not_null.<property>
  double limit = 0;
  double actual = 0;
  bool passed = false;
};

// Each condition that `guard` sets, in the order of its fields. A share of no rows is 1.
std::vector<GuardResult> JudgeGuard(const PublishGuard& guard, const PublishFigures& figures);

// Field and description of everything in `guard` that cannot be checked for a stream of `schema`.
// `has_key`: a primary key is configured. An append takes
// max_rejected and max_nulled only.
std::vector<std::pair<std::string, std::string>> FindGuardFaults(const PublishGuard& guard,
                                                                 const TableSchema& schema,
                                                                 bool has_key, bool appends);

// True when a condition needs the rows that are staged or stored to be counted.
bool NeedsCounting(const PublishGuard& guard);

}  // namespace syncline
