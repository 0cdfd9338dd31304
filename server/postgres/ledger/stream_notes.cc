#include "server/postgres/ledger/stream_notes.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// One row per stream: $1 to $12. One row per note, with the number of its stream: changes ($13 to
// $19), warnings ($20 to $22), NOT NULL shares of the guard ($23 to $25), metadata ($26 to $28) and
// violations ($29 to $31) of the error.
constexpr char kWriteSql[] = R"sql(
UPDATE $L.stream s SET
  changes = coalesce(c.notes, '[]'), warnings = coalesce(w.notes, '[]'),
  guard = jsonb_strip_nulls(jsonb_build_object('min_rows', n.min_rows, 'max_shrink', n.max_shrink,
    'unique_key', n.unique_key, 'max_rejected', n.max_rejected, 'max_nulled', n.max_nulled,
    'allow_empty', n.allow_empty, 'key', to_jsonb(nullif(n.key::text[], '{}')), 'not_null', f.notes)),
  error = CASE WHEN n.code <> 0 THEN jsonb_build_object('code', n.code, 'reason', n.reason,
    'message', n.message, 'subject', n.subject, 'metadata', m.notes, 'violations', v.notes) END
FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::boolean[], $5::bigint[], $6::bigint[],
    $7::boolean[], $8::text[], $9::integer[], $10::text[], $11::text[], $12::text[])
  n (no, min_rows, max_shrink, unique_key, max_rejected, max_nulled, allow_empty, key, code, reason,
     message, subject)
LEFT JOIN (SELECT no, jsonb_agg(jsonb_build_object('kind', kind, 'column', name, 'from', before,
      'to', after, 'rewrites', rewrites, 'table_bytes', bytes) ORDER BY at) AS notes
    FROM unnest($13::bigint[], $14::text[], $15::text[], $16::text[], $17::text[], $18::boolean[],
      $19::bigint[]) WITH ORDINALITY a (no, kind, name, before, after, rewrites, bytes, at)
    GROUP BY no) c ON c.no = n.no
LEFT JOIN (SELECT no, jsonb_agg(jsonb_build_object('code', code, 'text', words) ORDER BY at) AS notes
    FROM unnest($20::bigint[], $21::text[], $22::text[]) WITH ORDINALITY a (no, code, words, at)
    GROUP BY no) w ON w.no = n.no
LEFT JOIN (SELECT no, jsonb_object_agg(field, share) AS notes
    FROM unnest($23::bigint[], $24::text[], $25::float8[]) a (no, field, share)
    GROUP BY no) f ON f.no = n.no
LEFT JOIN (SELECT no, jsonb_agg(jsonb_build_array(k, v) ORDER BY at) AS notes
    FROM unnest($26::bigint[], $27::text[], $28::text[]) WITH ORDINALITY a (no, k, v, at)
    GROUP BY no) m ON m.no = n.no
LEFT JOIN (SELECT no, jsonb_agg(jsonb_build_array(k, v) ORDER BY at) AS notes
    FROM unnest($29::bigint[], $30::text[], $31::text[]) WITH ORDINALITY a (no, k, v, at)
    GROUP BY no) v ON v.no = n.no
WHERE s.stream_no = n.no
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

using Streams = std::vector<const StreamEntry*>;

// Notes of any number of streams, as columns of text.
class NoteColumns {
 public:
  explicit NoteColumns(size_t columns) : values_(columns) {}

  void Add(int64_t stream_no, std::vector<std::string> values) {
    stream_nos_.push_back(stream_no);
    for (size_t i = 0; i < values.size(); ++i) values_[i].push_back(std::move(values[i]));
  }

  void AddTo(Params* params) const {
    params->IntArray(stream_nos_);
    for (const std::vector<std::string>& column : values_) params->TextArray(column);
  }

 private:
  std::vector<int64_t> stream_nos_;
  std::vector<std::vector<std::string>> values_;
};

std::string BoolText(bool value) { return value ? "t" : "f"; }

std::optional<std::string> OptionalText(std::optional<int64_t> value) {
  if (!value.has_value()) return std::nullopt;
  return absl::StrCat(*value);
}

std::optional<std::string> TrueOrNull(bool value) {
  if (!value) return std::nullopt;
  return BoolText(true);
}

void AddGuards(const Streams& streams, Params* params) {
  std::vector<std::optional<std::string>> rows, shrinks, unique, rejected, nulled, empty;
  std::vector<std::vector<std::string>> keys;
  for (const StreamEntry* stream : streams) {
    const PublishGuard& guard = stream->plan.guard;
    rows.push_back(OptionalText(guard.min_rows));
    shrinks.emplace_back();
    if (guard.max_shrink.has_value()) shrinks.back() = absl::StrCat(*guard.max_shrink);
    unique.push_back(TrueOrNull(guard.unique_key));
    rejected.push_back(OptionalText(guard.max_rejected));
    nulled.push_back(OptionalText(guard.max_nulled));
    empty.push_back(TrueOrNull(guard.allow_empty));
    keys.push_back(guard.key);
  }
  params->OptionalTextArray(rows).OptionalTextArray(shrinks).OptionalTextArray(unique);
  params->OptionalTextArray(rejected).OptionalTextArray(nulled).OptionalTextArray(empty);
  params->TextLists(keys);
}

void AddErrors(const Streams& streams, Params* params) {
  std::vector<int64_t> codes;
  std::vector<std::string> reasons, messages, subjects;
  for (const StreamEntry* stream : streams) {
    const ErrorDetail detail = GetDetail(stream->error);
    codes.push_back(static_cast<int64_t>(stream->error.code()));
    reasons.push_back(detail.reason);
    messages.emplace_back(stream->error.message());
    subjects.push_back(detail.subject);
  }
  params->IntArray(codes).TextArray(reasons).TextArray(messages).TextArray(subjects);
}

void AddChangesAndWarnings(const Streams& streams, Params* params) {
  NoteColumns changes(6), warnings(2);
  for (const StreamEntry* stream : streams) {
    for (const SchemaChange& change : stream->changes) {
      changes.Add(stream->plan.stream_no,
                  {std::string(ToText(change.kind)), change.column, change.from, change.to,
                   BoolText(change.rewrites), absl::StrCat(change.table_bytes)});
    }
    for (const Warning& warning : stream->warnings) {
      warnings.Add(stream->plan.stream_no, {warning.code, warning.text});
    }
  }
  changes.AddTo(params);
  warnings.AddTo(params);
}

// Adds the shares of guards, and the metadata and violations of errors.
void AddDetails(const Streams& streams, Params* params) {
  NoteColumns shares(2), metadata(2), violations(2);
  for (const StreamEntry* stream : streams) {
    const int64_t stream_no = stream->plan.stream_no;
    for (const auto& [field, share] : stream->plan.guard.not_null) {
      shares.Add(stream_no, {field, absl::StrCat(share)});
    }
    const ErrorDetail detail = GetDetail(stream->error);
    for (const auto& [key, value] : detail.metadata) metadata.Add(stream_no, {key, value});
    for (const FieldViolation& violation : detail.violations) {
      violations.Add(stream_no, {violation.field, violation.description});
    }
  }
  shares.AddTo(params);
  metadata.AddTo(params);
  violations.AddTo(params);
}

}  // namespace

bool HasStreamNotes(const StreamEntry& stream) {
  const PublishGuard& guard = stream.plan.guard;
  return !stream.changes.empty() || !stream.warnings.empty() || !stream.error.ok() ||
         guard.min_rows.has_value() || guard.max_shrink.has_value() || !guard.not_null.empty() ||
         guard.unique_key || guard.max_rejected.has_value() || guard.max_nulled.has_value() ||
         guard.allow_empty || !guard.key.empty();
}

absl::Status WriteStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                              const std::vector<const StreamEntry*>& streams) {
  if (streams.empty()) return absl::OkStatus();
  std::vector<int64_t> stream_nos;
  stream_nos.reserve(streams.size());
  for (const StreamEntry* stream : streams) stream_nos.push_back(stream->plan.stream_no);
  Params params;
  params.IntArray(stream_nos);
  AddGuards(streams, &params);
  AddErrors(streams, &params);
  AddChangesAndWarnings(streams, &params);
  AddDetails(streams, &params);
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
