#include "client/load_flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/error.h"

namespace syncline::client {
namespace {

// Returns the flag that sets a field of a stream's configuration or of the request, or an empty
// string.
std::string FlagOf(absl::string_view field) {
  if (field == "table_name" || field == "descriptor") return "table";
  if (field == "json_schema") return "schema";
  if (field == "distribution") return "distribute_by";
  for (const std::vector<Flag>& flags : {LoadFlags(), DefinitionFlags(), GuardFlags()}) {
    for (const Flag& flag : flags) {
      if (flag.name == field) return flag.name;
    }
  }
  return field == "sync_id" ? "sync_id" : "";
}

}  // namespace

std::vector<Flag> LoadFlags() {
  return {
      {"table",
       FlagKind::kText,
       "SCHEMA.NAME",
       "",
       "table to load; created if it does not exist",
       {},
       "",
       true},
      {"mode",
       FlagKind::kChoice,
       "",
       "append",
       "append adds rows, overwrite replaces the table at the end, dedup keeps the newest row of "
       "each primary key",
       {"append", "overwrite", "dedup"}},
      {"primary_key", FlagKind::kText, "A,B", "", "columns of the primary key, for --mode dedup"},
      {"cursor", FlagKind::kText, "C", "",
       "column whose greater value marks the newer row, for --mode dedup"},
      {"create_schema", FlagKind::kSwitch, "", "true",
       "create the table's schema if it does not exist; with --create_schema=false it must exist"},
      {"dry_run", FlagKind::kSwitch, "", "",
       "print the table or its changes and the first records that FILE would give, and load "
       "nothing"},
      {"schema", FlagKind::kText, "FILE", "", "JSON Schema of a record; inferred by default"},
      {"infer_bytes", FlagKind::kCount, "BYTES", "1073741824",
       "maximum bytes of a regular file from which the schema is inferred"},
      {"infer_records", FlagKind::kCount, "N", "1000",
       "maximum records of other input, such as stdin, from which it is inferred"},
      {"connection_id", FlagKind::kText, "ID", "",
       "owner of the table; other connections then cannot load it"},
      {"writer_id", FlagKind::kText, "ID", "", "name of this writer when several load one stream"},
      {"keep_open", FlagKind::kSwitch, "", "",
       "leave the stream open for other writers, one of which completes it"},
      {"strict", FlagKind::kSwitch, "", "",
       "fail if a record is rejected, a value becomes NULL or is truncated, a field is not stored, "
       "or the definition of an existing table would change"},
      {"output", FlagKind::kChoice, "", "text", "text or json", {"text", "json"}},
  };
}

std::vector<Flag> DefinitionFlags() {
  return {
      {"schema_policy",
       FlagKind::kChoice,
       "",
       "",
       "how the table follows the input: keep (the default) adds and widens columns and drops "
       "none, mirror also drops columns that the stream no longer has, freeze refuses every "
       "difference",
       {"keep", "mirror", "freeze"}},
      {"replace_strategy",
       FlagKind::kChoice,
       "",
       "",
       "for overwrite: swap exchanges the table, in_place changes its rows, auto (the default) "
       "takes the swap unless something prevents it",
       {"auto", "swap", "in_place"}},
      {"meta",
       FlagKind::kChoice,
       "",
       "",
       "the meta columns of the table: full (the default), compact (_airbyte_generation_id only) "
       "or none; fixed by the table's first load; dedup needs full",
       {"full", "compact", "none"}},
      {"distribute_by", FlagKind::kText, "COLUMN", "",
       "for a new table in a Citus cluster: the column whose value determines the node of a row, "
       "or _airbyte_raw_id; for dedup a column of the key"},
  };
}

std::vector<Flag> InputFlags() {
  return {
      {"format",
       FlagKind::kChoice,
       "",
       "",
       "format of FILE; by default found by its first bytes and its name",
       {"jsonl", "json", "csv", "tsv"}},
      {"encoding", FlagKind::kText, "NAME", "",
       "encoding of the text, such as latin1 or windows-1252; by default UTF-8, or UTF-16 and "
       "UTF-32 "
       "with a byte order mark"},
      {"delimiter", FlagKind::kText, "CHARACTER", "",
       "CSV: field separator, or the word tab; by default the one of , ; tab | that fits"},
      {"quote", FlagKind::kText, "CHARACTER", "",
       "CSV: character around fields, or the word none; by default the double quote"},
      {"header", FlagKind::kText, "A,B", "",
       "CSV: names of the columns of a file without a header; the word none for column_1 and so "
       "on"},
      {"null", FlagKind::kText, "WORD,..", "",
       "CSV: unquoted fields that are NULL, as empty ones are"},
      {"skip", FlagKind::kCount, "N", "", "CSV: lines at the start of the file to skip"},
      {"decimal_comma", FlagKind::kSwitch, "", "", "CSV: 3,14 is a number"},
      {"select", FlagKind::kText, "A,B", "", "load only these columns of the file"},
      {"rename", FlagKind::kText, "OLD:NEW,..", "", "load columns of the file under other names"},
      {"names",
       FlagKind::kChoice,
       "",
       "exact",
       "names of the other columns: as in the file, in lower case, or as first_name for First Name",
       {"exact", "lower", "snake"}},
      {"types", FlagKind::kText, "COLUMN:TYPE,..", "",
       "types of columns of the table, such as zip:varchar, instead of the inferred ones"},
  };
}

std::vector<Flag> GuardFlags() {
  return {
      {"validate_only", FlagKind::kSwitch, "", "",
       "for overwrite and dedup: load, print what publishing would do, and discard what was sent"},
      {"min_rows", FlagKind::kCount, "N", "",
       "for overwrite and dedup: the table must have at least this many rows afterwards"},
      {"max_shrink", FlagKind::kText, "SHARE", "",
       "for overwrite and dedup: the table may lose at most this share of its rows, 0 to 1"},
      {"not_null", FlagKind::kText, "C=SHARE,..", "",
       "for overwrite and dedup: in each column at least this share of the rows must not be NULL"},
      {"unique_key", FlagKind::kSwitch, "", "",
       "for overwrite and dedup: no two rows may have the same --primary_key"},
      {"max_rejected", FlagKind::kCount, "N", "",
       "maximum number of rejected records; default 0 for overwrite without --allow_rejected"},
      {"max_nulled", FlagKind::kCount, "N", "",
       "maximum number of values that become NULL because they do not fit"},
      {"allow_empty", FlagKind::kSwitch, "", "",
       "for overwrite: replace the table even if the input contains no record"},
  };
}

std::string NameFlags(absl::string_view sentence, const absl::Status& status) {
  std::string named(sentence);
  for (const FieldViolation& violation : GetDetail(status).violations) {
    absl::string_view field = violation.field;
    absl::ConsumePrefix(&field, "streams[0].");
    absl::ConsumePrefix(&field, "guard.");
    const std::string flag = FlagOf(field.substr(0, field.find_first_of(".[")));
    if (!flag.empty()) absl::StrReplaceAll({{violation.field, "--" + flag}}, &named);
  }
  return named;
}

}  // namespace syncline::client
