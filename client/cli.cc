#include "client/cli.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/utf8.h"
#include "base/version.h"
#include "client/exit_code.h"
#include "client/name_hint.h"

namespace syncline::client {
namespace {

const Verb* FindVerb(absl::string_view name) {
  for (const Verb& verb : Verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

const Flag* FindFlag(const Verb& verb, absl::string_view name) {
  for (const Flag& flag : verb.flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

Invocation UsageError(absl::string_view message, absl::string_view verb) {
  Invocation invocation;
  invocation.exit_code = kExitUsage;
  invocation.to_stderr = absl::StrCat("syncline: ", message, "\nRun 'syncline ", verb,
                                      verb.empty() ? "" : " ", "--help' for usage.\n");
  return invocation;
}

// Returns what is wrong with `value`, or an empty string.
std::string CheckValue(const Flag& flag, const std::string& value) {
  absl::Duration duration;
  int64_t count = 0;
  switch (flag.kind) {
    case FlagKind::kText:
      return "";
    case FlagKind::kSwitch:
      return value == "true" || value == "false" ? "" : "takes no value";
    case FlagKind::kDuration:
      return absl::ParseDuration(value, &duration) && duration >= absl::ZeroDuration()
                 ? ""
                 : "must be a duration such as 30s or 5m";
    case FlagKind::kCount:
      return absl::SimpleAtoi(value, &count) && count >= 0 ? "" : "must be a non-negative integer";
    case FlagKind::kChoice:
      return std::count(flag.choices.begin(), flag.choices.end(), value) > 0
                 ? ""
                 : absl::StrCat("must be one of ", absl::StrJoin(flag.choices, ", "),
                                SuggestName(value, flag.choices));
  }
  return "";
}

std::string FlagLine(const Flag& flag) {
  const std::string value =
      flag.kind == FlagKind::kChoice ? absl::StrJoin(flag.choices, "|") : flag.value_name;
  const std::string left = absl::StrCat("  --", flag.name, value.empty() ? "" : " ", value);
  std::string right = flag.help;
  if (flag.required) absl::StrAppend(&right, " (required)");
  if (!flag.default_value.empty()) absl::StrAppend(&right, " (default ", flag.default_value, ")");
  if (!flag.environment.empty()) absl::StrAppend(&right, " [", flag.environment, "]");
  return absl::StrFormat("%-30s  %s\n", left, right);
}

}  // namespace

// Parses the arguments of one verb.
class CommandLineParser {
 public:
  CommandLineParser(const Verb& verb, const Environment& environment)
      : verb_(verb), environment_(environment) {}

  Invocation Parse(const std::vector<std::string>& arguments) {
    for (size_t i = 0; i < arguments.size() && error_.empty() && !help_; ++i) {
      const std::string& argument = arguments[i];
      if (only_arguments_ || argument == "-" || !absl::StartsWith(argument, "-")) {
        command_line_.arguments_.push_back(argument);
      } else if (argument == "--") {
        only_arguments_ = true;
      } else {
        TakeFlag(arguments, &i);
      }
    }
    Invocation invocation;
    if (help_) {
      invocation.to_stdout = VerbHelp(verb_);
      return invocation;
    }
    if (error_.empty()) CheckArguments();
    if (error_.empty()) FillIn();
    if (!error_.empty()) return UsageError(error_, verb_.name);
    invocation.verb = &verb_;
    invocation.command_line = std::move(command_line_);
    return invocation;
  }

 private:
  void TakeFlag(const std::vector<std::string>& arguments, size_t* i) {
    const std::string& argument = arguments[*i];
    const size_t equals = argument.find('=');
    const std::string given = argument.substr(0, equals);
    const std::string name =
        absl::StrReplaceAll(given.substr(given.find_first_not_of('-') == std::string::npos
                                             ? given.size()
                                             : given.find_first_not_of('-')),
                            {{"-", "_"}});
    if (name == "help" || given == "-h") {
      help_ = true;
      return;
    }
    const Flag* const flag = absl::StartsWith(given, "--") ? FindFlag(verb_, name) : nullptr;
    if (flag == nullptr) {
      std::vector<std::string> names;
      for (const Flag& known : verb_.flags) names.push_back(known.name);
      error_ = absl::StrCat("unknown flag ", given, SuggestName(name, names, "--"));
      return;
    }
    command_line_.given_.insert(flag->name);
    if (equals != std::string::npos) {
      Set(*flag, argument.substr(equals + 1));
    } else if (flag->kind == FlagKind::kSwitch) {
      Set(*flag, "true");
    } else if (*i + 1 < arguments.size()) {
      Set(*flag, arguments[++*i]);
    } else {
      error_ = absl::StrCat("--", flag->name, " needs a value");
    }
  }

  void Set(const Flag& flag, const std::string& value) {
    if (!IsUtf8(value)) {
      error_ = absl::StrCat("--", flag.name, " is not UTF-8");
      return;
    }
    if (const std::string fault = CheckValue(flag, value); !fault.empty()) {
      error_ = absl::StrCat("--", flag.name, " ", fault);
      return;
    }
    if (!command_line_.values_.emplace(flag.name, value).second) {
      error_ = absl::StrCat("--", flag.name, " is given twice");
    }
  }

  void CheckArguments() {
    const size_t wanted = verb_.arguments.size();
    const size_t given = command_line_.arguments_.size();
    const bool more = wanted > 0 && absl::EndsWith(verb_.arguments.back(), "...");
    if (given < wanted) {
      error_ =
          absl::StrCat(verb_.name, " needs ", absl::StripSuffix(verb_.arguments[given], "..."));
    } else if (given > wanted && !more) {
      error_ = absl::StrCat("unexpected argument ", command_line_.arguments_[wanted]);
    }
  }

  void FillIn() {
    for (const Flag& flag : verb_.flags) {
      if (command_line_.values_.count(flag.name) > 0) continue;
      if (!flag.environment.empty()) {
        if (const auto value = environment_(flag.environment); value && !value->empty()) {
          Set(flag, *value);
          continue;
        }
      }
      if (flag.required && error_.empty()) {
        error_ = absl::StrCat("--", flag.name, " is required");
      }
      if (!flag.default_value.empty()) command_line_.values_[flag.name] = flag.default_value;
    }
  }

  const Verb& verb_;
  const Environment& environment_;
  CommandLine command_line_;
  std::string error_;
  bool help_ = false;
  bool only_arguments_ = false;
};

std::string CommandLine::Text(absl::string_view flag) const {
  const auto found = values_.find(std::string(flag));
  return found == values_.end() ? "" : found->second;
}

absl::Duration CommandLine::Duration(absl::string_view flag) const {
  absl::Duration duration;
  absl::ParseDuration(Text(flag), &duration);
  return duration;
}

int64_t CommandLine::Count(absl::string_view flag) const {
  int64_t count = 0;
  if (!absl::SimpleAtoi(Text(flag), &count)) return 0;
  return count;
}

std::vector<std::string> CommandLine::List(absl::string_view flag) const {
  return absl::StrSplit(Text(flag), ',', absl::SkipWhitespace());
}

ConnectionOptions CommandLine::Connection() const {
  ConnectionOptions options;
  options.server = Text("server");
  options.token_file = Text("token_file");
  options.tls.ca_file = Text("tls_ca_file");
  options.tls.cert_file = Text("tls_cert_file");
  options.tls.key_file = Text("tls_key_file");
  options.tls.server_name = Text("tls_server_name");
  options.tls.enabled = Switch("tls") || !options.tls.ca_file.empty() ||
                        !options.tls.cert_file.empty() || !options.tls.key_file.empty() ||
                        !options.tls.server_name.empty();
  options.timeout = Duration("timeout");
  return options;
}

Invocation ParseCommandLine(const std::vector<std::string>& arguments,
                            const Environment& environment) {
  Invocation invocation;
  if (arguments.empty()) {
    invocation.exit_code = kExitUsage;
    invocation.to_stderr = ProgramHelp();
    return invocation;
  }
  const std::string& first = arguments[0];
  if (first == "--help" || first == "-h" || first == "help") {
    const Verb* const verb = arguments.size() > 1 ? FindVerb(arguments[1]) : nullptr;
    invocation.to_stdout = verb == nullptr ? ProgramHelp() : VerbHelp(*verb);
    return invocation;
  }
  if (first == "--version") {
    invocation.to_stdout = absl::StrCat("syncline ", Version(), "\n");
    return invocation;
  }
  if (const Verb* const verb = FindVerb(first); verb != nullptr) {
    return CommandLineParser(*verb, environment).Parse({arguments.begin() + 1, arguments.end()});
  }
  std::vector<std::string> names;
  for (const Verb& verb : Verbs()) names.push_back(verb.name);
  return UsageError(absl::StrCat("unknown verb ", first, SuggestName(first, names)), "");
}

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

std::string ProgramHelp() {
  std::string help =
      "syncline loads streams of records into PostgreSQL through a syncline-server.\n\n"
      "usage: syncline VERB [ARGUMENTS] [FLAGS]\n\n";
  for (const Verb& verb : Verbs()) {
    absl::StrAppendFormat(&help, "  %-8s %s\n", verb.name, verb.summary);
  }
  absl::StrAppend(
      &help,
      "\nRun 'syncline VERB --help' for a verb's flags. Data goes to stdout, messages to "
      "stderr.\nExit codes: 0 success, 1 failure, 2 usage error, 3 success with rejected "
      "records.\n");
  return help;
}

std::string VerbHelp(const Verb& verb) {
  std::string help = absl::StrCat("usage: syncline ", verb.name);
  for (const std::string& argument : verb.arguments) absl::StrAppend(&help, " ", argument);
  absl::StrAppend(&help, verb.flags.empty() ? "" : " [FLAGS]", "\n\n", verb.summary, "\n");
  if (!verb.details.empty()) absl::StrAppend(&help, "\n", verb.details, "\n");
  if (!verb.flags.empty()) absl::StrAppend(&help, "\nflags (--name value or --name=value):\n");
  for (const Flag& flag : verb.flags) absl::StrAppend(&help, FlagLine(flag));
  return help;
}

}  // namespace syncline::client
