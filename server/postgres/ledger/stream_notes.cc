#include "server/postgres/ledger/stream_notes.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"

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

// One row per note: the stream, the note's kind, then up to six values and its position.
constexpr char kReadSql[] = R"sql(
SELECT stream_no, 'change', c->>'kind', c->>'column', c->>'from', c->>'to', c->>'rewrites',
  c->>'table_bytes', at
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
ORDER BY 1, 2, 9
)sql";

std::string SqlOf(absl::string_view quoted_schema, absl::string_view sql) {
  return absl::StrReplaceAll(sql, {{"$L", quoted_schema}});
}

std::optional<int64_t> OptionalInt(const Result& rows, size_t row, size_t column) {
  if (rows.IsNull(row, column)) return std::nullopt;
  return rows.Int(row, column);
}

double Double(const Result& rows, size_t row, size_t column) {
  double value = 0;
  return absl::SimpleAtod(rows.Text(row, column), &value) ? value : 0;
}

// jsonb prints booleans as `true` and `false`.
bool JsonBool(const Result& rows, size_t row, size_t column) {
  return rows.Text(row, column) == "true";
}

void ReadGuard(const Result& rows, size_t row, PublishGuard* guard) {
  guard->min_rows = OptionalInt(rows, row, 2);
  if (!rows.IsNull(row, 3)) guard->max_shrink = Double(rows, row, 3);
  guard->unique_key = JsonBool(rows, row, 4);
  guard->max_rejected = OptionalInt(rows, row, 5);
  guard->max_nulled = OptionalInt(rows, row, 6);
  guard->allow_empty = JsonBool(rows, row, 7);
}

void ReadNote(const Result& rows, size_t row, StreamEntry* stream) {
  const std::string& kind = rows.Text(row, 1);
  if (kind == "change") {
    stream->changes.push_back({SchemaChangeKindFromText(rows.Text(row, 2)), rows.Text(row, 3),
                               rows.Text(row, 4), rows.Text(row, 5), JsonBool(rows, row, 6),
                               rows.Int(row, 7)});
  } else if (kind == "warning") {
    stream->warnings.push_back({rows.Text(row, 2), rows.Text(row, 3)});
  } else if (kind == "error") {
    stream->error = MakeError(static_cast<absl::StatusCode>(rows.Int(row, 2)), rows.Text(row, 4),
                              {.reason = rows.Text(row, 3), .subject = rows.Text(row, 5)});
  } else if (kind == "error_metadata" || kind == "error_violation") {
    ErrorDetail detail = GetDetail(stream->error);
    if (kind == "error_metadata") {
      detail.metadata.emplace_back(rows.Text(row, 2), rows.Text(row, 3));
    } else {
      detail.violations.push_back({rows.Text(row, 2), rows.Text(row, 3)});
    }
    stream->error = MakeError(stream->error.code(), stream->error.message(), detail);
  } else if (kind == "guard") {
    ReadGuard(rows, row, &stream->plan.guard);
  } else if (kind == "not_null") {
    stream->plan.guard.not_null[rows.Text(row, 2)] = Double(rows, row, 3);
  } else if (kind == "guard_key") {
    stream->plan.guard.key.push_back(rows.Text(row, 2));
  } else if (kind == "field") {
    stream->fields[rows.Text(row, 2)] = {rows.Int(row, 3), rows.Int(row, 4), rows.Int(row, 5)};
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
  return transaction.Query(SqlOf(quoted_schema, kWriteSql), params).status();
}

absl::Status ReadStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                             const std::vector<int64_t>& stream_nos, const StreamsByNo& by_no) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(SqlOf(quoted_schema, kReadSql),
                                              Params().IntArray(stream_nos).Int(kMaxFieldCounts)));
  for (size_t row = 0; row < rows.size(); ++row) ReadNote(rows, row, by_no.at(rows.Int(row, 0)));
  return absl::OkStatus();
}

}  // namespace syncline::postgres
