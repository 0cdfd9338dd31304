// Programs that the benchmark runs to their end and times: the command line, psql, the generator.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/child_process.h"

namespace syncline::bench {

struct ProgramOptions {
  std::vector<std::string> arguments;
  std::string stdin_file = {};   // empty: nothing to read
  std::string stdout_file = {};  // empty: into the answer
  int stdin_fd = -1;             // instead of a file; stays the caller's
  int stdout_fd = -1;
};

struct ProgramEnd {
  double seconds = 0;       // from before its start to its end
  double cpu_seconds = 0;   // its own
  std::string output = {};  // stdout, when no file or descriptor took it
};

// A program under way. One thread at a time; the destructor kills it.
class Program {
 public:
  // `directory` takes its output while it runs.
  static absl::StatusOr<std::unique_ptr<Program>> Start(const ProgramOptions& options,
                                                        const std::string& directory);
  ~Program();

  // Waits for its end. INTERNAL with its last words when it failed.
  absl::StatusOr<ProgramEnd> Wait();

 private:
  Program(std::string name, const std::string& directory);

  const std::string name_;
  const std::string stdout_file_;
  const std::string stderr_file_;
  absl::Time began_;
  std::unique_ptr<ChildProcess> child_;
};

absl::StatusOr<ProgramEnd> RunProgram(const ProgramOptions& options, const std::string& directory);

// The file's bytes; empty when it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace syncline::bench
