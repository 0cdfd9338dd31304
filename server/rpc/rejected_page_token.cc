#include "server/rpc/rejected_page_token.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/sha256.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

// No part contains a NUL, because PostgreSQL text cannot.
constexpr char kSeparator = '\0';
constexpr int kDigestLength = 16;

std::string DigestOf(absl::string_view sync_id, absl::string_view place) {
  return Sha256Hex(absl::StrCat(sync_id, absl::string_view(&kSeparator, 1), place), kDigestLength);
}

}  // namespace

std::string RejectedPageToken(absl::string_view sync_id, const RejectedPosition& place) {
  const std::string text =
      absl::StrJoin(std::vector<std::string>{place.stream.name_space, place.stream.name,
                                             place.writer_id, absl::StrCat(place.offset)},
                    absl::string_view(&kSeparator, 1));
  return absl::WebSafeBase64Escape(absl::StrCat(DigestOf(sync_id, text), text));
}

absl::StatusOr<RejectedPosition> ReadRejectedPageToken(absl::string_view sync_id,
                                                       absl::string_view token) {
  const auto invalid = [] {
    return sync::InvalidRequest(
        {{"page_token", "is not a token that this server returned for this sync"}});
  };
  std::string plain;
  if (!absl::WebSafeBase64Unescape(token, &plain) || plain.size() < kDigestLength) return invalid();
  const absl::string_view text = absl::string_view(plain).substr(kDigestLength);
  if (absl::string_view(plain).substr(0, kDigestLength) != DigestOf(sync_id, text))
    return invalid();
  const std::vector<std::string> parts = absl::StrSplit(text, kSeparator);
  RejectedPosition place;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[3], &place.offset)) return invalid();
  place.stream = {parts[0], parts[1]};
  place.writer_id = parts[2];
  return place;
}

}  // namespace syncline::rpc
