// What `syncline load` finds out about its inputs before it calls the server: their formats and the
// schema of their records. For use by one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/input_options.h"
#include "client/load_input.h"
#include "client/load_options.h"
#include "client/schema_inference.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

class LoadPreparation {
 public:
  // Opens and examines the inputs that `command_line` names. Prints one line about each on stderr.
  // Errors: those of FindInputFiles, LoadInput and MakeLoadRequest, and a replace whose input is
  // truncated or has no records. Usage errors are marked (usage_error.h).
  static absl::StatusOr<std::unique_ptr<LoadPreparation>> Make(const CommandLine& command_line);

  // Returns whether there is no record to load.
  bool empty() const { return empty_; }
  // Returns the request with schema and digest.
  const v1::StartSyncRequest& request() const { return request_; }
  // Returns the inputs as sources of a LoadSession, which this object must outlive.
  std::vector<LoadSource> MakeSources(const CommandLine& command_line) const;

  // Returns the inferred columns with the types that --types declares.
  std::vector<v1::Column> Columns() const;
  const std::vector<std::unique_ptr<LoadInput>>& inputs() const { return inputs_; }

 private:
  absl::Status Open(const CommandLine& command_line);
  absl::Status Survey(const CommandLine& command_line);
  absl::Status CheckSurvey(const LoadInput& input, const InputSurvey& survey,
                           bool has_schema) const;
  absl::Status CheckReplace(const CommandLine& command_line);
  absl::Status SetSchema(const CommandLine& command_line);
  absl::Status CheckColumns(const CommandLine& command_line) const;
  absl::Status SetDigest();
  std::string WriterId(size_t index) const;
  void Describe(const LoadInput& input, const InputSurvey& survey, bool has_schema) const;
  std::string TypeOf(const std::string& column, InferredType inferred) const;

  InputOptions options_;
  std::vector<std::unique_ptr<LoadInput>> inputs_;
  v1::StartSyncRequest request_;
  SchemaInference inference_;  // of all inputs
  bool whole_ = true;          // all of every input was examined
  int64_t records_ = 0;        // examined
  std::string cut_;            // the input that ends inside a record, or empty
  bool empty_ = false;
};

}  // namespace syncline::client
