// The command line's table: every verb, flag and word of help in one place, and the only reading of
// flags and environment.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/sync_client.h"

namespace syncline::client {

enum class FlagKind { kText, kSwitch, kDuration, kCount, kChoice };

struct Flag {
  std::string name;  // without dashes, with underscores; dashes are accepted for them
  FlagKind kind;
  std::string value_name;     // as help shows it; empty for kSwitch, and for kChoice
  std::string default_value;  // empty: none
  std::string help;
  std::vector<std::string> choices = {};  // for kChoice
  std::string environment = "";           // the variable that stands in for the flag
  bool required = false;
};

// One verb's arguments after parsing: every value has been checked against its kind.
class CommandLine {
 public:
  // The value given, or of the environment, or the default; empty when there is none of them.
  std::string Text(absl::string_view flag) const;
  bool Switch(absl::string_view flag) const { return Text(flag) == "true"; }
  absl::Duration Duration(absl::string_view flag) const;
  int64_t Count(absl::string_view flag) const;
  // Comma separated.
  std::vector<std::string> List(absl::string_view flag) const;
  bool Json() const { return Text("output") == "json"; }
  // What the connection flags say.
  ConnectionOptions Connection() const;

  const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  friend class CommandLineParser;
  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> arguments_;
};

struct Verb {
  std::string name;
  std::vector<std::string> arguments;  // names of the positional arguments, all required
  std::string summary;                 // one line
  std::string details;                 // for the verb's own help
  std::vector<Flag> flags;
  int (*run)(const CommandLine&);
};

// All verbs, in the order of help.
const std::vector<Verb>& Verbs();

// What to do: run `verb`, or print and leave.
struct Invocation {
  const Verb* verb = nullptr;  // null: print and leave
  CommandLine command_line;
  int exit_code = 0;
  std::string to_stdout;  // help that was asked for
  std::string to_stderr;  // what is wrong with the usage
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// `arguments` without the program's name.
Invocation ParseCommandLine(const std::vector<std::string>& arguments,
                            const Environment& environment);

// The process's environment.
std::optional<std::string> ProcessEnvironment(const std::string& name);

// The texts of help. cmake/cli_tables.py reads them: each verb and each flag is one line, and two
// spaces separate its name and value from its description.
std::string ProgramHelp();
std::string VerbHelp(const Verb& verb);

}  // namespace syncline::client
