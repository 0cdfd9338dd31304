#include "server/config/command_line.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/config/flags.h"

namespace syncline::config {
namespace {

// Returns whether `text` is a request rather than a setting, and notes it in `line`.
bool TakeRequest(absl::string_view text, CommandLine& line) {
  if (text == "--help" || text == "-h") return line.help = true;
  if (text == "--version") return line.version = true;
  if (text == "--print_config" || text == "--print-config") return line.print_config = true;
  return false;
}

// Sets a flag. `origin` is the source of the value, for the message.
void Set(absl::string_view name, absl::string_view value, absl::string_view origin,
         std::vector<std::string>& faults) {
  std::string error;
  if (!FindFlag(name)->ParseFrom(value, &error)) {
    faults.push_back(absl::StrCat(origin, ": ", absl::StrReplaceAll(error, {{"\n", " "}})));
  }
}

}  // namespace

CommandLine ReadFlags(const std::vector<std::string>& arguments, const Environment& environment) {
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const absl::string_view argument = arguments[i];
    if (TakeRequest(argument, line)) continue;
    if (!absl::StartsWith(argument, "--") || argument.size() == 2) {
      // The argument is not repeated, because it may be a connection string with a password.
      line.faults.push_back(
          absl::StrCat("argument ", i + 1, " is not a flag: every setting is --name=value"));
      continue;
    }
    std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(argument.substr(2), absl::MaxSplits('=', 1));
    const std::string name = absl::StrReplaceAll(parts.first, {{"-", "_"}});
    const bool known = FindFlag(name) != nullptr;
    const bool has_value = absl::StrContains(argument, '=');
    if (!known) {
      line.faults.push_back(absl::StrCat("unknown flag --", parts.first));
      // "--naem value": the value belongs to the unknown flag and is not a fault of its own.
      if (!has_value && i + 1 < arguments.size() && !absl::StartsWith(arguments[i + 1], "-")) ++i;
      continue;
    }
    if (!has_value && FindFlag(name)->IsOfType<bool>()) {
      parts.second = "true";
    } else if (!has_value) {
      if (i + 1 == arguments.size()) {
        line.faults.push_back(absl::StrCat("--", name, " needs a value"));
        continue;
      }
      parts.second = arguments[++i];
    }
    if (!line.given.insert(name).second) {
      line.faults.push_back(absl::StrCat("--", name, " is given twice"));
      continue;
    }
    Set(name, parts.second, absl::StrCat("--", name), line.faults);
  }
  for (const FlagInfo& flag : FlagTable()) {
    if (line.given.count(flag.name) > 0) continue;
    if (const std::optional<std::string> value = environment(flag.environment)) {
      Set(flag.name, *value, flag.environment, line.faults);
    }
  }
  return line;
}

}  // namespace syncline::config
