#include "base/exposed_file.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"

namespace syncline {

std::optional<std::string> GetModeIfExposed(const std::string& path) {
  namespace fs = std::filesystem;
  const auto allows = [](const fs::path& file, fs::perms permission) {
    std::error_code error;
    const fs::file_status status = fs::status(file, error);
    return !error && (status.permissions() & permission) != fs::perms::none;
  };
  std::error_code error;
  // Links are resolved, because the directories above the file itself decide who can reach it.
  const fs::path file = fs::canonical(path, error);
  if (error || !allows(file, fs::perms::others_read)) return std::nullopt;
  for (fs::path directory = file.parent_path();; directory = directory.parent_path()) {
    if (!allows(directory, fs::perms::others_exec)) return std::nullopt;
    if (directory == directory.root_path()) break;
  }
  const fs::perms mode = fs::status(file, error).permissions() & fs::perms::mask;
  if (error) return std::nullopt;
  return absl::StrFormat("%04o", static_cast<unsigned>(mode));
}

}  // namespace syncline
