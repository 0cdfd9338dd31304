#include "client/table_definition.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace syncline::client {

std::string TableDefinition(absl::string_view table, const std::vector<v1::Column>& columns) {
  return absl::StrCat(
      "CREATE TABLE ", table, " (\n",
      absl::StrJoin(columns, ",\n",
                    [](std::string* out, const v1::Column& column) {
                      absl::StrAppend(out, "  \"",
                                      absl::StrReplaceAll(column.column_name(), {{"\"", "\"\""}}),
                                      "\" ", column.type());
                    }),
      "\n);");
}

}  // namespace syncline::client
