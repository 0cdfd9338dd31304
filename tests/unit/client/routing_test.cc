// Routing of Airbyte lines: the fast path and the slow path must agree, and neither may guess.
#include <gtest/gtest.h>

#include "client/airbyte/message_router.h"

namespace syncline::client {
namespace {

class RoutingTest : public testing::Test {
 protected:
  RoutingTest() {
    router_.AddStream("", "users", 0);
    router_.AddStream("shop", "users", 1);
    router_.AddStream("", "orders", 2);
  }

  RoutedMessage Route(const std::string& line) {
    router_.Begin(line);
    return router_.Route(line);
  }

  MessageRouter router_;
};

TEST_F(RoutingTest, UsesTheFastPathForUsualLines) {
  const std::string lines[] = {
      R"({"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1}})",
      R"({"type": "RECORD", "record": {"stream": "users", "data": {"id": 1}, "emitted_at": 1}})",
      R"({"type":"RECORD","record":{"namespace":null,"stream":"users","data":{}}})",
      R"({"type":"RECORD","record":{"emitted_at":12,"stream":"users","data":{"a":"}}"}}})"
      "  \r",
  };
  for (const std::string& line : lines) {
    EXPECT_EQ(Route(line).kind, MessageKind::kRecord) << line;
    EXPECT_EQ(Route(line).stream, 0) << line;
  }
  EXPECT_EQ(router_.slow_lines(), 0);
}

TEST_F(RoutingTest, ReadsTheNamespaceBeforeOrAfterTheData) {
  EXPECT_EQ(
      Route(R"({"type":"RECORD","record":{"namespace":"shop","stream":"users","data":{}}})").stream,
      1);
  EXPECT_EQ(Route(R"({"type":"RECORD","record":{"stream":"users","data":{"x":{}},"emitted_at":1,)"
                  R"("namespace":"shop"}})")
                .stream,
            1);
  EXPECT_EQ(router_.slow_lines(), 0);
  // The namespace is in the middle, before an object, so the whole line has to be parsed.
  EXPECT_EQ(Route(R"({"type":"RECORD","record":{"stream":"users","data":{},"namespace":"shop",)"
                  R"("meta":{"changes":[]},"emitted_at":1}})")
                .stream,
            1);
  EXPECT_EQ(router_.slow_lines(), 1);
}

TEST_F(RoutingTest, IgnoresDataThatLooksLikeTheEnvelope) {
  EXPECT_EQ(
      Route(R"({"type":"RECORD","record":{"stream":"users","data":{"namespace":"shop"}}})").stream,
      0);
  EXPECT_EQ(Route(R"({"type":"RECORD","record":{"stream":"users","data":{"a":",\"namespace\":)"
                  R"(\"shop\"}}"}}})")
                .stream,
            0);
  EXPECT_EQ(Route(R"({"type":"RECORD","record":{"stream":"users","data":{"stream":"orders",)"
                  R"("kind":"namespace"},"emitted_at":1}})")
                .stream,
            0);
}

TEST_F(RoutingTest, UsesTheSlowPathForOtherKeyOrders) {
  EXPECT_EQ(
      Route(R"({"record":{"data":{"id":1},"stream":"orders","emitted_at":1},"type":"RECORD"})")
          .stream,
      2);
  EXPECT_EQ(
      Route(R"({"type":"RECORD","record":{"data":{"stream":"users"},"stream":"orders"}})").stream,
      2);
  EXPECT_EQ(router_.slow_lines(), 2);
}

TEST_F(RoutingTest, LeavesTheDataToTheServer) {
  const std::string lines[] = {
      R"({"record":{"data":{"x":NaN},"stream":"users","namespace":"shop"},"type":"RECORD"})",
      R"({"type":"RECORD","record":{"stream":"users","data":{"namespace":NaN},)"
      R"("namespace":"shop","emitted_at":1}})",
      R"({"record":{"data":{"x":oops},"stream":"users","namespace":"shop"},"type":"RECORD"})",
  };
  for (const std::string& line : lines) {
    EXPECT_EQ(Route(line).kind, MessageKind::kRecord) << line;
    EXPECT_EQ(Route(line).stream, 1) << line;
  }
  EXPECT_EQ(Route(R"({"record":{"data":{"x":NaN}},"type":"RECORD"})").kind,
            MessageKind::kMalformed);
  EXPECT_EQ(Route(R"({"state":{"data":NaN},"type":"STATE"})").kind, MessageKind::kMalformed);
}

TEST_F(RoutingTest, SearchesEachPieceOnceForAllItsLines) {
  const std::string plain =
      R"({"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1}})";
  const std::string spaced =
      R"({"type":"RECORD","record":{"stream":"users","data":{},"namespace":"shop"}})";
  const std::string piece = plain + "\n" + spaced + "\n" + plain;
  router_.Begin(piece);
  const absl::string_view view(piece);
  EXPECT_EQ(router_.Route(view.substr(0, plain.size())).stream, 0);
  EXPECT_EQ(router_.Route(view.substr(plain.size() + 1, spaced.size())).stream, 1);
  EXPECT_EQ(router_.Route(view.substr(plain.size() + spaced.size() + 2)).stream, 0);
}

TEST_F(RoutingTest, NamesAnUnknownStream) {
  const RoutedMessage unknown =
      Route(R"({"type":"RECORD","record":{"stream":"orders","data":{},"namespace":"shop"}})");
  EXPECT_EQ(unknown.kind, MessageKind::kUnknownStream);
  EXPECT_EQ(unknown.name, "shop.orders");
  EXPECT_EQ(Route(R"({"type":"RECORD","record":{"stream":"nobody","data":{}}})").name, "nobody");
}

TEST_F(RoutingTest, DistinguishesOtherMessages) {
  EXPECT_EQ(Route(R"({"type":"STATE","state":{}})").kind, MessageKind::kState);
  EXPECT_EQ(Route(R"({"trace":{},"type":"TRACE"})").kind, MessageKind::kTrace);
  EXPECT_EQ(Route(R"({"type":"LOG","log":{"message":"RECORD"}})").kind, MessageKind::kLog);
  EXPECT_EQ(Route(R"({"connectionStatus":{},"type":"CONNECTION_STATUS"})").kind,
            MessageKind::kConnectionStatus);
  EXPECT_EQ(Route(R"({"type":"CONTROL","control":{}})").kind, MessageKind::kOther);
  EXPECT_EQ(Route(" \t\r").kind, MessageKind::kBlank);
  for (const char* const foreign : {"{}", R"(["type"])", R"({"level":"info","type":1})", "7"}) {
    EXPECT_EQ(Route(foreign).kind, MessageKind::kForeign) << foreign;
  }
  const std::string malformed[] = {
      "hello",
      R"({"type":"RECORD"})",
      R"({"type":"RECORD","record":{"data":{}}})",
      R"({"type":"RECORD","record":{"stream":"users"}})",
      R"({"type":"RECORD","record":{"stream":"users","data":{"id":1)",
  };
  for (const std::string& line : malformed) {
    EXPECT_EQ(Route(line).kind, MessageKind::kMalformed) << line;
  }
}

}  // namespace
}  // namespace syncline::client
