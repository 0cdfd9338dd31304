// Finds the delimiter, the line ends and the "sep=" line of CSV text by its first bytes. Pure
// functions; any thread.
#pragma once

#include "absl/strings/string_view.h"
#include "client/sources/csv_parser.h"
#include "client/sources/format_sniffer.h"

namespace syncline::client {

// Returns how the CSV text that begins with `head` separates fields and rows. A delimiter that
// `hints` states is used; else that of a line "sep=;" at the start, which is skipped; else the one
// of , ; tab | that splits the header and most rows into the same number of fields, at least 2;
// else `usual`.
CsvDialect FindCsvDialect(absl::string_view head, bool whole, const FormatHints& hints, char usual);

// Returns whether the text has a "sep=" line, or a delimiter that splits nearly all of its first
// rows into the same number of fields, at least 2.
bool HasCsvColumns(absl::string_view head, bool whole, const FormatHints& hints);

}  // namespace syncline::client
