// Programs that the benchmark runs to completion and times: command line, psql, generator.
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
  std::string stdin_file = {};   // empty: no input
  std::string stdout_file = {};  // empty: returned in ProgramEnd::output
  int stdin_fd = -1;             // used instead of a file; owned by the caller
  int stdout_fd = -1;
};

struct ProgramEnd {
  double seconds = 0;       // from just before its start to its end
  double cpu_seconds = 0;   // of the program itself
  std::string output = {};  // stdout if no file or descriptor was given
};

// A running program. For use by one thread at a time. The destructor kills it.
class Program {
 public:
  // Files in `directory` receive the output while the program runs.
  static absl::StatusOr<std::unique_ptr<Program>> Start(const ProgramOptions& options,
                                                        const std::string& directory);
  ~Program();

  // Waits until the program ends. Returns INTERNAL with the end of its stderr if it failed.
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

}  // namespace syncline::bench
