#include "server/config/config.h"

#include <cstdlib>
#include <iostream>

#include "absl/flags/commandlineflag.h"
#include "server/base/version.h"
#include "server/config/command_line.h"
#include "server/config/dsn_secret.h"
#include "server/config/flags.h"
#include "server/config/validate.h"

namespace syncline::config {
namespace {

constexpr int kUsageError = 2;

// One line a flag, with what is in effect: automatic values as they were resolved, secrets hidden.
void PrintConfig(const Config& config, std::ostream& out) {
  for (const FlagInfo& flag : FlagTable()) {
    std::string value = FindFlag(flag.name)->CurrentValue();
    if (flag.name == "postgres_dsn" && HoldsSecret(value)) value = "<set>";
    if (flag.name == "load_threads") value = std::to_string(config.load.load_threads);
    if (flag.name == "reflection") value = config.serve.reflection ? "on" : "off";
    out << flag.name << "=" << value << "\n";
  }
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
  return Load(std::vector<std::string>(argv + 1, argv + argc), environment, std::cout, std::cerr);
}

}  // namespace syncline::config
