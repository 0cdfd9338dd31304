// Recognizes the encoding of text by its first bytes. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::client {

// Bytes at the start of the text that the functions need.
inline constexpr size_t kEncodingHeadBytes = 4;

// Returns the name of the encoding that a byte order mark at the start of `head` states: UTF-8,
// UTF-16LE, UTF-16BE, UTF-32LE or UTF-32BE. Returns an empty string if there is none.
absl::string_view FindMarkedEncoding(absl::string_view head);

// Returns UTF-16LE or UTF-16BE if `head` has no byte order mark but NULs around its first
// character, which is ASCII in JSON and nearly always in CSV. Returns an empty string for anything
// else.
absl::string_view FindUnmarkedWideEncoding(absl::string_view head);

// Returns the name of `encoding` in upper case, and a usual name for its aliases: LATIN1 for
// iso-8859-1, UTF-8 for utf8. The result is for iconv.
std::string NormalizeEncodingName(absl::string_view encoding);

}  // namespace syncline::client
