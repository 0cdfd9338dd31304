#include "server/postgres/sql/cast_sql.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

constexpr char kDate[] = "[0-9]{4,7}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
constexpr char kTime[] = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?";
constexpr char kZone[] = " ?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)";

// Returns the type without its modifier: "numeric(10,2)" -> "numeric", "timestamp(3) with time
// zone"
// -> "timestamp with time zone".
std::string BaseType(absl::string_view type) {
  const size_t open = type.find('(');
  const size_t close = type.find(')');
  if (open == absl::string_view::npos || close == absl::string_view::npos) return std::string(type);
  return absl::StrCat(type.substr(0, open), type.substr(close + 1));
}

bool IsInteger(absl::string_view type) {
  return type == "bigint" || type == "integer" || type == "smallint";
}

bool IsFloat(absl::string_view type) { return type == "real" || type == "double precision"; }

bool IsJson(absl::string_view type) { return type == "json" || type == "jsonb"; }

// Returns `pattern` with each "$x" replaced by `x`.
std::string Fill(absl::string_view pattern, absl::string_view x) {
  return absl::StrReplaceAll(pattern, {{"$x", x}});
}

std::string Matches(absl::string_view x, absl::string_view regex) {
  return absl::StrCat(x, " ~ '^(", regex, ")$'");
}

// Returns SQL that checks that the day in the text `x`, which starts with a match of kDate, exists
// and that its year is at most `max_year`. The calendar repeats every 400 years, so the year that
// make_date gets is always in range.
std::string DayExists(absl::string_view x, int max_year) {
  return Fill(absl::StrCat("split_part($x, '-', 1)::integer BETWEEN 1 AND ", max_year,
                           " AND left(split_part($x, '-', 3), 2)::integer <= extract(day FROM "
                           "make_date(2000 + split_part($x, '-', 1)::integer % 400, "
                           "split_part($x, '-', 2)::integer, 1) + interval '1 month -1 day')"),
              x);
}

// Returns SQL for `guard` AND `check`. CASE fixes the order of evaluation, because `check` may
// raise an error where `guard` is false.
std::string Guarded(absl::string_view guard, absl::string_view check) {
  return absl::StrCat("CASE WHEN ", guard, " THEN ", check, " ELSE false END");
}

// Returns SQL that checks that the text `x` is a numeric. PostgreSQL's numeric has at most 131072
// digits before and 16383 after the point. With an exponent the bounds here are narrower than
// necessary, but safe.
std::string NumericReads(absl::string_view x) {
  return Fill(
      "($x ~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)$' AND length(split_part($x, '.', 1)) <= 131072"
      " AND length(split_part($x, '.', 2)) <= 16383 OR length($x) <= 6000"
      " AND $x ~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)[eE][+-]?[0-9]{1,4}$')",
      x);
}

// Returns a predicate that is true if the text `x` can be read as `to` without loss. It may be NULL
// if `x` is.
std::string TextReadsSql(absl::string_view x, ColumnType to) {
  const std::string date_time = absl::StrCat(kDate, "[T ]", kTime);
  switch (to) {
    case ColumnType::kVarchar:
    case ColumnType::kJsonb:
      return "true";
    case ColumnType::kBigint:
      return Guarded(
          absl::StrCat(Matches(x, "[+-]?[0-9]+([.]0*)?"), " AND ", Fill("length($x) <= 1000", x)),
          Fill("$x::numeric BETWEEN -9223372036854775808 AND 9223372036854775807", x));
    case ColumnType::kNumeric:
      return NumericReads(x);
    case ColumnType::kBoolean:
      return Fill("lower($x) IN ('true', 'false')", x);
    case ColumnType::kDate:
      return Guarded(Matches(x, kDate), DayExists(x, 5874897));
    case ColumnType::kTimestamp:
      return Guarded(Matches(x, date_time), DayExists(x, 294275));
    case ColumnType::kTimestamptz:
      return Guarded(Matches(x, absl::StrCat(date_time, "(", kZone, ")?")), DayExists(x, 294275));
    case ColumnType::kTime:
      return Matches(x, kTime);
    case ColumnType::kTimetz:
      return Matches(x, absl::StrCat(kTime, "(", kZone, ")?"));
    case ColumnType::kBytea:
      return absl::StrCat(Matches(x, "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"));
  }
  return "false";
}

// Returns SQL that converts the text `x`, for which TextReadsSql is true, to `to`. Fractions of a
// second are truncated after six digits, never rounded.
std::string CastTextSql(absl::string_view x, ColumnType to) {
  switch (to) {
    case ColumnType::kVarchar:
    case ColumnType::kNumeric:
    case ColumnType::kBoolean:
    case ColumnType::kDate:
      return absl::StrCat(x, "::", PostgresTypeName(to));
    case ColumnType::kJsonb:
      return absl::StrCat("to_jsonb(", x, ")");
    case ColumnType::kBigint:
      return absl::StrCat(x, "::numeric::bigint");
    case ColumnType::kBytea:
      return absl::StrCat("decode(", x, ", 'base64')");
    case ColumnType::kTimestamp:
    case ColumnType::kTimestamptz:
    case ColumnType::kTime:
    case ColumnType::kTimetz:
      return absl::StrCat("regexp_replace(", x,
                          ", '([.][0-9]{6})[0-9]+', '\\1')::", PostgresTypeName(to));
  }
  return "NULL";
}

// Returns the special cast between two types, or an empty expression if only the general cast
// through text applies.
Cast DirectCast(absl::string_view c, absl::string_view from, ColumnType to) {
  constexpr char kFits[] =
      "NOT ($x BETWEEN -9223372036854775808 AND 9223372036854775807 AND $x = trunc($x))";
  const bool zoned = from == PostgresTypeName(ColumnType::kTimestamptz);
  const bool is_timestamp = zoned || from == PostgresTypeName(ColumnType::kTimestamp);
  // Independent of the session's time zone.
  const std::string utc = zoned ? absl::StrCat("(", c, " AT TIME ZONE 'UTC')") : std::string(c);
  if (to == ColumnType::kJsonb) return {absl::StrCat("to_jsonb(", c, ")"), ""};
  if (from == PostgresTypeName(to)) return {absl::StrCat(c, "::", PostgresTypeName(to)), ""};
  if (to == ColumnType::kNumeric && IsInteger(from)) return {absl::StrCat(c, "::numeric"), ""};
  // Through text, because the cast from float8 to numeric keeps only 15 digits.
  if (to == ColumnType::kNumeric && IsFloat(from)) return {absl::StrCat(c, "::text::numeric"), ""};
  if (to == ColumnType::kBigint) {
    if (IsInteger(from)) return {absl::StrCat(c, "::bigint"), ""};
    if (from == "numeric") return {absl::StrCat(c, "::bigint"), Fill(kFits, c)};
    if (IsFloat(from)) {
      return {absl::StrCat(c, "::text::numeric::bigint"),
              Fill(kFits, absl::StrCat(c, "::text::numeric"))};
    }
  }
  if (from == "date" && (to == ColumnType::kTimestamp || to == ColumnType::kTimestamptz)) {
    const std::string failing = Fill("isfinite($x) AND $x > date '294275-12-31'", c);
    const std::string midnight = absl::StrCat(c, "::timestamp without time zone");
    if (to == ColumnType::kTimestamp) return {midnight, failing};
    return {absl::StrCat("(", midnight, " AT TIME ZONE 'UTC')"), failing};
  }
  if (is_timestamp && to == ColumnType::kTimestamp) return {utc, ""};
  if (is_timestamp && to == ColumnType::kTimestamptz) {
    return {absl::StrCat("(", c, " AT TIME ZONE 'UTC')"), ""};
  }
  if (is_timestamp && to == ColumnType::kDate) {
    return {absl::StrCat(utc, "::date"), Fill("isfinite($x) AND $x <> date_trunc('day', $x)", utc)};
  }
  if (from == "time with time zone" && to == ColumnType::kTime) {
    return {absl::StrCat(c, "::time without time zone"), ""};
  }
  if (from == "time without time zone" && to == ColumnType::kTimetz) {
    return {absl::StrCat("(", c, "::text || '+00')::time with time zone"), ""};
  }
  return {};
}

// Returns the modifier of a type, "10,2" for "numeric(10,2)", or an empty string.
std::string GetModifier(absl::string_view type) {
  const size_t open = type.find('(');
  const size_t close = type.find(')');
  if (open == absl::string_view::npos || close == absl::string_view::npos) return "";
  return std::string(type.substr(open + 1, close - open - 1));
}

// Returns a predicate that is true if `value`, which has a type of a stream's column, would change
// or raise an error when it is cast to `type`. Returns an empty string if every value fits.
std::string TooNarrow(absl::string_view value, absl::string_view type) {
  const std::string base = BaseType(type);
  const std::string modifier = GetModifier(type);
  const auto fill = [&](absl::string_view pattern) {
    return absl::StrReplaceAll(
        pattern, {{"$x", absl::StrCat("(", value, ")")}, {"$m", modifier}, {"$t", type}});
  };
  if (base == "smallint") return fill("$x NOT BETWEEN -32768 AND 32767");
  if (base == "integer") return fill("$x NOT BETWEEN -2147483648 AND 2147483647");
  if (modifier.empty()) return "";
  if (base == "character varying" || base == "character") return fill("char_length($x) > $m");
  if (base == "numeric") {
    const std::vector<std::string> parts = absl::StrSplit(modifier, ',');
    const std::string scale = parts.size() > 1 ? parts[1] : "0";
    return absl::StrCat(fill("CASE WHEN abs(round($x, "), scale, fill(")) >= 10::numeric ^ ("),
                        parts[0], " - (", scale, fill(")) THEN true ELSE $x <> $x::$t END"));
  }
  return absl::StartsWith(base, "time") ? fill("$x <> $x::$t") : "";
}

}  // namespace

Cast CastTo(absl::string_view column, absl::string_view from, ColumnType to) {
  const std::string name = QuoteIdentifier(column);
  const std::string base = BaseType(from);
  // Bytes become base64 in one line, as sources write them.
  if (base == "bytea" && to != ColumnType::kBytea) {
    const std::string base64 = absl::StrCat("translate(encode(", name, ", 'base64'), E'\\n', '')");
    if (to == ColumnType::kVarchar || to == ColumnType::kJsonb)
      return {CastTextSql(base64, to), ""};
  }
  if (Cast direct = DirectCast(name, base, to); !direct.expression.empty()) return direct;
  const std::string text =
      IsJson(base) ? absl::StrCat("(", name, " #>> '{}')") : absl::StrCat(name, "::text");
  if (to == ColumnType::kVarchar) return {CastTextSql(text, to), ""};
  return {CastTextSql(text, to),
          absl::StrCat(text, " IS NOT NULL AND NOT (", TextReadsSql(text, to), ")")};
}

Cast AppendCast(const Cast& cast, absl::string_view type) {
  Cast stored;
  stored.expression = absl::StrCat("(", cast.expression, ")::", type);
  const std::string narrow = TooNarrow(cast.expression, type);
  if (narrow.empty() || cast.failing.empty()) {
    stored.failing = absl::StrCat(cast.failing, narrow);
  } else {
    stored.failing = absl::StrCat("CASE WHEN ", cast.failing, " THEN true ELSE ", narrow, " END");
  }
  return stored;
}

Cast CastToColumn(absl::string_view from, const ColumnSchema& to) {
  const Cast cast = CastTo(to.column_name, from, to.type);
  return to.table_type.empty() ? cast : AppendCast(cast, to.table_type);
}

}  // namespace syncline::postgres
