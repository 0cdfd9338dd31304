// Runs `syncline write` sessions with two streams, "a" and "b", against a service in memory. Makes
// the messages of a source.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "client/airbyte/write_session.h"
#include "tests/unit/client/fake_sync_service.h"

namespace syncline::client {

inline std::string Record(const std::string& stream, int id) {
  return absl::StrCat(R"({"type":"RECORD","record":{"stream":")", stream, R"(","data":{"id":)", id,
                      R"(},"emitted_at":1}})");
}

inline std::string StreamState(const std::string& stream, int cursor) {
  return absl::StrCat(R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":)",
                      R"({"name":")", stream, R"("},"stream_state":{"c":)", cursor, "}}}}");
}

inline std::string GlobalState(int cursor) {
  return absl::StrCat(R"({"type":"STATE","state":{"type":"GLOBAL","global":{"c":)", cursor, "}}}");
}

inline std::string Status(const std::string& stream, const std::string& status) {
  return absl::StrCat(
      R"({"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":)",
      R"({"name":")", stream, R"("},"status":")", status, R"("}}})");
}

inline std::string Counted(const std::string& state, int records) {
  return WithDestinationStats(state, records);
}

class WriteSessionTest : public testing::Test {
 protected:
  WriteReport Run(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
    return RunText(text);
  }

  WriteReport RunText(const std::string& text) {
    std::FILE* const file = std::tmpfile();
    std::fwrite(text.data(), 1, text.size(), file);
    std::rewind(file);
    options_.sync_id = "s";
    options_.retry_for = absl::Seconds(20);
    Catalog catalog;
    for (const char* name : {"a", "b"}) {
      CatalogStream& stream = catalog.streams.emplace_back();
      stream.name = name;
      stream.config.mutable_descriptor()->set_name(name);
      stream.config.set_overwrite(replaces_);
    }
    WriteSession session(server_.client.get(), catalog, options_, [this](const std::string& line) {
      states_.push_back(line);
      if (on_state_) on_state_();
    });
    WriteReport report;
    report.status = session.Start();
    if (report.status.ok()) {
      LineReader input(fileno(file));
      ProgressLine progress(false, nullptr, absl::Now());
      report = session.Run(&input, &progress);
    }
    std::fclose(file);
    return report;
  }

  FakeServer server_;
  WriteSessionOptions options_;
  bool replaces_ = false;
  std::vector<std::string> states_;
  std::function<void()> on_state_;  // called after each state
};

}  // namespace syncline::client
