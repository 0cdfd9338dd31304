#include "bench/runner/process_usage.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace syncline::bench {
namespace {

struct Stat {
  pid_t parent = 0;
  double own = 0;       // seconds
  double children = 0;  // seconds, of children that were waited for
};

std::optional<Stat> ReadStat(pid_t pid) {
  const std::string text = ReadFile(absl::StrCat("/proc/", pid, "/stat")).value_or("");
  // The name in parentheses may contain spaces and parentheses.
  const size_t end = text.rfind(')');
  if (end == std::string::npos || end + 2 > text.size()) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(text).substr(end + 2), ' ');
  // proc(5) numbers the fields from 1, and the state, our first field, is number 3.
  const auto field = [&fields](size_t number) {
    int64_t value = 0;
    return number - 3 < fields.size() && absl::SimpleAtoi(fields[number - 3], &value) ? value : 0;
  };
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return Stat{.parent = static_cast<pid_t>(field(4)),
              .own = static_cast<double>(field(14) + field(15)) / ticks,
              .children = static_cast<double>(field(16) + field(17)) / ticks};
}

// Returns the number that follows `name` in the status of the process.
int64_t ReadStatus(pid_t pid, absl::string_view name) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  std::string word;
  int64_t number = 0;
  while (file >> word) {
    if (word != name) continue;
    file >> number;
    break;
  }
  return number;
}

}  // namespace

double CpuSeconds(pid_t pid) {
  const std::optional<Stat> stat = ReadStat(pid);
  return stat.has_value() ? stat->own : 0;
}

std::vector<pid_t> FindChildren(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    const std::optional<Stat> stat = ReadStat(pid);
    if (stat.has_value() && stat->parent == parent) children.push_back(pid);
  }
  return children;
}

double PostgresCpuSeconds(pid_t postmaster) {
  const std::optional<Stat> stat = ReadStat(postmaster);
  if (!stat.has_value()) return 0;
  double seconds = stat->own + stat->children;
  for (const pid_t child : FindChildren(postmaster)) seconds += CpuSeconds(child);
  return seconds;
}

int64_t PeakMemoryBytes(pid_t pid) { return ReadStatus(pid, "VmHWM:") * 1024; }

ProcessResources ReadProcessResources(pid_t pid) {
  ProcessResources holdings;
  holdings.resident_bytes = ReadStatus(pid, "VmRSS:") * 1024;
  holdings.threads = ReadStatus(pid, "Threads:");
  std::error_code error;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"), error)) {
    ++holdings.descriptors;
  }
  return holdings;
}

}  // namespace syncline::bench
