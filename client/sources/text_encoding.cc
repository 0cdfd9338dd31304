#include "client/sources/text_encoding.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace syncline::client {

absl::string_view FindMarkedEncoding(absl::string_view head) {
  using Bytes = absl::string_view;
  if (absl::StartsWith(head, "\xEF\xBB\xBF")) return "UTF-8";
  if (absl::StartsWith(head, Bytes("\xFF\xFE\0\0", 4))) return "UTF-32LE";
  if (absl::StartsWith(head, Bytes("\0\0\xFE\xFF", 4))) return "UTF-32BE";
  if (absl::StartsWith(head, "\xFF\xFE")) return "UTF-16LE";
  return absl::StartsWith(head, "\xFE\xFF") ? "UTF-16BE" : "";
}

absl::string_view FindUnmarkedWideEncoding(absl::string_view head) {
  if (head.size() < kEncodingHeadBytes) return "";
  if (head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0) return "UTF-16LE";
  return head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0 ? "UTF-16BE" : "";
}

std::string NormalizeEncodingName(absl::string_view encoding) {
  std::string name = absl::AsciiStrToUpper(encoding);
  if (name == "UTF8") return "UTF-8";
  if (name == "UTF16" || name == "UTF-16") return "UTF-16";
  if (name == "LATIN-1" || name == "ISO-8859-1" || name == "ISO8859-1") return "LATIN1";
  if (absl::StartsWith(name, "WINDOWS-")) return "CP" + name.substr(8);
  return name;
}

}  // namespace syncline::client
