// The configuration of the Singer target.
//
// Pure functions; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/airbyte/config.h"

namespace syncline::client {

enum class LoadMethod {
  kUpsert,      // the newest record of each key is a row; without a key, every record is one
  kAppendOnly,  // every record is a row
  kOverwrite,   // the records of the run replace the table
};

struct SingerConfig {
  DestinationConfig destination;  // where to load, and policies
  LoadMethod load_method = LoadMethod::kUpsert;
  bool add_record_metadata = false;  // adds the columns _sdc_*
  // ACTIVATE_VERSION removes the rows of older versions. Otherwise they are marked as deleted.
  bool hard_delete = false;
};

// Parses the configuration: the members of the Airbyte destination's, those of SingerConfig, and
// default_target_schema as another name of schema. Errors: INVALID_ARGUMENT, which names the wrong
// member.
absl::StatusOr<SingerConfig> ReadSingerConfig(absl::string_view json);

}  // namespace syncline::client
