// The HTTP endpoint, asked over a real socket.
#include "server/ops/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>

namespace perdure::ops {
namespace {

using testing::HasSubstr;

class HttpServerTest : public ::testing::Test {
 protected:
  httplib::Result Get(const std::string& path) {
    return httplib::Client("http://" + server_.address()).Get(path);
  }

  Metrics metrics_;
  Readiness readiness_;
  HttpServer server_{metrics_, readiness_};
};

TEST_F(HttpServerTest, ServesMetricsAndHealth) {
  ASSERT_TRUE(server_.Start("127.0.0.1:0").ok());
  EXPECT_THAT(server_.address(), testing::MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  const auto metrics = Get("/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->status, 200);
  EXPECT_EQ(metrics->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics->body, HasSubstr("process_open_fds"));
  EXPECT_EQ(Get("/healthz")->body, "ok\n");
  EXPECT_THAT(Get("/")->body, HasSubstr("/metrics"));
  EXPECT_EQ(Get("/nothing")->status, 404);
}

TEST_F(HttpServerTest, ReadinessSaysWhyNot) {
  ASSERT_TRUE(server_.Start("127.0.0.1:0").ok());
  EXPECT_EQ(Get("/readyz")->status, 503);
  EXPECT_EQ(Get("/readyz")->body, "not ready: starting\n");
  readiness_.SetReady();
  EXPECT_EQ(Get("/readyz")->status, 200);
  readiness_.SetNotReady("draining");
  EXPECT_EQ(Get("/readyz")->body, "not ready: draining\n");
}

TEST_F(HttpServerTest, ReadinessFollowsWhatComesAndGoes) {
  ASSERT_TRUE(server_.Start("127.0.0.1:0").ok());
  std::atomic<bool> full{true};
  readiness_.Watch([&] { return full ? std::string("the disk is full") : std::string(); });
  EXPECT_EQ(Get("/readyz")->body, "not ready: starting\n") << "what was said goes first";
  readiness_.SetReady();
  EXPECT_EQ(Get("/readyz")->status, 503);
  EXPECT_EQ(Get("/readyz")->body, "not ready: the disk is full\n");
  full = false;
  EXPECT_EQ(Get("/readyz")->status, 200);
  full = true;
  readiness_.SetNotReady("draining");
  EXPECT_EQ(Get("/readyz")->body, "not ready: draining\n");
  server_.Stop();
}

TEST_F(HttpServerTest, ServesRegisteredPagesAtExactlyTheirPath) {
  server_.Handle("/app.js", "a page", [](const HttpRequest& request) {
    return HttpResponse{.status = 201, .body = request.query.at("name")};
  });
  ASSERT_TRUE(server_.Start("127.0.0.1:0").ok());
  EXPECT_EQ(Get("/app.js?name=a%20b")->body, "a b");
  EXPECT_EQ(Get("/app.js?name=a%20b")->status, 201);
  EXPECT_EQ(Get("/appxjs?name=a")->status, 404);
  EXPECT_EQ(Get("/app.js")->status, 500) << "a handler that throws must not take the server down";
  EXPECT_THAT(Get("/")->body, HasSubstr("a page"));
}

TEST_F(HttpServerTest, ABusyPortIsNamedWithWhatToDo) {
  ASSERT_TRUE(server_.Start("127.0.0.1:0").ok());
  HttpServer second(metrics_, readiness_);
  const absl::Status status = second.Start(server_.address());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cannot listen for HTTP on " + server_.address() + ": Address already in use"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--http-listen"));
}

TEST_F(HttpServerTest, AForeignAddressIsRefused) {
  EXPECT_EQ(server_.Start("192.0.2.1:0").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.Start("nonsense").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HttpServerTest, StopsAndFreesThePort) {
  ASSERT_TRUE(server_.Start("127.0.0.1:0").ok());
  const std::string address = server_.address();
  ASSERT_TRUE(Get("/healthz"));
  server_.Stop();
  server_.Stop();
  HttpServer second(metrics_, readiness_);
  EXPECT_TRUE(second.Start(address).ok());
}

}  // namespace
}  // namespace perdure::ops
