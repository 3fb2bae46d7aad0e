// A client and a server that answers as the test says.
#ifndef PERDURE_TESTS_UNIT_SDK_TRANSPORT_CLIENT_FIXTURE_H_
#define PERDURE_TESTS_UNIT_SDK_TRANSPORT_CLIENT_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "perdure/client.h"
#include "tests/unit/sdk/transport/fake_workflow_server.h"

namespace perdure {

struct Order {
  std::string id;
  int units = 0;
};
PERDURE_JSON(Order, id, units)

inline constexpr Workflow<std::string(Order)> Fulfil{"fulfil"};
inline constexpr Workflow<int(int, std::string)> TwoArgs{"two_args"};
inline constexpr Workflow<void()> Nothing{"nothing"};
inline constexpr Signal<std::string> Approve{"approve"};
inline constexpr Signal<> Poke{"poke"};

class ClientTest : public ::testing::Test {
 protected:
  Client& Make(ClientOptions options = ClientOptions()) {
    if (listen_) server_.Listen();
    options.Address(server_.address()).TaskQueue("orders").Identity("tester");
    client_ = std::make_unique<Client>(options);
    return *client_;
  }

  static grpc::Status Completed(v1::GetResultResponse* response, const std::string& json) {
    response->set_status(v1::RUN_STATUS_COMPLETED);
    response->mutable_result()->set_encoding("json");
    response->mutable_result()->set_data(json);
    response->set_run_id("run-1");
    return grpc::Status::OK;
  }

  testing::FakeWorkflowServer server_;
  bool listen_ = true;
  std::unique_ptr<Client> client_;
};

}  // namespace perdure

#endif  // PERDURE_TESTS_UNIT_SDK_TRANSPORT_CLIENT_FIXTURE_H_
