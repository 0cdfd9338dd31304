#include "client/singer/batch_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "client/singer/messages.h"
#include "client/sources/decoded_input.h"
#include "client/sources/jsonl_source.h"
#include "client/sources/line_reader.h"

namespace syncline::client {
namespace {

// Undoes percent-encoding, as in file:///tmp/a%20b.
std::string DecodePath(absl::string_view path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    int value = 0;
    const bool escaped =
        path[i] == '%' && i + 2 < path.size() && absl::SimpleHexAtoi(path.substr(i + 1, 2), &value);
    decoded.push_back(escaped ? static_cast<char>(value) : path[i]);
    if (escaped) i += 2;
  }
  return decoded;
}

// Returns an error of reading the file as one of the batch. Errors with a reason are the sink's.
absl::Status InFile(const std::string& path, const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status) || !GetReason(status).empty()) return status;
  return SingerError(reason::kSingerBatch, absl::StrCat(path, ": ", status.message()));
}

absl::Status ReadLines(const std::string& path, DecodedInput* input, RecordSource::Sink sink) {
  LineReader reader(input->text(), '\n');
  JsonlSource source(&reader);
  while (true) {
    const absl::StatusOr<LineReader::Event> event =
        source.Next(/*report_idle=*/false, [&](const SourceRecord& record) -> absl::Status {
          if (IsJsonObject(record.line)) return sink(record);
          return SingerError(reason::kSingerBatch, absl::StrCat(path, ": line ", record.line_number,
                                                                " is not a JSON object"));
        });
    SYNCLINE_RETURN_IF_ERROR(InFile(path, event.status()));
    if (*event == LineReader::Event::kInterrupted) return absl::CancelledError("interrupted");
    if (*event == LineReader::Event::kEnd) return absl::OkStatus();
  }
}

}  // namespace

absl::Status ReadBatchFile(const std::string& url, RecordSource::Sink sink) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "file://") || rest.empty() || rest[0] != '/') {
    return SingerError(reason::kSingerBatch,
                       absl::StrCat("batch files must be file:///… URLs, not ", url));
  }
  const std::string path = DecodePath(rest);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return SingerError(reason::kSingerBatch, absl::StrCat(path, ": ", strerror(errno)));
  }
  const absl::Cleanup close_file = [fd] { close(fd); };
  absl::StatusOr<std::unique_ptr<DecodedInput>> input = DecodedInput::Open(fd, "", path);
  SYNCLINE_RETURN_IF_ERROR(InFile(path, input.status()));
  return ReadLines(path, input->get(), sink);
}

}  // namespace syncline::client
