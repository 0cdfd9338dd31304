#include "server/postgres/connection/repertoire.h"

#include <algorithm>
#include <cstddef>

#include "base/status_macros.h"
#include "base/utf8.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

constexpr size_t kGroup = 1024;

bool IsAscii(absl::string_view character) {
  return static_cast<unsigned char>(character[0]) < 0x80;
}

// Calls `use` with each character that is not ASCII until it returns false.
template <typename Use>
void ForEachCharacter(absl::string_view text, Use use) {
  while (!text.empty()) {
    const absl::string_view character = FirstCharacter(text);
    if (!IsAscii(character) && !use(character)) return;
    text.remove_prefix(character.size());
  }
}

}  // namespace

absl::string_view FirstCharacter(absl::string_view text) {
  return text.substr(0, std::max<size_t>(1, GetCharacterLength(text)));
}

bool IsAboutCharacters(const absl::Status& error) {
  const std::string sqlstate = GetSqlState(error);
  return sqlstate == "22P05" || sqlstate == "22021";
}

void Repertoire::CollectUnknown(absl::string_view text, Characters* unknown) const {
  MutexLock lock(&mutex_);
  ForEachCharacter(text, [&](absl::string_view character) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::string key(character);
    if (has_.find(key) == has_.end()) unknown->insert(std::move(key));
    return true;
  });
}

absl::Status Repertoire::Learn(const Characters& characters, Convert convert) {
  const std::vector<std::string> all(characters.begin(), characters.end());
  std::vector<std::pair<size_t, size_t>> todo;
  for (size_t begin = 0; begin < all.size(); begin += kGroup) {
    todo.emplace_back(begin, std::min(begin + kGroup, all.size()));
  }
  while (!todo.empty()) {
    const auto [begin, end] = todo.back();
    todo.pop_back();
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = all.begin() + static_cast<std::ptrdiff_t>(end);
    const absl::Status converted = convert(std::vector<std::string>(first, last));
    if (!converted.ok() && !IsAboutCharacters(converted)) return converted;
    if (!converted.ok() && end - begin > 1) {
      const size_t middle = begin + (end - begin) / 2;
      todo.emplace_back(begin, middle);
      todo.emplace_back(middle, end);
      continue;
    }
    MutexLock lock(&mutex_);
    for (auto character = first; character != last; ++character) has_[*character] = converted.ok();
  }
  return absl::OkStatus();
}

bool Repertoire::Lacks(absl::string_view character) const {
  MutexLock lock(&mutex_);
  const auto found = has_.find(std::string(character));
  return found != has_.end() && !found->second;
}

bool Repertoire::LacksAny(absl::string_view text) const {
  bool lacks = false;
  ForEachCharacter(text, [&](absl::string_view character) {
    lacks = Lacks(character);
    return !lacks;
  });
  return lacks;
}

}  // namespace syncline::postgres
