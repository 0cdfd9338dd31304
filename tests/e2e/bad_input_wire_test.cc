// Bytes that are not valid for the protocol: rows 29, 49, 55 and 56 of the list of bad input.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/e2e/bad_input_fixture.h"
#include "tests/e2e/raw_socket.h"
#include "tests/support/random_seed.h"

namespace syncline::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Returns the status of a call of `method` with these messages. Without `half_close` the call stays
// open for more of them until its timeout.
grpc::Status CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::vector<std::string>& messages,
                     absl::Duration timeout = absl::Seconds(60), bool half_close = true) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  grpc::CompletionQueue queue;
  const std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call =
      stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  const auto wait = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(nullptr);
  bool open = wait();
  for (const std::string& message : messages) {
    if (!open) break;
    const grpc::Slice slice(message);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    open = wait();
  }
  if (open && half_close) {
    call->WritesDone(nullptr);
    wait();
  }
  // The status follows the last response.
  grpc::ByteBuffer answer;
  do {
    call->Read(&answer, nullptr);
  } while (wait());
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status;
}

class BadWireTest : public BadInputTest {
 protected:
  static std::string Method(absl::string_view name) {
    return absl::StrCat("/syncline.v1.SyncService/", name);
  }
};

// Nothing counts the memory of such a request.
TEST_F(BadWireTest, LargeWatchRequestIsRefused) {
  v1::WatchSyncRequest request;
  request.set_sync_id("unknown");
  google::protobuf::UnknownFieldSet* const unknown =
      request.GetReflection()->MutableUnknownFields(&request);
  const auto answer = [&] {
    return Summary(
        MakeAnswer(CallRaw(NewChannel(), Method("WatchSync"), {request.SerializeAsString()})));
  };
  unknown->AddLengthDelimited(4711, std::string(1000, 'x'));
  EXPECT_EQ(answer(), "NOT_FOUND UNKNOWN_SYNC");
  for (int i = 0; i < 2000; ++i) unknown->AddVarint(4711, 1);
  EXPECT_EQ(answer(), "INVALID_ARGUMENT INVALID_REQUEST");
}

TEST_F(BadWireTest, Row55_RandomBytesAsMessages) {
  std::mt19937 random(RandomSeed());
  const std::string good = Request("bad").SerializeAsString();
  for (const char* method : {"StartSync", "CompleteStream", "GetSync", "ListSyncs", "WatchSync",
                             "CancelSync", "StreamRecords", "AppendRecords"}) {
    for (int i = 0; i < 40; ++i) {
      std::string bytes = good;
      if (i % 2 == 0) {
        bytes.resize(random() % 300);
        for (char& c : bytes) c = static_cast<char>(random());
      } else {
        bytes[random() % bytes.size()] = static_cast<char>(random());
        bytes.resize(1 + random() % bytes.size());
      }
      // The remaining bytes may start a sync. A watch with the same bytes then waits for it.
      const bool watches = method == absl::string_view("WatchSync");
      const grpc::Status status = CallRaw(NewChannel(), Method(method), {bytes},
                                          watches ? absl::Milliseconds(300) : absl::Seconds(60));
      EXPECT_NE(status.error_code(), grpc::StatusCode::UNKNOWN) << method;
      EXPECT_NE(status.error_code(), grpc::StatusCode::UNAVAILABLE) << method;
      if (watches) continue;
      EXPECT_NE(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << method;
    }
  }
}

TEST_F(BadWireTest, Row55_TruncatedAndDeeplyNestedMessages) {
  // Eleven bytes with the continuation bit: a varint has at most ten bytes.
  const std::string truncated(11, '\xff');
  // Group tags of field 2, nested 10,000 levels deep. They are parsed as an unknown field.
  std::string nested;
  for (int i = 0; i < 10000; ++i) nested += "\x13";
  EXPECT_EQ(Summary(MakeAnswer(CallRaw(NewChannel(), Method("StreamRecords"), {truncated}))),
            "INVALID_ARGUMENT MALFORMED_MESSAGE");
  EXPECT_EQ(Summary(MakeAnswer(CallRaw(NewChannel(), Method("StreamRecords"), {nested}))),
            "INVALID_ARGUMENT MALFORMED_MESSAGE");
  for (const char* method : {"StartSync", "CompleteStream", "GetSync", "ListSyncs", "CancelSync",
                             "ListRejectedRecords", "AppendRecords"}) {
    EXPECT_EQ(Summary(MakeAnswer(CallRaw(NewChannel(), Method(method), {truncated}))),
              "INVALID_ARGUMENT MALFORMED_MESSAGE")
        << method;
    EXPECT_EQ(Summary(MakeAnswer(CallRaw(NewChannel(), Method(method), {nested}))),
              "INVALID_ARGUMENT MALFORMED_MESSAGE")
        << method;
  }
}

// A large request through a slow network may arrive after the call's deadline. The request is not
// to blame then.
TEST_F(BadWireTest, RequestsThatDoNotArriveInTimeAreNotMalformed) {
  const size_t before = server().Log().size();
  const std::vector<std::string> methods = {"StartSync", "CompleteStream", "GetSync", "WatchSync"};
  for (const std::string& method : methods) {
    const grpc::Status status =
        CallRaw(NewChannel(), Method(method), {}, absl::Milliseconds(300), /*half_close=*/false);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << method;
  }
  const auto log = [&] { return server().Log().substr(before); };
  for (const std::string& method : methods) {
    const auto logged = [&] {
      const std::vector<std::string> lines = absl::StrSplit(log(), '\n');
      return absl::c_any_of(lines, [&](absl::string_view line) {
        return absl::StrContains(line, method) && absl::StrContains(line, "CALL_DEADLINE");
      });
    };
    const absl::Time limit = absl::Now() + absl::Seconds(20);
    while (!logged() && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(20));
    EXPECT_TRUE(logged()) << method << "\n" << log();
  }
  EXPECT_THAT(log(), Not(HasSubstr("MALFORMED_MESSAGE")));
}

TEST_F(BadWireTest, Row55_NoMessage) {
  for (const char* method : {"StartSync", "GetSync", "WatchSync"}) {
    const Answer answer = MakeAnswer(CallRaw(NewChannel(), Method(method), {}));
    EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT MALFORMED_MESSAGE") << method;
  }
}

TEST_F(BadWireTest, Row55_MessagesAfterGoodOnes) {
  const std::string sync_id = Started(Request("bad"));
  const Answer answer =
      MakeAnswer(CallRaw(NewChannel(), Method("StreamRecords"),
                         {Header(sync_id, "bad").SerializeAsString(),
                          Lines(0, "{\"id\":1}\n").SerializeAsString(), std::string(11, '\xff')}));
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT MALFORMED_MESSAGE");
  EXPECT_EQ(answer.metadata.at("durable_offset"), "1");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("bad"))), 1);
}

// Generated code does not send such a string, but other clients may.
TEST_F(BadWireTest, Row29_InvalidUtf8InIdentifiers) {
  v1::StartSyncRequest request = Request("bad");
  std::string bytes = request.SerializeAsString();
  const size_t at = bytes.find("bad", bytes.find(schema()) + schema().size());
  ASSERT_NE(at, std::string::npos);
  for (size_t found = bytes.find("bad"); found != std::string::npos;
       found = bytes.find("bad", found + 1)) {
    bytes[found + 1] = '\xff';
  }
  EXPECT_EQ(Summary(MakeAnswer(CallRaw(NewChannel(), Method("StartSync"), {bytes}))),
            "INVALID_ARGUMENT MALFORMED_MESSAGE");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_class WHERE relnamespace = '", schema(),
                                  "'::regnamespace")),
            0);
}

TEST_F(BadWireTest, Row56_UnknownMethods) {
  for (const char* method : {"/syncline.v1.SyncService/Nothing", "/nothing.v1.Nothing/Nothing", "/",
                             "/syncline.v1.SyncService/"}) {
    EXPECT_EQ(CallRaw(NewChannel(), method, {"x"}).error_code(), grpc::StatusCode::UNIMPLEMENTED)
        << method;
  }
}

TEST_F(BadWireTest, Row56_OtherProtocolsOnThePort) {
  const int port = server().grpc_port();
  Exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  Exchange(port, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) +
                     std::string(400, '\x07'));
  Exchange(port, "");
  Exchange(port, std::string(100000, '\0'));
  Exchange(port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(1000, '\xff'));
}

// Encodes a header in HPACK (RFC 7541) as a literal name and value, without tables and Huffman
// codes.
std::string HeaderField(absl::string_view name, absl::string_view value) {
  return absl::StrCat(absl::string_view("\0", 1), std::string(1, static_cast<char>(name.size())),
                      name, std::string(1, static_cast<char>(value.size())), value);
}

std::string Frame(char type, char flags, char stream, const std::string& payload) {
  const auto size = static_cast<char>(payload.size());
  return absl::StrCat(std::string{0, 0, size, type, flags, 0, 0, 0, stream}, payload);
}

// gRPC's own client always sends valid base64, so the test sends the bytes of an HTTP/2 request.
TEST_F(BadWireTest, Row49_BadBase64InABinaryHeader) {
  constexpr char kSettings = 4, kHeaders = 1, kData = 0, kEndHeaders = 4, kEndStream = 1;
  for (const char* value : {"***", "QQ=", "====", "Q", "\xff\xff"}) {
    const std::string headers = absl::StrCat(
        HeaderField(":method", "POST"), HeaderField(":scheme", "http"),
        HeaderField(":path", "/syncline.v1.SyncService/ListSyncs"),
        HeaderField(":authority", "localhost"), HeaderField("content-type", "application/grpc"),
        HeaderField("te", "trailers"), HeaderField("x-trace-bin", value));
    ASSERT_LT(headers.size(), 256u);
    Exchange(server().grpc_port(),
             absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Frame(kSettings, 0, 0, ""),
                          Frame(kHeaders, kEndHeaders, 1, headers),
                          Frame(kData, kEndStream, 1, std::string(5, '\0'))));
  }
}

TEST_F(BadWireTest, Row49_Metadata) {
  v1::ListSyncsRequest request;
  v1::ListSyncsResponse response;
  grpc::ClientContext large;
  large.AddMetadata("x-large", std::string(20 << 10, 'x'));
  // On a separate connection, because gRPC may close it with the answer.
  EXPECT_EQ(
      v1::SyncService::NewStub(NewChannel())->ListSyncs(&large, request, &response).error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
  // Without a token file, tokens are not checked.
  grpc::ClientContext token;
  token.AddMetadata("authorization", "Bearer whatever");
  EXPECT_EQ(Summary(MakeAnswer(stub()->ListSyncs(&token, request, &response))), "OK");
  request.set_page_token("no such token");
  grpc::ClientContext page;
  EXPECT_EQ(stub()->ListSyncs(&page, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  request.clear_page_token();
  request.set_page_size(-1);
  grpc::ClientContext negative;
  EXPECT_EQ(stub()->ListSyncs(&negative, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace syncline::testing
