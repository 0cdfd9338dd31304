#include "server/postgres/ledger/stream_notes.h"

#include <charconv>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/error.h"
#include "base/json_string.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// $1: stream; $2 to $5: AddStreamNotes.
constexpr char kWriteSql[] = R"sql(
UPDATE $L.stream SET changes = ($2::jsonb[])[1], warnings = ($3::jsonb[])[1],
  guard = ($4::jsonb[])[1], error = ($5::jsonb[])[1]
WHERE stream_no = $1
)sql";

// Queries of one row per note: the stream, the note's kind, up to six values, which the kind
// defines, and the note's position.
constexpr char kChangesSql[] = R"sql(
SELECT stream_no, 'change', c->>'kind', c->>'column', c->>'from', c->>'to', c->>'rewrites',
  c->>'table_bytes', at
FROM $L.stream, jsonb_array_elements(changes) WITH ORDINALITY a (c, at) WHERE stream_no = ANY($1)
)sql";

constexpr char kWarningsSql[] = R"sql(
SELECT stream_no, 'warning', w->>'code', w->>'text', NULL, NULL, NULL, NULL, at
FROM $L.stream, jsonb_array_elements(warnings) WITH ORDINALITY a (w, at) WHERE stream_no = ANY($1)
)sql";

constexpr char kErrorsSql[] = R"sql(
SELECT stream_no, 'error', error->>'code', error->>'reason', error->>'message', error->>'subject', NULL,
  NULL, 0
FROM $L.stream WHERE stream_no = ANY($1) AND error IS NOT NULL
UNION ALL
SELECT stream_no, 'error_metadata', m->>0, m->>1, NULL, NULL, NULL, NULL, at
FROM $L.stream, jsonb_array_elements(nullif(error->'metadata', 'null')) WITH ORDINALITY a (m, at)
WHERE stream_no = ANY($1)
UNION ALL
SELECT stream_no, 'error_violation', m->>0, m->>1, NULL, NULL, NULL, NULL, at
FROM $L.stream, jsonb_array_elements(nullif(error->'violations', 'null')) WITH ORDINALITY a (m, at)
WHERE stream_no = ANY($1)
)sql";

constexpr char kGuardsSql[] = R"sql(
SELECT stream_no, 'guard', guard->>'min_rows', guard->>'max_shrink', guard->>'unique_key',
  guard->>'max_rejected', guard->>'max_nulled', guard->>'allow_empty', 0
FROM $L.stream WHERE stream_no = ANY($1) AND guard <> '{}'
UNION ALL
SELECT stream_no, 'not_null', n.key, n.value, NULL, NULL, NULL, NULL, 0
FROM $L.stream, jsonb_each_text(guard->'not_null') n WHERE stream_no = ANY($1)
UNION ALL
SELECT stream_no, 'guard_key', k.name, NULL, NULL, NULL, NULL, NULL, k.at
FROM $L.stream, jsonb_array_elements_text(guard->'key') WITH ORDINALITY k (name, at)
WHERE stream_no = ANY($1)
)sql";

// Followed by kMaxFieldCounts.
constexpr char kFieldsSql[] = R"sql(
SELECT stream_no, 'field', field, nulled::text, truncated::text, undeclared::text, NULL, NULL, place
FROM (SELECT stream_no, field, sum(nulled) AS nulled, sum(truncated) AS truncated,
        sum(undeclared) AS undeclared, row_number() OVER (PARTITION BY stream_no
          ORDER BY sum(nulled + truncated + undeclared) DESC, field) AS place
      FROM $L.field_count WHERE stream_no = ANY($1) GROUP BY stream_no, field) f
WHERE place <= )sql";

// Returns the statement that reads these kinds of notes.
std::string ReadSql(const NoteKinds& kinds) {
  std::vector<std::string> queries;
  if (kinds.changes) queries.emplace_back(kChangesSql);
  if (kinds.warnings) queries.emplace_back(kWarningsSql);
  if (kinds.error) queries.emplace_back(kErrorsSql);
  if (kinds.guard) queries.emplace_back(kGuardsSql);
  if (kinds.fields) queries.push_back(absl::StrCat(kFieldsSql, kMaxFieldCounts));
  return absl::StrCat("SELECT * FROM (", absl::StrJoin(queries, " UNION ALL "),
                      ") n (stream_no, kind, value1, value2, value3, value4, value5, value6, at)",
                      " ORDER BY stream_no, kind, at");
}

double Double(const RowView& note, absl::string_view column) {
  double value = 0;
  return absl::SimpleAtod(note.Text(column), &value) ? value : 0;
}

// jsonb prints booleans as `true` and `false`.
bool JsonBool(const RowView& note, absl::string_view column) { return note.Text(column) == "true"; }

void ReadGuard(const RowView& note, PublishGuard* guard) {
  guard->min_rows = note.OptionalInt("value1");
  if (!note.IsNull("value2")) guard->max_shrink = Double(note, "value2");
  guard->unique_key = JsonBool(note, "value3");
  guard->max_rejected = note.OptionalInt("value4");
  guard->max_nulled = note.OptionalInt("value5");
  guard->allow_empty = JsonBool(note, "value6");
}

void ReadNote(const RowView& note, StreamEntry* stream) {
  const std::string& kind = note.Text("kind");
  const std::string& first = note.Text("value1");
  const std::string& second = note.Text("value2");
  if (kind == "change") {
    stream->changes.push_back({.kind = SchemaChangeKindFromText(first),
                               .column = second,
                               .from = note.Text("value3"),
                               .to = note.Text("value4"),
                               .rewrites = JsonBool(note, "value5"),
                               .table_bytes = note.Int("value6")});
  } else if (kind == "warning") {
    stream->warnings.push_back({.code = first, .text = second});
  } else if (kind == "error") {
    stream->error =
        MakeError(static_cast<absl::StatusCode>(note.Int("value1")), note.Text("value3"),
                  {.reason = second, .subject = note.Text("value4")});
  } else if (kind == "error_metadata" || kind == "error_violation") {
    ErrorDetail detail = GetDetail(stream->error);
    if (kind == "error_metadata") {
      detail.metadata.emplace_back(first, second);
    } else {
      detail.violations.push_back({first, second});
    }
    stream->error = MakeError(stream->error.code(), stream->error.message(), detail);
  } else if (kind == "guard") {
    ReadGuard(note, &stream->plan.guard);
  } else if (kind == "not_null") {
    stream->plan.guard.not_null[first] = Double(note, "value2");
  } else if (kind == "guard_key") {
    stream->plan.guard.key.push_back(first);
  } else if (kind == "field") {
    stream->fields[first] = {.nulled = note.Int("value2"),
                             .truncated = note.Int("value3"),
                             .undeclared = note.Int("value4")};
  }
}

// PostgreSQL cannot store NUL in text. It is replaced, because otherwise the statement would fail.
std::string Quote(absl::string_view text) {
  return JsonString(absl::StrReplaceAll(text, {{absl::string_view("\0", 1), "?"}}));
}

std::string Bool(bool value) { return value ? "true" : "false"; }

std::string Number(int64_t value) { return absl::StrCat(value); }
// The shortest text from which the same value is read.
std::string Number(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, std::end(text), value).ptr);
}

// Collects the members of a JSON object, or the elements of an array. Their values are JSON
// already.
class JsonList {
 public:
  void Add(std::string value) { values_.push_back(std::move(value)); }
  void Add(absl::string_view key, absl::string_view value) {
    Add(absl::StrCat(Quote(key), ":", value));
  }
  void AddPair(absl::string_view first, absl::string_view second) {
    Add(absl::StrCat("[", Quote(first), ",", Quote(second), "]"));
  }

  bool empty() const { return values_.empty(); }
  std::string Object() const { return absl::StrCat("{", absl::StrJoin(values_, ","), "}"); }
  std::string Array() const { return absl::StrCat("[", absl::StrJoin(values_, ","), "]"); }

 private:
  std::vector<std::string> values_;
};

std::string ChangesJson(const std::vector<SchemaChange>& changes) {
  JsonList list;
  for (const SchemaChange& change : changes) {
    JsonList members;
    members.Add("kind", Quote(ToText(change.kind)));
    members.Add("column", Quote(change.column));
    members.Add("from", Quote(change.from));
    members.Add("to", Quote(change.to));
    members.Add("rewrites", Bool(change.rewrites));
    members.Add("table_bytes", Number(change.table_bytes));
    list.Add(members.Object());
  }
  return list.Array();
}

std::string WarningsJson(const std::vector<Warning>& warnings) {
  JsonList list;
  for (const Warning& warning : warnings) {
    JsonList members;
    members.Add("code", Quote(warning.code));
    members.Add("text", Quote(warning.text));
    list.Add(members.Object());
  }
  return list.Array();
}

// Has only the conditions that are set.
std::string GuardJson(const PublishGuard& guard) {
  JsonList members;
  const auto add = [&](absl::string_view key, const auto& limit) {
    if (limit.has_value()) members.Add(key, Number(*limit));
  };
  add("min_rows", guard.min_rows);
  add("max_shrink", guard.max_shrink);
  add("max_rejected", guard.max_rejected);
  add("max_nulled", guard.max_nulled);
  if (guard.unique_key) members.Add("unique_key", Bool(true));
  if (guard.allow_empty) members.Add("allow_empty", Bool(true));
  JsonList key;
  for (const std::string& column : guard.key) key.Add(Quote(column));
  if (!key.empty()) members.Add("key", key.Array());
  JsonList shares;
  for (const auto& [field, share] : guard.not_null) shares.Add(field, Number(share));
  if (!shares.empty()) members.Add("not_null", shares.Object());
  return members.Object();
}

std::optional<std::string> ErrorJson(const absl::Status& error) {
  if (error.ok()) return std::nullopt;
  const ErrorDetail detail = GetDetail(error);
  JsonList members;
  members.Add("code", Number(static_cast<int64_t>(error.code())));
  members.Add("reason", Quote(detail.reason));
  members.Add("message", Quote(error.message()));
  members.Add("subject", Quote(detail.subject));
  JsonList metadata;
  for (const auto& [key, value] : detail.metadata) metadata.AddPair(key, value);
  members.Add("metadata", metadata.Array());
  JsonList violations;
  for (const FieldViolation& violation : detail.violations) {
    violations.AddPair(violation.field, violation.description);
  }
  members.Add("violations", violations.Array());
  return members.Object();
}

}  // namespace

bool HasStreamNotes(const StreamEntry& stream) {
  return !stream.changes.empty() || !stream.warnings.empty() || !stream.error.ok() ||
         GuardJson(stream.plan.guard) != "{}";
}

void AddStreamNotes(absl::Span<const StreamEntry> streams, Params* params) {
  std::vector<std::string> changes, warnings, guards;
  std::vector<std::optional<std::string>> errors;
  for (const StreamEntry& stream : streams) {
    changes.push_back(ChangesJson(stream.changes));
    warnings.push_back(WarningsJson(stream.warnings));
    guards.push_back(GuardJson(stream.plan.guard));
    errors.push_back(ErrorJson(stream.error));
  }
  params->TextArray(changes).TextArray(warnings).TextArray(guards).OptionalTextArray(errors);
}

absl::Status WriteStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                              const StreamEntry& stream) {
  Params params;
  params.Int(stream.plan.stream_no);
  AddStreamNotes({&stream, 1}, &params);
  return transaction.Query(WithLedgerSchema(kWriteSql, quoted_schema), params).status();
}

NoteKinds ReadNoteKinds(const RowView& row) {
  return {.changes = row.Bool("has_changes"),
          .warnings = row.Bool("has_warnings"),
          .error = row.Bool("has_error"),
          .guard = row.Bool("has_guard")};
}

absl::Status ReadStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                             const std::vector<int64_t>& stream_nos, const NoteKinds& kinds,
                             const StreamsByNo& by_no) {
  if (!kinds.any()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(ReadSql(kinds), quoted_schema),
                                              Params().IntArray(stream_nos)));
  for (const RowView row : rows) ReadNote(row, by_no.at(row.Int("stream_no")));
  return absl::OkStatus();
}

}  // namespace syncline::postgres
