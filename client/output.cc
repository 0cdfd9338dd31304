#include "client/output.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace syncline::client {
namespace {

// Of the process, as stderr is.
struct StatusLine {
  Mutex mutex;
  bool drawn ABSL_GUARDED_BY(mutex) = false;
};

StatusLine& TheStatusLine() {
  static auto& line = *new StatusLine;
  return line;
}

void Erase(StatusLine* line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(line->mutex) {
  if (std::exchange(line->drawn, false)) std::fputs("\r\x1b[K", stderr);
}

}  // namespace

void LineOutput::WriteLine(absl::string_view line) {
  const std::string text = absl::StrCat(line, "\n");
  MutexLock lock(&mutex_);  // so that lines of different threads do not mix
  size_t written = 0;
  while (status_.ok() && written < text.size()) {
    const ssize_t count = write(fd_, text.data() + written, text.size() - written);
    if (count >= 0) {
      written += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      status_ = absl::UnavailableError(absl::StrCat("cannot write the output: ", strerror(errno)));
    }
  }
}

absl::Status LineOutput::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
  return json;
}

void PrintMessage(absl::string_view words) {
  const std::string text = absl::StrCat("syncline: ", words, "\n");
  StatusLine& line = TheStatusLine();
  MutexLock lock(&line.mutex);
  Erase(&line);
  std::fputs(text.c_str(), stderr);
}

void DrawStatusLine(absl::string_view text) {
  const std::string drawing = absl::StrCat("\r", text, "\x1b[K");
  StatusLine& line = TheStatusLine();
  MutexLock lock(&line.mutex);
  line.drawn = true;
  std::fputs(drawing.c_str(), stderr);
}

void EraseStatusLine() {
  StatusLine& line = TheStatusLine();
  MutexLock lock(&line.mutex);
  Erase(&line);
}

}  // namespace syncline::client
