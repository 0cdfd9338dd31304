#include "server/postgres/ledger/stream_notes.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kWriteSql[] = R"sql(
UPDATE $L.stream SET
  changes = coalesce((SELECT jsonb_agg(jsonb_build_object('kind', c.kind, 'column', c.name,
      'from', c.before, 'to', c.after, 'rewrites', c.rewrites, 'table_bytes', c.bytes) ORDER BY at)
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::bigint[])
      WITH ORDINALITY c (kind, name, before, after, rewrites, bytes, at)), '[]'),
  warnings = coalesce((SELECT jsonb_agg(jsonb_build_object('code', w.code, 'text', w.words) ORDER BY at)
    FROM unnest($8::text[], $9::text[]) WITH ORDINALITY w (code, words, at)), '[]'),
  guard = jsonb_strip_nulls(jsonb_build_object('min_rows', $10::bigint, 'max_shrink', $11::float8,
    'unique_key', $12::boolean, 'max_rejected', $13::bigint, 'max_nulled', $14::bigint,
    'allow_empty', $15::boolean,
    'key', to_jsonb(nullif($18::text[], '{}')),
    'not_null', (SELECT jsonb_object_agg(field, share) FROM unnest($16::text[], $17::float8[]) n (field, share)))),
  error = CASE WHEN $19::integer <> 0 THEN jsonb_build_object('code', $19::integer, 'reason', $20::text,
    'message', $21::text, 'subject', $22::text,
    'metadata', (SELECT jsonb_agg(jsonb_build_array(k, v) ORDER BY at)
      FROM unnest($23::text[], $24::text[]) WITH ORDINALITY m (k, v, at)),
    'violations', (SELECT jsonb_agg(jsonb_build_array(k, v) ORDER BY at)
      FROM unnest($25::text[], $26::text[]) WITH ORDINALITY m (k, v, at))) END
WHERE stream_no = $1
)sql";

// One row per note: the stream, the note's kind, up to six values, which the kind defines, and the
// note's position.
constexpr char kReadSql[] = R"sql(
SELECT stream_no, 'change' AS kind, c->>'kind' AS value1, c->>'column' AS value2,
  c->>'from' AS value3, c->>'to' AS value4, c->>'rewrites' AS value5, c->>'table_bytes' AS value6, at
  FROM $L.stream, jsonb_array_elements(changes) WITH ORDINALITY a (c, at) WHERE stream_no = ANY($1)
UNION ALL
SELECT stream_no, 'warning', w->>'code', w->>'text', NULL, NULL, NULL, NULL, at
  FROM $L.stream, jsonb_array_elements(warnings) WITH ORDINALITY a (w, at) WHERE stream_no = ANY($1)
UNION ALL
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
UNION ALL
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
UNION ALL
SELECT stream_no, 'field', field, nulled::text, truncated::text, undeclared::text, NULL, NULL, place
  FROM (SELECT stream_no, field, sum(nulled) AS nulled, sum(truncated) AS truncated,
          sum(undeclared) AS undeclared, row_number() OVER (PARTITION BY stream_no
            ORDER BY sum(nulled + truncated + undeclared) DESC, field) AS place
        FROM $L.field_count WHERE stream_no = ANY($1) GROUP BY stream_no, field) f
  WHERE place <= $2
ORDER BY stream_no, kind, at
)sql";

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

void AddGuard(const PublishGuard& guard, Params* params) {
  std::vector<std::string> fields, shares;
  for (const auto& [field, share] : guard.not_null) {
    fields.push_back(field);
    shares.push_back(absl::StrCat(share));
  }
  params->OptionalInt(guard.min_rows);
  guard.max_shrink.has_value() ? params->Text(absl::StrCat(*guard.max_shrink)) : params->Null();
  guard.unique_key ? params->Bool(true) : params->Null();
  params->OptionalInt(guard.max_rejected).OptionalInt(guard.max_nulled);
  guard.allow_empty ? params->Bool(true) : params->Null();
  params->TextArray(fields).TextArray(shares).TextArray(guard.key);
}

void AddError(const absl::Status& error, Params* params) {
  const ErrorDetail detail = GetDetail(error);
  std::vector<std::string> keys, values, paths, faults;
  for (const auto& [key, value] : detail.metadata) {
    keys.push_back(key);
    values.push_back(value);
  }
  for (const FieldViolation& violation : detail.violations) {
    paths.push_back(violation.field);
    faults.push_back(violation.description);
  }
  params->Int(static_cast<int64_t>(error.code())).Text(detail.reason).Text(error.message());
  params->Text(detail.subject).TextArray(keys).TextArray(values).TextArray(paths);
  params->TextArray(faults);
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
                              const StreamEntry& stream) {
  std::vector<std::string> kinds, columns, before, after, rewrites, codes, texts;
  std::vector<int64_t> bytes;
  for (const SchemaChange& change : stream.changes) {
    kinds.emplace_back(ToText(change.kind));
    columns.push_back(change.column);
    before.push_back(change.from);
    after.push_back(change.to);
    rewrites.emplace_back(change.rewrites ? "t" : "f");
    bytes.push_back(change.table_bytes);
  }
  for (const Warning& warning : stream.warnings) {
    codes.push_back(warning.code);
    texts.push_back(warning.text);
  }
  Params params;
  params.Int(stream.plan.stream_no).TextArray(kinds).TextArray(columns).TextArray(before);
  params.TextArray(after).TextArray(rewrites).IntArray(bytes).TextArray(codes).TextArray(texts);
  AddGuard(stream.plan.guard, &params);
  AddError(stream.error, &params);
  return transaction.Query(WithLedgerSchema(kWriteSql, quoted_schema), params).status();
}

absl::Status ReadStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                             const std::vector<int64_t>& stream_nos, const StreamsByNo& by_no) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(kReadSql, quoted_schema),
                                              Params().IntArray(stream_nos).Int(kMaxFieldCounts)));
  for (const RowView row : rows) ReadNote(row, by_no.at(row.Int("stream_no")));
  return absl::OkStatus();
}

}  // namespace syncline::postgres
