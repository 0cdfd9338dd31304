// Decides which columns of the input are loaded, and under which names. Values, once created; any
// thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

enum class NameStyle {
  kExact,  // as the input writes them
  kLower,  // with ASCII letters in lower case
  kSnake,  // lower case, words joined by underscores: "First Name" and firstName are first_name
};

class ColumnMapping {
 public:
  // Loads all columns under their own names.
  ColumnMapping() = default;

  // Loads the columns of `select`, or all if it is empty. Columns of `rename` get the second name,
  // all others theirs in `style`. The names are those of the input. Errors: INVALID_ARGUMENT if a
  // name occurs twice, is empty, or is renamed but not selected.
  static absl::StatusOr<ColumnMapping> Create(
      const std::vector<std::string>& select,
      const std::vector<std::pair<std::string, std::string>>& rename, NameStyle style);

  bool is_identity() const {
    return select_.empty() && rename_.empty() && style_ == NameStyle::kExact;
  }

  // Returns the name under which the input's column is loaded, or nullopt if it is not loaded.
  std::optional<std::string> Map(absl::string_view input_name) const;

  // Errors: a usage error if the mapping has a name that is not one of `input_names`, which are all
  // names of the input.
  absl::Status CheckNames(const std::vector<std::string>& input_names) const;

 private:
  std::set<std::string, std::less<>> select_;
  std::map<std::string, std::string, std::less<>> rename_;
  NameStyle style_ = NameStyle::kExact;
};

// Returns `name` in snake case. Characters that are neither ASCII letters nor digits separate
// words, except that non-ASCII characters are kept as letters.
std::string SnakeCase(absl::string_view name);

}  // namespace syncline::client
