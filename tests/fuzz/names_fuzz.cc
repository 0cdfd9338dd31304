// Fuzzes the names of schemas, tables and columns.
//
// The input is a list of names, one per line. As streams, a tab separates namespace and name.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "server/model/names.h"
#include "server/model/table_schema.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/json_reference.h"
#include "tests/support/map_table_names.h"

namespace syncline::fuzz {
namespace {

constexpr size_t kMaxBytes = 63;
constexpr size_t kMaxNames = 64;

bool IsReserved(absl::string_view name) {
  static const std::set<std::string>* const kReserved =
      new std::set<std::string>{"ctid",       "xmin",
                                "xmax",       "cmin",
                                "cmax",       "tableoid",
                                kRawIdColumn, kExtractedAtColumn,
                                kMetaColumn,  kGenerationIdColumn};
  return kReserved->count(std::string(name)) != 0;
}

void CheckIdentifier(absl::string_view name, absl::string_view source) {
  Expect(!name.empty() && name.size() <= kMaxBytes, "a name has 1-63 bytes", source, " ", name);
  for (const char c : name) {
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    Expect(word, "a name consists of letters, digits and underscores", source, " ", name);
  }
  Expect(name[0] < '0' || name[0] > '9', "a name does not begin with a digit", source, " ", name);
  Expect(name.find_first_not_of('_') != absl::string_view::npos, "a name is not only underscores",
         source);
}

void CheckName(absl::string_view name) {
  const std::string shortened = ShortenName(name);
  Expect(shortened.size() <= kMaxBytes && IsUtf8(shortened), "a shortened name is UTF-8", name);
  Expect(name.size() > kMaxBytes || shortened == name, "a short name is unchanged", name);
  const std::string normalized = NormalizeName(name);
  CheckIdentifier(normalized, name);
  Expect(NormalizeName(normalized) == normalized, "a normalized name is unchanged", name, " ",
         normalized);
}

template <typename Key, typename Name>
void ExpectOneToOne(const std::vector<Key>& keys, const std::vector<Name>& names) {
  std::map<Key, Name> by_key;
  std::set<Name> distinct;
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto [entry, added] = by_key.emplace(keys[i], names[i]);
    Expect(entry->second == names[i], "equal inputs get equal names", i);
    Expect(!added || distinct.insert(names[i]).second, "distinct inputs get distinct names", i);
  }
}

template <typename T>
std::vector<T> Reversed(std::vector<T> values) {
  std::reverse(values.begin(), values.end());
  return values;
}

void CheckColumns(const std::vector<std::string>& fields) {
  const std::vector<std::string> columns = MapColumnNames(fields);
  Expect(columns.size() == fields.size(), "one column per field", columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    CheckIdentifier(columns[i], fields[i]);
    Expect(!IsReserved(columns[i]), "no column has a reserved name", fields[i]);
  }
  ExpectOneToOne(fields, columns);
  Expect(Reversed(MapColumnNames(Reversed(fields))) == columns, "the order does not matter");
  Expect(MapColumnNames(columns) == columns, "mapping column names again changes nothing");
}

bool IsUsable(const StreamDescriptor& stream) {
  const auto usable = [](absl::string_view name) {
    return IsUtf8(name) && !absl::StrContains(name, '\0');
  };
  return usable(stream.name_space) && usable(stream.name) && !stream.name.empty();
}

void CheckTables(const std::vector<StreamDescriptor>& streams) {
  const absl::StatusOr<std::vector<TableName>> tables = MapTableNames(streams, "public");
  const bool usable = std::all_of(streams.begin(), streams.end(), IsUsable);
  Expect(usable || GetReason(tables.status()) == "INVALID_NAME", "unusable names are rejected");
  Expect(!usable || tables.ok() || GetReason(tables.status()) == "RESERVED_SCHEMA",
         "usable names are accepted", tables.status().ToString());
  if (!tables.ok()) return;
  std::vector<TableName> temps;
  std::set<std::pair<std::string, std::string>> taken;
  for (size_t i = 0; i < streams.size(); ++i) {
    const TableName& table = (*tables)[i];
    CheckIdentifier(table.schema, streams[i].name_space);
    CheckIdentifier(table.name, streams[i].name);
    Expect(!absl::StartsWith(table.schema, "pg_") && table.schema != "information_schema" &&
               table.schema != "syncline",
           "no table in a reserved schema", streams[i].name_space);
    Expect(!absl::StartsWith(table.name, kStagingTablePrefix),
           "no table has the prefix of temp tables", table.name);
    temps.push_back(GetStagingTableName(table, "syncline"));
    CheckIdentifier(temps.back().name, table.name);
    Expect(absl::StartsWith(temps.back().name, kStagingTablePrefix),
           "a temp table has the prefix of one");
  }
  const auto names = [](const std::vector<TableName>& of) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const TableName& table : of) pairs.emplace_back(table.schema, table.name);
    return pairs;
  };
  // A stream with the default schema's name and one without a namespace are the same.
  std::vector<StreamDescriptor> resolved;
  for (const StreamDescriptor& stream : streams) {
    resolved.push_back(NameStream(stream, "public")->stream);
  }
  ExpectOneToOne(resolved, names(*tables));
  ExpectOneToOne(resolved, names(temps));
  const auto reversed = MapTableNames(Reversed(streams), "public");
  Expect(reversed.ok() && Reversed(names(*reversed)) == names(*tables),
         "the order does not matter");
}

void CheckInput(ByteSource source) {
  std::vector<std::string> lines = absl::StrSplit(source.Rest(), '\n');
  lines.resize(std::min(lines.size(), kMaxNames));
  std::vector<StreamDescriptor> streams;
  for (const std::string& line : lines) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits('\t', 1));
    streams.push_back(parts.size() == 1 ? StreamDescriptor{"", line}
                                        : StreamDescriptor{parts[0], parts[1]});
  }
  CheckTables(streams);
  if (!std::all_of(lines.begin(), lines.end(), IsUtf8)) return;
  for (const std::string& line : lines) CheckName(line);
  CheckColumns(lines);
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  syncline::fuzz::CheckInput({data, size});
  return 0;
}
