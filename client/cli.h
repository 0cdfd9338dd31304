// The table of verbs and flags with all help texts, and the parser of arguments and environment
// variables.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/sync_client.h"

namespace syncline::client {

enum class FlagKind { kText, kSwitch, kDuration, kCount, kChoice };

struct Flag {
  std::string name;  // without leading dashes; dashes are accepted for its underscores
  FlagKind kind;
  std::string value_name;     // shown in help; empty for kSwitch and kChoice
  std::string default_value;  // empty: none
  std::string help;
  std::vector<std::string> choices = {};  // for kChoice
  std::string environment = "";           // the variable that replaces an absent flag
  bool required = false;
};

// The parsed arguments of one verb. Every value has been checked against its flag's kind.
class CommandLine {
 public:
  // Returns the value from the command line, else from the environment, else the default, else an
  // empty string.
  std::string Text(absl::string_view flag) const;
  // Returns whether the command line itself gives the flag.
  bool Given(absl::string_view flag) const { return given_.count(flag) > 0; }
  bool Switch(absl::string_view flag) const { return Text(flag) == "true"; }
  absl::Duration Duration(absl::string_view flag) const;
  int64_t Count(absl::string_view flag) const;
  // Returns the elements of a comma-separated value.
  std::vector<std::string> List(absl::string_view flag) const;
  bool Json() const { return Text("output") == "json"; }
  // Returns the values of the connection flags.
  ConnectionOptions Connection() const;

  const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  friend class CommandLineParser;
  std::map<std::string, std::string, std::less<>> values_;
  std::set<std::string, std::less<>> given_;
  std::vector<std::string> arguments_;
};

struct Verb {
  std::string name;
  // Names of the positional arguments, all required. "..." after the last one: one or more.
  std::vector<std::string> arguments;
  std::string summary;  // one line
  std::string details;  // for the verb's own help
  std::vector<Flag> flags;
  int (*run)(const CommandLine&);
};

// Returns all verbs in the order in which help lists them.
const std::vector<Verb>& Verbs();

// What the program does: run `verb`, or print a text and exit.
struct Invocation {
  const Verb* verb = nullptr;  // null: print and exit
  CommandLine command_line;
  int exit_code = 0;
  std::string to_stdout;  // the requested help
  std::string to_stderr;  // the usage error
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Parses `arguments`, which do not include the program's name. Never fails: a usage error is an
// invocation without a verb.
Invocation ParseCommandLine(const std::vector<std::string>& arguments,
                            const Environment& environment);

// Returns the value of a variable of the process's environment, or nullopt if it is not set.
std::optional<std::string> ProcessEnvironment(const std::string& name);

// Return the help texts. cmake/cli_tables.py parses them: each verb and each flag is one line, and
// two spaces separate its name and value from its description.
std::string ProgramHelp();
std::string VerbHelp(const Verb& verb);

}  // namespace syncline::client
