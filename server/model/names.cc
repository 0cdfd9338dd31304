#include "server/model/names.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "server/model/name_collisions.h"
#include "server/model/table_schema.h"

namespace syncline {
namespace {

constexpr size_t kStagingHashDigits = 16;
constexpr size_t kUnnamedHashDigits = 16;

// System columns of every table in PostgreSQL 12 and later (manual, section 5.5).
constexpr const char* kSystemColumns[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
constexpr const char* kMetaColumns[] = {kRawIdColumn, kExtractedAtColumn, kMetaColumn,
                                        kGenerationIdColumn};

// Returns the characters of `name` after NFKD, without combining marks. Empty if it is not UTF-8.
std::vector<utf8proc_int32_t> Decompose(absl::string_view name) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
                                                           UTF8PROC_STRIPMARK | UTF8PROC_STABLE);
  const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(name.data());
  const auto size = static_cast<utf8proc_ssize_t>(name.size());
  const utf8proc_ssize_t needed = utf8proc_decompose(bytes, size, nullptr, 0, kOptions);
  if (needed <= 0) return {};
  std::vector<utf8proc_int32_t> characters(static_cast<size_t>(needed));
  utf8proc_decompose(bytes, size, characters.data(), needed, kOptions);
  return characters;
}

bool IsWhiteSpace(utf8proc_int32_t character) {
  if ((character >= '\t' && character <= '\r') || character == 0x85) return true;
  const utf8proc_category_t category = utf8proc_category(character);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool IsWordCharacter(utf8proc_int32_t character) {
  return character < 0x80 &&
         (absl::ascii_isalnum(static_cast<unsigned char>(character)) || character == '_');
}

// Returns the normalized name before it is shortened.
std::string Normalized(absl::string_view name) {
  std::string out;
  bool in_white_space = false;
  for (const utf8proc_int32_t character : Decompose(name)) {
    const bool white_space = IsWhiteSpace(character);
    if (IsWordCharacter(character)) {
      out += static_cast<char>(character);
    } else if (!white_space || !in_white_space) {
      out += '_';
    }
    in_white_space = white_space;
  }
  if (out.find_first_not_of('_') == std::string::npos) {
    return absl::StrCat("unnamed_", Sha256Hex(name, kUnnamedHashDigits));
  }
  if (absl::ascii_isdigit(static_cast<unsigned char>(out.front()))) out.insert(0, 1, '_');
  return out;
}

// Returns a stream's table name before collisions are resolved. A name with the prefix of staging
// tables gets another prefix, because a suffix would not make it distinct from them.
std::string PlainTableName(absl::string_view stream_name) {
  const std::string name = Normalized(stream_name);
  return ShortenName(absl::StartsWith(name, kStagingTablePrefix) ? absl::StrCat("_", name) : name);
}

// Names do not contain NUL, so the separator keeps ("ab", "c") and ("a", "bc") distinct.
std::string Identity(absl::string_view first, absl::string_view second) {
  return absl::StrCat(first, absl::string_view("\0", 1), second);
}

void CheckName(absl::string_view path, absl::string_view name, bool may_be_empty,
               ErrorDetail* detail) {
  const char* fault = nullptr;
  if (name.empty() && !may_be_empty) fault = "must not be empty";
  if (absl::StrContains(name, '\0')) fault = "must not contain NUL";
  if (!IsUtf8(name)) fault = "must be valid UTF-8";
  if (fault != nullptr) detail->violations.push_back({std::string(path), fault});
}

bool IsReservedColumn(absl::string_view name) {
  return std::any_of(std::begin(kSystemColumns), std::end(kSystemColumns),
                     [name](const char* column) { return name == column; }) ||
         std::any_of(std::begin(kMetaColumns), std::end(kMetaColumns),
                     [name](const char* column) { return name == column; });
}

}  // namespace

std::string NormalizeName(absl::string_view name) { return ShortenName(Normalized(name)); }

std::string ShortenName(absl::string_view name) {
  if (name.size() <= kMaxIdentifierBytes) return std::string(name);
  return NameWithHash(name, name);
}

absl::StatusOr<StreamName> NameStream(const StreamDescriptor& stream,
                                      absl::string_view default_schema,
                                      absl::string_view ledger_schema) {
  ErrorDetail detail{.reason = reason::kInvalidName};
  CheckName("descriptor.namespace", stream.name_space, true, &detail);
  CheckName("descriptor.name", stream.name, false, &detail);
  if (stream.name_space.empty()) CheckName("default_schema", default_schema, false, &detail);
  if (!detail.violations.empty()) {
    const FieldViolation first = detail.violations.front();
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("invalid name: ", first.field, " ", first.description), detail);
  }
  StreamName named;
  named.stream = stream;
  // The default schema is used in the form that its tables have, because ledgers of older versions
  // contain only that form.
  if (stream.name_space.empty() || stream.name_space == default_schema) {
    named.stream.name_space = NormalizeName(default_schema);
  }
  named.table = {NormalizeName(named.stream.name_space), PlainTableName(stream.name)};
  named.exact = named.table.schema == named.stream.name_space && named.table.name == stream.name;
  if (const absl::Status status = CheckTargetSchema(named.table.schema, ledger_schema);
      !status.ok()) {
    return status;
  }
  return named;
}

absl::Status CheckTargetSchema(absl::string_view schema, absl::string_view ledger_schema) {
  if (!absl::StartsWith(schema, "pg_") && schema != "information_schema" &&
      schema != ledger_schema) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kPermissionDenied, absl::StrCat("schema ", schema, " is reserved"),
      {.reason = reason::kReservedSchema, .metadata = {{"schema", std::string(schema)}}});
}

ScopedName MakeScopedName(const TableName& table) { return {table.schema, table.name}; }

std::string GetIdentity(const StreamDescriptor& stream) {
  return Identity(stream.name_space, stream.name);
}

std::vector<TableName> AssignTables(const std::vector<StreamName>& streams,
                                    const NameFacts& facts) {
  std::vector<NameCandidate> candidates;
  candidates.reserve(streams.size());
  for (const StreamName& stream : streams) {
    candidates.push_back({.scope = stream.table.schema,
                          .plain = stream.table.name,
                          .identity = GetIdentity(stream.stream),
                          .exact = stream.exact});
  }
  const std::vector<std::string> names = ResolveCollisions(candidates, facts);
  std::vector<TableName> tables;
  for (size_t i = 0; i < streams.size(); ++i) tables.push_back({streams[i].table.schema, names[i]});
  return tables;
}

std::vector<std::string> MapColumnNames(const std::vector<std::string>& fields,
                                        const NameFacts& facts) {
  std::vector<NameCandidate> candidates;
  for (const std::string& field : fields) {
    const std::string plain = NormalizeName(field);
    candidates.push_back({.scope = "",
                          .plain = plain,
                          .identity = field,
                          .exact = plain == field,
                          .reserved = IsReservedColumn(plain)});
  }
  return ResolveCollisions(candidates, facts);
}

TableName GetStagingTableName(const TableName& real, absl::string_view ledger_schema) {
  const std::string hash = Sha256Hex(Identity(real.schema, real.name), kStagingHashDigits);
  const std::string head = absl::StrCat(kStagingTablePrefix, hash, "_");
  return {std::string(ledger_schema),
          absl::StrCat(head, CutAtCharacter(real.name, kMaxIdentifierBytes - head.size()))};
}

}  // namespace syncline
