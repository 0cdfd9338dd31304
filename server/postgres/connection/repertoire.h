// Repertoire: which characters the encoding of a database has, for databases that are not in UTF8.
//
// Only the database knows: its conversions differ from those of other libraries. The answers are
// kept, so that each character is asked for once per process. Thread-safe; no call holds a lock
// while it asks.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace syncline::postgres {

class Repertoire {
 public:
  // Characters, each in UTF-8.
  using Characters = std::set<std::string>;
  // Converts all of the characters to the encoding of the database. Errors: INVALID_ARGUMENT with
  // the SQLSTATE 22P05 or 22021 if it has not all of them, and others.
  using Convert = absl::FunctionRef<absl::Status(const std::vector<std::string>& characters)>;

  // Adds to `unknown` those characters of `text` for which there is no answer yet. `text` is UTF-8.
  void CollectUnknown(absl::string_view text, Characters* unknown) const;

  // Gets the answers for `characters`. Asks for groups of them and for halves of a refused group.
  // Errors: those of `convert` that are not about characters.
  absl::Status Learn(const Characters& characters, Convert convert);

  // Returns whether the encoding is known not to have `character`.
  bool Lacks(absl::string_view character) const;
  // Returns whether the encoding is known not to have some character of `text`, which is UTF-8.
  bool LacksAny(absl::string_view text) const;

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::string, bool> has_ ABSL_GUARDED_BY(mutex_);
};

// The statement of Repertoire::Convert. $1 is a bytea[] of the characters.
inline constexpr char kConvertSql[] = R"sql(
SELECT pg_catalog.count(pg_catalog.convert(c.utf8, 'UTF8', pg_catalog.getdatabaseencoding()))
FROM pg_catalog.unnest($1::pg_catalog.bytea[]) AS c (utf8)
)sql";

// Returns whether `error` reports a character that the encoding of the database does not have.
bool IsAboutCharacters(const absl::Status& error);

// Returns the character with which `text` starts, which is not empty: a byte if it is ASCII or not
// UTF-8.
absl::string_view FirstCharacter(absl::string_view text);

}  // namespace syncline::postgres
