#include "client/input_files.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

namespace fs = std::filesystem;

absl::Status AddDirectory(const std::string& directory, InputFiles* found) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const bool hidden = entry->path().filename().string().front() == '.';
    const bool file = !hidden && entry->is_regular_file(ignored);
    (file ? files : found->skipped).push_back(entry->path().string());
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat("cannot read ", directory, ": ", error.message()));
  }
  if (files.empty()) return absl::NotFoundError(absl::StrCat(directory, " contains no files"));
  std::sort(files.begin(), files.end());
  std::sort(found->skipped.begin(), found->skipped.end());
  found->files.insert(found->files.end(), files.begin(), files.end());
  return absl::OkStatus();
}

absl::Status AddPattern(const std::string& pattern, InputFiles* found) {
  const size_t before = found->files.size();
  glob_t matches = {};
  if (glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
    for (size_t i = 0; i < matches.gl_pathc; ++i) {
      std::error_code ignored;
      const std::string path = matches.gl_pathv[i];
      (fs::is_directory(path, ignored) ? found->skipped : found->files).push_back(path);
    }
  }
  globfree(&matches);
  if (found->files.size() == before) {
    return absl::NotFoundError(absl::StrCat("no file matches ", pattern));
  }
  return absl::OkStatus();
}

// A file that is loaded twice would give every row twice.
absl::Status CheckDistinct(const std::vector<std::string>& files) {
  std::set<std::string> known;
  for (const std::string& file : files) {
    std::error_code error;
    const fs::path path = fs::canonical(file, error);
    if (!known.insert(error ? file : path.string()).second) {
      return UsageError(absl::StrCat("the file ", file, " is named twice; name it once"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InputFiles> FindInputFiles(const std::vector<std::string>& arguments) {
  InputFiles found;
  for (const std::string& argument : arguments) {
    std::error_code ignored;
    const bool exists = argument == "-" || fs::exists(argument, ignored);
    if (argument == "-" && arguments.size() > 1) {
      return UsageError("stdin (-) cannot be loaded together with files; load it separately");
    }
    if (exists && fs::is_directory(argument, ignored)) {
      SYNCLINE_RETURN_IF_ERROR(AddDirectory(argument, &found));
    } else if (!exists && argument.find_first_of("*?[") != std::string::npos) {
      SYNCLINE_RETURN_IF_ERROR(AddPattern(argument, &found));
    } else {
      found.files.push_back(argument);
    }
  }
  SYNCLINE_RETURN_IF_ERROR(CheckDistinct(found.files));
  return found;
}

}  // namespace syncline::client
