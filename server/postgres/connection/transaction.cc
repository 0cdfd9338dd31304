#include "server/postgres/connection/transaction.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_join.h"

namespace syncline::postgres {
namespace {

// Appends an element of an array literal. It is always quoted, because an unquoted NULL, space or
// comma has a meaning of its own.
void AppendArrayElement(absl::string_view value, std::string* literal) {
  literal->push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') literal->push_back('\\');
    literal->push_back(c);
  }
  literal->push_back('"');
}

// Returns the array literal of `values`, which are strings or optional strings.
template <typename Values, typename Append>
std::string ArrayLiteral(const Values& values, Append append) {
  std::string literal = "{";
  for (const auto& value : values) {
    if (literal.size() > 1) literal.push_back(',');
    append(value, &literal);
  }
  literal.push_back('}');
  return literal;
}

std::string TextArrayLiteral(const std::vector<std::string>& values) {
  return ArrayLiteral(values, AppendArrayElement);
}

}  // namespace

Params& Params::Bytes(absl::string_view value) {
  return Text(absl::StrCat("\\x", absl::BytesToHexString(value)));
}

Params& Params::BytesArray(const std::vector<absl::string_view>& values) {
  // A backslash is escaped in an array.
  return Text(absl::StrCat("{",
                           absl::StrJoin(values, ",",
                                         [](std::string* out, absl::string_view value) {
                                           absl::StrAppend(out, "\"\\\\x",
                                                           absl::BytesToHexString(value), "\"");
                                         }),
                           "}"));
}

Params& Params::TextArray(const std::vector<std::string>& values) {
  return Text(TextArrayLiteral(values));
}

Params& Params::TableNames(const std::vector<TableName>& tables) {
  std::vector<std::string> schemas;
  std::vector<std::string> names;
  for (const TableName& table : tables) {
    schemas.push_back(table.schema);
    names.push_back(table.name);
  }
  return TextArray(schemas).TextArray(names);
}

Params& Params::OptionalTextArray(const std::vector<std::optional<std::string>>& values) {
  return Text(
      ArrayLiteral(values, [](const std::optional<std::string>& value, std::string* literal) {
        if (value.has_value()) return AppendArrayElement(*value, literal);
        literal->append("NULL");
      }));
}

Params& Params::TextLists(const std::vector<std::vector<std::string>>& lists) {
  std::vector<std::string> literals;
  literals.reserve(lists.size());
  for (const std::vector<std::string>& list : lists) literals.push_back(TextArrayLiteral(list));
  return TextArray(literals);
}

Params& Params::IntArray(const std::vector<int64_t>& values) {
  return Text(absl::StrCat("{", absl::StrJoin(values, ","), "}"));
}

}  // namespace syncline::postgres
