// The file of bearer tokens.
//
// A line is `name salt sha256 schemas owner expiry`, six words: the hexadecimal SHA-256 of the salt
// followed by the token; schemas separated by commas, or `*` for all; the owner of the token's
// syncs, or `-` for none; a date (2027-01-31, or a time as in RFC 3339) or `never`. A line of one
// word is a plain token, as in earlier versions: all schemas, no owner. Blank lines and lines that
// begin with `#` are ignored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/access_token.h"

namespace syncline::config {

struct Tokens {
  std::vector<AccessToken> tokens;
  int plain = 0;  // how many of them the file contains unhashed
};

// Reads the file. Errors: FAILED_PRECONDITION TOKEN_FILE if it cannot be read, contains no token,
// or has a malformed line, whose number is in the message.
absl::StatusOr<Tokens> ReadTokens(const std::string& path);

// A new token of 32 random bytes.
struct NewToken {
  std::string token;  // what the caller sends
  std::string line;   // what goes into the file
};
// Creates a token. `name`, `schemas`, `owner` and `expiry` are words as in the file. Errors:
// INVALID_ARGUMENT if one of them is malformed.
absl::StatusOr<NewToken> MakeToken(absl::string_view name, absl::string_view schemas,
                                   absl::string_view owner, absl::string_view expiry);

// Detects that the file has changed, including its replacement by another file of the same name, as
// Kubernetes replaces a secret. Used by one thread.
class TokenFileWatch {
 public:
  // `tokens` is the content of the file when it was last read.
  TokenFileWatch(std::string path, std::vector<AccessToken> tokens);

  // Returns the tokens if they have changed, otherwise nullopt. If the file cannot be read, returns
  // the error of ReadTokens once, then nullopt until it can be read again: the tokens remain valid
  // while the file is being replaced.
  absl::StatusOr<std::optional<Tokens>> Look();

 private:
  const std::string path_;
  std::vector<AccessToken> tokens_;
  bool failing_ = false;
};

}  // namespace syncline::config
