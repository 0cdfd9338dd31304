#include "server/config/config.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/flag.h"
#include "base/program_variables.h"
#include "base/version.h"
#include "server/config/command_line.h"
#include "server/config/dsn_secret.h"
#include "server/config/flags.h"
#include "server/config/token_file.h"
#include "server/config/validate.h"

namespace syncline::config {
namespace {

constexpr int kUsageError = 2;

// Prints one line per flag with the value in effect. Automatic values of --load_threads and
// --reflection are resolved; secrets are hidden.
void PrintConfig(const Config& config, std::ostream& out) {
  for (const FlagInfo& flag : FlagTable()) {
    std::string value = FindFlag(flag.name)->CurrentValue();
    if (flag.name == "postgres_dsn" && HoldsSecret(value)) value = "<set>";
    if (flag.name == "load_threads") value = std::to_string(config.load.load_threads);
    if (flag.name == "max_connections") value = std::to_string(config.serve.max_connections);
    if (flag.name == "reflection") value = config.serve.reflection ? "on" : "off";
    out << flag.name << "=" << value << "\n";
  }
}

// Prints the line for the token file on stdout and the token itself on stderr, so that stdout can
// be appended to the file.
Loaded PrintNewToken(const CommandLine& line, std::ostream& out, std::ostream& err) {
  const std::string name = absl::GetFlag(FLAGS_make_token);
  const std::string owner = absl::GetFlag(FLAGS_token_owner);
  const absl::StatusOr<NewToken> made =
      MakeToken(name, absl::GetFlag(FLAGS_token_schemas), owner.empty() ? name : owner,
                absl::GetFlag(FLAGS_token_expiry));
  if (!line.faults.empty() || !made.ok()) {
    for (const std::string& fault : line.faults) err << "syncline-server: " << fault << "\n";
    if (!made.ok()) err << "syncline-server: --make_token: " << made.status().message() << "\n";
    return {std::nullopt, kUsageError};
  }
  out << made->line << "\n";
  err << "The token, which cannot be shown again: " << made->token
      << "\nAdd the line on stdout to the file that --auth_token_file names.\n";
  return {};
}

}  // namespace

Loaded Load(const std::vector<std::string>& arguments, const Environment& environment,
            std::ostream& out, std::ostream& err) {
  CommandLine line = ReadFlags(arguments, environment);
  if (line.help) {
    out << HelpText();
    return {};
  }
  if (line.version) {
    out << "syncline-server " << Version() << "\n";
    return {};
  }
  if (line.given.count("make_token") > 0) return PrintNewToken(line, out, err);
  std::vector<std::string> faults = line.faults;
  Config config = Validate(line, environment, faults);
  if (!faults.empty()) {
    for (const std::string& fault : faults) err << "syncline-server: " << fault << "\n";
    err << "syncline-server: see --help\n";
    return {std::nullopt, kUsageError};
  }
  if (line.print_config) {
    PrintConfig(config, out);
    return {};
  }
  return {std::move(config), 0};
}

Loaded Load(int argc, char** argv) {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::make_optional<std::string>(value);
  };
  Loaded loaded =
      Load(std::vector<std::string>(argv + 1, argv + argc), environment, std::cout, std::cerr);
  if (loaded.config.has_value()) loaded.config->unknown_variables = UnknownVariables(environ);
  return loaded;
}

}  // namespace syncline::config
