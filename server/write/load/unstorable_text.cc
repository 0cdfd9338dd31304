#include "server/write/load/unstorable_text.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_scanner.h"
#include "base/json_string.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "server/model/column_type.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/copy/text_encoders.h"
#include "server/postgres/copy/user_type_encoders.h"
#include "server/write/load/row_spans.h"

namespace syncline::write {
namespace {

constexpr size_t kCountBytes = 2;
constexpr size_t kLengthBytes = 4;
// In a table with all meta columns: raw id, time, meta and generation.
constexpr size_t kMetaField = 2;
constexpr char kChange[] = R"("change":"TRUNCATED","reason":"DESTINATION_SERIALIZATION_ERROR"})";

int32_t ReadInt32(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<int32_t>(value);
}

// Returns the bytes of `text` that are one character, or, in JSON, an escape for one. Stores the
// character in `character`.
absl::string_view NextPiece(absl::string_view text, bool json, std::string* character) {
  if (!json || text[0] != '\\' || text.size() < 2) {
    const absl::string_view piece = postgres::FirstCharacter(text);
    character->assign(piece.data(), piece.size());
    return piece;
  }
  const Escape escape = ReadEscape(text.data() + 1, text.data() + text.size());
  if (escape.next == nullptr) {
    character->assign(1, text[0]);
    return text.substr(0, 1);
  }
  char utf8[4];
  character->assign(utf8, static_cast<size_t>(WriteUtf8(escape.code_point, utf8) - utf8));
  return text.substr(0, static_cast<size_t>(escape.next - text.data()));
}

// Returns all characters of a JSON text that are not ASCII, with its escapes resolved.
std::string CollectJsonCharacters(absl::string_view json) {
  std::string characters, character;
  while (!json.empty()) {
    const absl::string_view piece = NextPiece(json, /*json=*/true, &character);
    if (static_cast<unsigned char>(character[0]) >= 0x80) characters += character;
    json.remove_prefix(piece.size());
  }
  return characters;
}

// Returns `text` with `?` for each character that cannot be stored, or nullopt if there is none.
std::optional<std::string> Clean(absl::string_view text, bool json,
                                 const postgres::Repertoire& repertoire) {
  std::string cleaned, character;
  bool changed = false;
  while (!text.empty()) {
    const absl::string_view piece = NextPiece(text, json, &character);
    const bool lacking =
        static_cast<unsigned char>(character[0]) >= 0x80 && repertoire.Lacks(character);
    changed |= lacking;
    absl::StrAppend(&cleaned, lacking ? absl::string_view("?") : piece);
    text.remove_prefix(piece.size());
  }
  if (!changed) return std::nullopt;
  return cleaned;
}

}  // namespace

UnstorableText::UnstorableText(const StreamPlan& plan, postgres::CopyFormat format) {
  const bool binary = format == postgres::CopyFormat::kBinary;
  fields_.resize(GetMetaColumns(plan.schema.meta).size());
  has_meta_ = plan.schema.meta == TableMeta::kFull;
  if (has_meta_) fields_[kMetaField].form = binary ? Form::kVersionedJson : Form::kJson;
  const std::vector<std::string>& key = plan.schema.primary_key;
  for (const ColumnSchema& column : plan.schema.columns) {
    Field field;
    field.form = GetForm(column, binary);
    field.name = column.input_name;
    field.json_name = JsonString(column.input_name);
    if (plan.write_mode == WriteMode::kDedup) {
      if (plan.schema.cursor == column.column_name) field.decides = "CURSOR_CHANGED";
      if (std::find(key.begin(), key.end(), column.column_name) != key.end()) {
        field.decides = "KEY_CHANGED";
      }
    }
    fields_.push_back(std::move(field));
  }
}

UnstorableText::Form UnstorableText::GetForm(const ColumnSchema& column, bool binary) {
  if (!binary) {
    if (column.type == ColumnType::kVarchar) return Form::kText;
    return column.type == ColumnType::kJsonb ? Form::kJson : Form::kOther;
  }
  // A user's type may have a binary form that is not text, such as uuid.
  const postgres::FieldEncoder encoder = postgres::FieldEncoderFor(column);
  if (encoder == postgres::EncodeJsonb) return Form::kVersionedJson;
  if (encoder == postgres::EncodeJsonbAsJson) return Form::kJson;
  const bool text = column.type == ColumnType::kVarchar && encoder == postgres::EncodeVarchar;
  return text ? Form::kText : Form::kOther;
}

template <typename Use>
void UnstorableText::ForEachText(absl::string_view row, Use use) const {
  row.remove_prefix(kCountBytes);
  for (size_t i = 0; i < fields_.size() && row.size() >= kLengthBytes; ++i) {
    const int32_t length = ReadInt32(row);
    row.remove_prefix(kLengthBytes);
    if (length < 0) continue;
    const absl::string_view bytes = row.substr(0, static_cast<size_t>(length));
    row.remove_prefix(bytes.size());
    const Form form = fields_[i].form;
    if (form == Form::kOther || bytes.empty()) continue;
    const size_t version = form == Form::kVersionedJson ? 1 : 0;
    use(i, bytes.substr(0, version), bytes.substr(version));
  }
}

absl::StatusOr<ReplacedText> UnstorableText::Replace(postgres::Connection& connection,
                                                     postgres::Repertoire& repertoire,
                                                     std::vector<ByteBuffer>* blocks) const {
  const std::vector<RowSpan> rows = FindRows(*blocks);
  postgres::Repertoire::Characters unknown;
  for (const RowSpan& row : rows) {
    ForEachText(GetRowBytes(*blocks, row), [&](size_t i, absl::string_view,
                                               absl::string_view text) {
      const bool plain = fields_[i].form == Form::kText;
      repertoire.CollectUnknown(plain ? std::string(text) : CollectJsonCharacters(text), &unknown);
    });
  }
  SYNCLINE_RETURN_IF_ERROR(
      repertoire.Learn(unknown, [&](const std::vector<std::string>& characters) {
        const std::vector<absl::string_view> bytes(characters.begin(), characters.end());
        return connection.Query(postgres::kConvertSql, postgres::Params().BytesArray(bytes))
            .status();
      }));
  ReplacedText result;
  std::vector<ByteBuffer> replaced;
  for (const ByteBuffer& block : *blocks) {
    replaced.emplace_back(block.capacity());
    if (replaced.size() == 1)
      replaced[0].Append(block.view().substr(0, postgres::kCopyHeaderBytes));
  }
  for (size_t index = 0; index < rows.size(); ++index) {
    ReplaceRow(GetRowBytes(*blocks, rows[index]), index, repertoire, &replaced[rows[index].block],
               &result);
  }
  if (result.rows == 0) return result;
  for (size_t i = 0; i < replaced.size(); ++i) {
    result.added_bytes +=
        static_cast<int64_t>(replaced[i].size()) - static_cast<int64_t>((*blocks)[i].size());
  }
  *blocks = std::move(replaced);
  return result;
}

void UnstorableText::ReplaceRow(absl::string_view row, size_t index,
                                const postgres::Repertoire& repertoire, ByteBuffer* out,
                                ReplacedText* result) const {
  std::map<size_t, std::string> texts;  // by field: what replaces it
  std::string entries;
  absl::string_view meta, meta_version;
  const char* decides = nullptr;
  ForEachText(row, [&](size_t i, absl::string_view version, absl::string_view text) {
    std::optional<std::string> cleaned = Clean(text, fields_[i].form != Form::kText, repertoire);
    if (has_meta_ && i == kMetaField) {
      meta = text;
      meta_version = version;
    } else if (cleaned.has_value()) {
      if (decides == nullptr) decides = fields_[i].decides;
      const std::string name =
          Clean(fields_[i].json_name, true, repertoire).value_or(fields_[i].json_name);
      absl::StrAppend(&entries, entries.empty() ? "" : ",", "{\"field\":", name, ",", kChange);
    }
    if (cleaned.has_value()) texts.emplace(i, absl::StrCat(version, *std::move(cleaned)));
  });
  if (decides != nullptr) {
    result->refused.push_back({index, decides, "a character that the database cannot store"});
  }
  if (texts.empty() || decides != nullptr) {
    out->Append(row);
    return;
  }
  ++result->rows;
  for (const auto& [i, text] : texts) {
    if (!has_meta_ || i != kMetaField) ++result->changed[fields_[i].name].truncated;
  }
  // The text ends with the list of changes: ...,"changes":[...]}
  if (has_meta_ && !entries.empty()) {
    std::string& changed =
        texts.emplace(kMetaField, absl::StrCat(meta_version, meta)).first->second;
    changed.resize(changed.size() - 2);
    absl::StrAppend(&changed, changed.back() == '[' ? "" : ",", entries, "]}");
  }
  out->Append(row.substr(0, kCountBytes));
  row.remove_prefix(kCountBytes);
  for (size_t i = 0; i < fields_.size(); ++i) {
    const int32_t length = ReadInt32(row);
    const size_t size = kLengthBytes + (length > 0 ? static_cast<size_t>(length) : 0);
    const auto text = texts.find(i);
    if (text == texts.end()) {
      out->Append(row.substr(0, size));
    } else {
      out->AppendInt32(static_cast<int32_t>(text->second.size()));
      out->Append(text->second);
    }
    row.remove_prefix(size);
  }
}

}  // namespace syncline::write
