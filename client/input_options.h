// The flags of `syncline load` that state how its input is read. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/column_mapping.h"
#include "client/declared_type.h"
#include "client/sources/csv_columns.h"
#include "client/sources/format_sniffer.h"

namespace syncline::client {

struct InputOptions {
  FormatHints hints;  // `file` is not set
  std::string encoding;
  CsvOptions csv;  // the dialect is found in the input
  ColumnMapping mapping;
  std::map<std::string, DeclaredType> types;  // by the column's name in the table
  std::string csv_flag;  // a flag that was given and that only CSV has, such as --quote; or empty
  int64_t infer_bytes = 0;
  int64_t infer_records = 0;
  // The flags that change which records the input has, for its digest. Empty if there are none.
  std::string digest;
};

// Errors: usage errors.
absl::StatusOr<InputOptions> MakeInputOptions(const CommandLine& command_line);

}  // namespace syncline::client
