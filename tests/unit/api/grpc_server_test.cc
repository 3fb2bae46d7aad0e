// The port, and what answers on it besides the services.
#include "server/api/grpc_server.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "tests/unit/api/raw_call.h"
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class GrpcServerTest : public ServerTest {};

TEST_F(GrpcServerTest, TakesAFreePort) {
  EXPECT_THAT(server().address(), HasSubstr("127.0.0.1:"));
  EXPECT_NE(server().address(), "127.0.0.1:0");
}

TEST_F(GrpcServerTest, NamesABusyPort) {
  GrpcServerOptions second;
  second.listen = server().address();
  const absl::Status status = GrpcServer::Listen(second, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(server().address()), HasSubstr("taken"), HasSubstr("--listen")));
}

TEST_F(GrpcServerTest, NamesAnAddressWithoutAPort) {
  GrpcServerOptions bad;
  bad.listen = "localhost";
  const absl::Status status = GrpcServer::Listen(bad, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("'localhost'"), HasSubstr("HOST:PORT")));
}

TEST_F(GrpcServerTest, NamesAnAddressThatIsNotOurs) {
  GrpcServerOptions bad;
  bad.listen = "203.0.113.1:7480";
  EXPECT_EQ(GrpcServer::Listen(bad, {}).status().code(), absl::StatusCode::kUnavailable);
}

// grpc.health.v1.HealthCheckResponse: field 1 is the status; SERVING is 1, NOT_SERVING 2.
TEST_F(GrpcServerTest, HealthAnswers) {
  std::string answer;
  ASSERT_TRUE(RawCall(channel(), "/grpc.health.v1.Health/Check", "", &answer).ok());
  EXPECT_EQ(answer, std::string("\x08\x01"));
  server().grpc().SetServing(false);
  ASSERT_TRUE(RawCall(channel(), "/grpc.health.v1.Health/Check", "", &answer).ok());
  EXPECT_EQ(answer, std::string("\x08\x02"));
}

TEST_F(GrpcServerTest, ReflectionListsTheServices) {
  // ServerReflectionRequest.list_services is field 7.
  std::string answer;
  ASSERT_TRUE(RawCall(channel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                      std::string("\x3a\x01*", 3), &answer)
                  .ok());
  EXPECT_THAT(answer, AllOf(HasSubstr("perdure.v1.WorkflowService"), HasSubstr("perdure.v1.WorkerService")));
}

TEST_F(GrpcServerTest, AnUnknownMethodIsUnimplemented) {
  std::string answer;
  EXPECT_EQ(RawCall(channel(), "/perdure.v1.WorkflowService/Reboot", "", &answer).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace perdure::api
