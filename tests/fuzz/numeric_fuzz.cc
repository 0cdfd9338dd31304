// Fuzzes texts of numbers for numeric and bigint columns and compares the results with slow decimal
// arithmetic.
//
// The first byte of the input selects the kind of the rest: a text, a JSON token, or runs of
// digits, which reach numeric's limits with few bytes.
#include <algorithm>

#include "absl/strings/match.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/postgres/copy/row_encoder.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/copy_row.h"
#include "tests/fuzz/decimal_reference.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/json_reference.h"

namespace syncline::fuzz {
namespace {

using dataflow::Coercer;
using dataflow::Coercion;
using dataflow::ScratchArena;

bool IsStored(Coercion coercion) {
  return coercion == Coercion::kFits || coercion == Coercion::kCut;
}

std::string Encode(ColumnType type, const Value& value) {
  ByteBuffer buffer;
  postgres::FieldEncoderFor(type)(value, &buffer);
  absl::string_view bytes = buffer.view();
  const CopyField field = TakeField(&bytes);
  Expect(field.has_value() && bytes.empty(), "one field", buffer.view());
  return *field;
}

void CheckNumeric(absl::string_view text, const std::optional<WrittenDecimal>& written,
                  Coercion coercion, const Value& value) {
  if (!written.has_value()) {
    return Expect(coercion == Coercion::kUnreadable || coercion == Coercion::kMalformed,
                  "what is no number is not taken", text);
  }
  const std::optional<StoredDecimal> expected = StoreAsNumeric(*written);
  Expect(expected.has_value() == IsStored(coercion), "numeric stores exactly its numbers", text);
  if (!expected.has_value()) {
    return Expect(coercion == Coercion::kOutOfRange, "a number that does not fit is out of range",
                  text);
  }
  Expect((coercion == Coercion::kCut) == expected->cut, "dropped digits are reported", text);
  int64_t scale = 0;
  const ReferenceDecimal stored = ReadNumericField(Encode(ColumnType::kNumeric, value), &scale);
  Expect(stored == expected->value, "a number is kept digit for digit", text, " as ",
         ToString(stored));
  constexpr int64_t kMaxScale = 16383;
  Expect(written->scale > kMaxScale || scale == written->scale, "the scale is kept", text, " ",
         scale);
}

void CheckBigint(absl::string_view text, const std::optional<WrittenDecimal>& written,
                 Coercion coercion, const Value& value) {
  const std::optional<int64_t> expected =
      written.has_value() ? StoreAsBigint(written->value) : std::nullopt;
  Expect(expected.has_value() == (coercion == Coercion::kFits), "bigint stores exactly its numbers",
         text);
  Expect(!expected || NumberIn(Encode(ColumnType::kBigint, value)) == *expected,
         "an integer is kept", text);
}

void CheckBoth(absl::string_view text, absl::string_view number, bool is_token) {
  const std::optional<WrittenDecimal> written = ReadDecimal(number);
  ScratchArena scratch;
  const auto coerce = [&](const Coercer& coercer, Value* value) {
    return (is_token ? coercer.from_json : coercer.from_text)(text, &scratch, value);
  };
  Value numeric;
  const Coercion to_numeric = coerce(dataflow::kNumericCoercer, &numeric);
  CheckNumeric(text, written, to_numeric, numeric);
  Value bigint;
  const Coercion to_bigint = coerce(dataflow::kBigintCoercer, &bigint);
  CheckBigint(text, written, to_bigint, bigint);
}

absl::string_view Trimmed(absl::string_view text) {
  constexpr absl::string_view kSpace = "\t\n\v\f\r ";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == absl::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

void CheckText(absl::string_view text) { CheckBoth(text, Trimmed(text), false); }

// Tokens have no white space around them and end at the first structural character. simdjson has
// already rejected control characters.
void CheckToken(absl::string_view token) {
  const bool structural = std::any_of(token.begin(), token.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || absl::StrContains("[]{},:\"", c);
  });
  if (token.empty() || structural) return;
  const std::optional<JsonNode> node = ReadJson(token);
  const bool is_number = node.has_value() && node->kind == JsonNode::Kind::kNumber;
  CheckBoth(token, is_number ? token : "", true);
  const std::string quoted = absl::StrCat("\"", token, "\"");
  const std::optional<JsonNode> string = ReadJson(quoted);
  // A JSON string is read like its text.
  CheckBoth(quoted, string.has_value() ? Trimmed(string->text) : "", true);
}

void AppendRun(ByteSource* source, std::string* text) {
  // Most runs are short, because long runs are slow.
  const size_t length = source->Below(16) == 0 ? source->Word() : source->Byte();
  text->append(length, static_cast<char>('0' + source->Below(10)));
}

// Builds runs of equal digits before and after a decimal point, and an exponent.
void CheckRuns(ByteSource source) {
  std::string text = source.Flag() ? "-" : "";
  for (int runs = source.Below(4); runs > 0; --runs) AppendRun(&source, &text);
  if (source.Flag()) {
    text += ".";
    for (int runs = source.Below(4); runs > 0; --runs) AppendRun(&source, &text);
  }
  if (source.Flag()) {
    const int64_t exponent = source.Flag() ? static_cast<int64_t>(source.Long())
                                           : static_cast<int64_t>(source.Word()) * 3;
    absl::StrAppend(&text, "e", source.Flag() ? "-" : "", exponent < 0 ? ~exponent : exponent);
  }
  CheckText(text);
  CheckToken(text);
}

void CheckInput(ByteSource source) {
  switch (source.Below(3)) {
    case 0:
      return CheckText(source.Rest());
    case 1:
      return CheckToken(source.Rest());
    default:
      return CheckRuns(source);
  }
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  syncline::fuzz::CheckInput({data, size});
  return 0;
}
