// Scenario: a test fixture that runs everything twice, with the coroutine cached and with a full replay
// before each activation.
#ifndef PERDURE_TESTS_UNIT_SDK_RUNTIME_SCENARIO_H_
#define PERDURE_TESTS_UNIT_SDK_RUNTIME_SCENARIO_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "perdure/context.h"
#include "perdure/saga.h"
#include "tests/unit/sdk/runtime/fake_server.h"

namespace perdure::testing {

using namespace std::chrono_literals;

inline Failure AppFailure(std::string type, std::string message) {
  return ApplicationError(std::move(type), std::move(message)).failure();
}

class Scenario : public ::testing::TestWithParam<Cache> {
 protected:
  template <class W, class F>
  void Host(const W& workflow, F function) {
    registry_.AddWorkflow(workflow.Name(), detail::EraseWorkflow(workflow, std::move(function)));
  }

  // Made on first use, once everything is hosted.
  FakeServer& server() {
    if (server_ == nullptr) server_ = std::make_unique<FakeServer>(registry_, GetParam(), options_);
    return *server_;
  }

  // The messages of failed activations, for EXPECT_EQ(Trouble(), "").
  std::string Trouble() {
    std::string text;
    for (const Failure& failure : server().activation_failures()) text += failure.Describe() + "\n";
    return text;
  }

  Registry registry_;
  runtime::ExecutorOptions options_ = TestOptions();
  std::unique_ptr<FakeServer> server_;
};

inline std::string CacheName(const ::testing::TestParamInfo<Cache>& info) {
  return info.param == Cache::kKeep ? "Cached" : "Replayed";
}

}  // namespace perdure::testing

#define PERDURE_SCENARIO(Name)                                                                     \
  class Name : public ::perdure::testing::Scenario {};                                             \
  INSTANTIATE_TEST_SUITE_P(                                                                        \
      All, Name,                                                                                   \
      ::testing::Values(::perdure::testing::Cache::kKeep, ::perdure::testing::Cache::kDropAlways), \
      ::perdure::testing::CacheName)

#endif  // PERDURE_TESTS_UNIT_SDK_RUNTIME_SCENARIO_H_
