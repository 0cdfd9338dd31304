#include "bench/data/record_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json_string.h"

namespace syncline::bench {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;

bool IsBareInJson(CellKind kind) {
  return kind == CellKind::kInteger || kind == CellKind::kNumber || kind == CellKind::kBoolean ||
         kind == CellKind::kJson;
}

void AppendJson(const RecordShape& shape, const std::vector<Cell>& cells, std::string* out) {
  char separator = '{';
  for (size_t i = 0; i < cells.size(); ++i) {
    out->push_back(separator);
    separator = ',';
    absl::StrAppend(out, "\"", shape.columns[i].name, "\":");
    if (cells[i].null) {
      out->append("null");
    } else if (IsBareInJson(shape.columns[i].kind)) {
      out->append(cells[i].text);
    } else {
      AppendJsonString(cells[i].text, out);
    }
  }
  out->push_back('}');
}

void AppendCopyField(absl::string_view text, std::string* out) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        out->append("\\\\");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\n':
        out->append("\\n");
        break;
      default:
        out->push_back(c);
    }
  }
}

void AppendCopy(const std::vector<Cell>& cells, std::string* out) {
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out->push_back('\t');
    if (cells[i].null) {
      out->append("\\N");
    } else {
      AppendCopyField(cells[i].text, out);
    }
  }
}

const char* SchemaOf(CellKind kind) {
  switch (kind) {
    case CellKind::kInteger:
      return R"({"type":["null","integer"]})";
    case CellKind::kNumber:
      return R"({"type":["null","number"]})";
    case CellKind::kBoolean:
      return R"({"type":["null","boolean"]})";
    case CellKind::kText:
      return R"({"type":["null","string"]})";
    case CellKind::kDate:
      return R"({"type":["null","string"],"format":"date"})";
    case CellKind::kTimestamp:
      return R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_with_timezone"})";
    case CellKind::kJson:
      return R"({"type":["null","object","array"]})";
  }
  return "";
}

const char* SqlTypeOf(CellKind kind) {
  switch (kind) {
    case CellKind::kInteger:
      return "bigint";
    case CellKind::kNumber:
      return "numeric";
    case CellKind::kBoolean:
      return "boolean";
    case CellKind::kText:
      return "varchar";
    case CellKind::kDate:
      return "date";
    case CellKind::kTimestamp:
      return "timestamptz";
    case CellKind::kJson:
      return "jsonb";
  }
  return "";
}

absl::Status WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::InternalError(absl::StrCat("cannot write: ", strerror(errno)));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

void AppendRecord(const RecordShape& shape, const std::vector<Cell>& cells, RecordFormat format,
                  std::string* out) {
  switch (format) {
    case RecordFormat::kJsonl:
      AppendJson(shape, cells, out);
      break;
    case RecordFormat::kAirbyte:
      absl::StrAppend(out, R"({"type":"RECORD","record":{"stream":")", shape.name, R"(","data":)");
      AppendJson(shape, cells, out);
      out->append(R"(,"emitted_at":1700000000000}})");
      break;
    case RecordFormat::kCopy:
      AppendCopy(cells, out);
      break;
  }
  out->push_back('\n');
}

absl::Status WriteRecords(const RecordShape& shape, RecordFormat format, const Slice& slice,
                          int fd) {
  std::vector<Cell> cells;
  std::string text;
  text.reserve(kWriteBytes * 2);
  for (int64_t i = 0; i < slice.count; ++i) {
    FillRecord(shape, slice.first + i * slice.step, slice.revision, &cells);
    AppendRecord(shape, cells, format, &text);
    if (text.size() < kWriteBytes) continue;
    if (const absl::Status written = WriteAll(fd, text); !written.ok()) return written;
    text.clear();
  }
  return WriteAll(fd, text);
}

absl::Status WriteRecords(const RecordShape& shape, RecordFormat format, const Slice& slice,
                          const std::string& file) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return absl::InternalError(absl::StrCat(file, ": ", strerror(errno)));
  absl::Status written = WriteRecords(shape, format, slice, fd);
  if (close(fd) != 0 && written.ok()) {
    written = absl::InternalError(absl::StrCat(file, ": ", strerror(errno)));
  }
  return written;
}

std::string JsonSchemaOf(const RecordShape& shape) {
  return absl::StrCat(R"({"type":"object","properties":{)",
                      absl::StrJoin(shape.columns, ",",
                                    [](std::string* out, const Column& column) {
                                      absl::StrAppend(out, "\"", column.name,
                                                      "\":", SchemaOf(column.kind));
                                    }),
                      "}}");
}

std::string MakeCatalog(const RecordShape& shape) {
  return absl::StrCat(
      R"({"streams":[{"stream":{"name":")", shape.name, R"(","json_schema":)", JsonSchemaOf(shape),
      R"(,"supported_sync_modes":["full_refresh"]},"sync_mode":"full_refresh",)"
      R"("destination_sync_mode":"append","generation_id":1,"minimum_generation_id":0,"sync_id":1}]})");
}

std::string MakeColumnDefinitions(const RecordShape& shape) {
  return absl::StrJoin(shape.columns, ", ", [](std::string* out, const Column& column) {
    absl::StrAppend(out, "\"", column.name, "\" ", SqlTypeOf(column.kind));
  });
}

std::string MakeColumnNames(const RecordShape& shape) {
  return absl::StrJoin(shape.columns, ", ", [](std::string* out, const Column& column) {
    absl::StrAppend(out, "\"", column.name, "\"");
  });
}

}  // namespace syncline::bench
