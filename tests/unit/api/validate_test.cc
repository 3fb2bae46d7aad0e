// What requests must look like: each limit at its edge and just past it; the message names field, value and
// limit.
#include "server/api/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace perdure::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const ApiLimits kLimits;

template <typename Request>
std::string Refusal(const Request& request) {
  const absl::Status status = Validate(request, kLimits);
  if (!status.ok()) EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 500u) << "it must fit into the trailers of a call";
  return std::string(status.message());
}

v1::StartWorkflowRequest GoodStart() {
  v1::StartWorkflowRequest r;
  r.set_workflow_id("order-1");
  r.set_workflow_type("order");
  r.set_task_queue("orders");
  return r;
}

// A text field: a name for messages, how to set it in a good request, its limit.
template <typename Request>
struct TextField {
  const char* name;
  void (*set)(Request&, std::string);
  size_t bytes_max;
  const char* limit;
  bool required;
};

template <typename Request>
void CheckText(const Request& good, const TextField<Request>& field) {
  SCOPED_TRACE(field.name);
  const auto refusal = [&](std::string value) {
    Request r = good;
    field.set(r, std::move(value));
    return Refusal(r);
  };
  EXPECT_EQ(refusal(std::string(field.bytes_max, 'x')), "");
  EXPECT_THAT(refusal(std::string(field.bytes_max + 1, 'x')),
              AllOf(HasSubstr(field.name), HasSubstr(std::to_string(field.bytes_max + 1)),
                    HasSubstr(field.limit), HasSubstr(std::to_string(field.bytes_max)), HasSubstr("'xxx")));
  EXPECT_EQ(refusal("für 注文 🎉"), "");
  EXPECT_THAT(refusal("a\x01z"),
              AllOf(HasSubstr(field.name), HasSubstr("control character"), HasSubstr("a\\x01z")));
  EXPECT_THAT(refusal("a\xc2\x80"), AllOf(HasSubstr(field.name), HasSubstr("control character"))) << "U+0080";
  EXPECT_THAT(refusal(std::string("a\0b", 3)), AllOf(HasSubstr(field.name), HasSubstr("control character")));
  EXPECT_THAT(refusal("a\xff"), AllOf(HasSubstr(field.name), HasSubstr("UTF-8"), HasSubstr("\\xff")));
  EXPECT_THAT(refusal("\xed\xa0\x80"), AllOf(HasSubstr(field.name), HasSubstr("UTF-8"))) << "a surrogate";
  if (field.required) {
    EXPECT_THAT(refusal(""), AllOf(HasSubstr(field.name), HasSubstr("empty")));
  } else {
    EXPECT_EQ(refusal(""), "");
  }
}

TEST(ValidateStartTest, TextsAreBounded) {
  using R = v1::StartWorkflowRequest;
  const TextField<R> fields[] = {
      {"namespace", [](R& r, std::string v) { r.set_namespace_(v); }, 256, "name_bytes_max", false},
      {"workflow_id", [](R& r, std::string v) { r.set_workflow_id(v); }, 1000, "id_bytes_max", true},
      {"workflow_type", [](R& r, std::string v) { r.set_workflow_type(v); }, 256, "name_bytes_max", true},
      {"task_queue", [](R& r, std::string v) { r.set_task_queue(v); }, 256, "name_bytes_max", true},
      {"request_id", [](R& r, std::string v) { r.set_request_id(v); }, 256, "name_bytes_max", false},
      {"identity", [](R& r, std::string v) { r.set_identity(v); }, 1000, "id_bytes_max", false},
      {"non_retryable_types",
       [](R& r, std::string v) { r.mutable_retry_policy()->add_non_retryable_types(v); }, 256,
       "name_bytes_max", true},
  };
  for (const auto& field : fields) CheckText(GoodStart(), field);
}

TEST(ValidateStartTest, DurationsAreNeitherNegativeNorEndless) {
  using R = v1::StartWorkflowRequest;
  const std::pair<const char*, void (R::*)(int64_t)> fields[] = {
      {"run_timeout_ms", &R::set_run_timeout_ms},
      {"execution_timeout_ms", &R::set_execution_timeout_ms},
      {"start_delay_ms", &R::set_start_delay_ms},
      {"retention_ms", &R::set_retention_ms}};
  for (const auto& [name, set] : fields) {
    SCOPED_TRACE(name);
    const auto refusal = [setter = set](int64_t value) {
      R r = GoodStart();
      (r.*setter)(value);
      return Refusal(r);
    };
    constexpr int64_t kThousandYears = 1000LL * 366 * 24 * 3600 * 1000;
    EXPECT_EQ(refusal(0), "");
    EXPECT_EQ(refusal(kThousandYears), "");
    EXPECT_THAT(refusal(kThousandYears + 1),
                AllOf(HasSubstr(name), HasSubstr(std::to_string(kThousandYears))));
    EXPECT_THAT(refusal(-1), AllOf(HasSubstr(name), HasSubstr("-1"), HasSubstr("negative")));
    EXPECT_THAT(refusal(std::numeric_limits<int64_t>::min()), HasSubstr(name));
    EXPECT_THAT(refusal(std::numeric_limits<int64_t>::max()), HasSubstr(name));
  }
}

TEST(ValidateStartTest, PoliciesMustExist) {
  v1::StartWorkflowRequest r = GoodStart();
  r.set_id_reuse_policy(static_cast<v1::IdReusePolicy>(4));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("id_reuse_policy"), HasSubstr("4")));
  r = GoodStart();
  r.set_id_conflict_policy(static_cast<v1::IdConflictPolicy>(-1));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("id_conflict_policy"), HasSubstr("-1")));
  r = GoodStart();
  r.set_id_reuse_policy(v1::ID_REUSE_POLICY_REJECT);
  r.set_id_conflict_policy(v1::ID_CONFLICT_POLICY_TERMINATE_EXISTING);
  EXPECT_EQ(Refusal(r), "");
}

TEST(ValidateStartTest, PayloadsAreBounded) {
  v1::StartWorkflowRequest r = GoodStart();
  r.mutable_input()->set_data(std::string(4 << 20, 'x'));
  EXPECT_EQ(Refusal(r), "");
  r.mutable_input()->set_data(std::string((4 << 20) + 1, 'x'));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("input"), HasSubstr("4194305"), HasSubstr("payload_bytes_max"),
                                HasSubstr("4194304"), HasSubstr("reference")));
  r = GoodStart();
  r.mutable_input()->set_encoding(std::string(64, 'x'));
  r.mutable_input()->set_type(std::string(1000, 'x'));
  EXPECT_EQ(Refusal(r), "");
  r.mutable_input()->set_encoding(std::string(65, 'x'));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("input.encoding"), HasSubstr("65"), HasSubstr("64")));
  r.mutable_input()->set_encoding("json");
  r.mutable_input()->set_type(std::string(1001, 'x'));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("input.type"), HasSubstr("1001"), HasSubstr("1000")));
}

TEST(ValidateStartTest, MemoIsBounded) {
  v1::StartWorkflowRequest r = GoodStart();
  for (int i = 0; i < 64; ++i) (*r.mutable_memo())["key" + std::to_string(i)].set_data("x");
  EXPECT_EQ(Refusal(r), "");
  (*r.mutable_memo())["one more"].set_data("x");
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("memo has 65"), HasSubstr("memo_entries_max is 64")));

  r = GoodStart();
  (*r.mutable_memo())["key"].set_data(std::string((64 << 10) - 3, 'x'));
  EXPECT_EQ(Refusal(r), "");
  (*r.mutable_memo())["key"].set_data(std::string((64 << 10) - 2, 'x'));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("memo has 65537"), HasSubstr("memo_bytes_max is 65536")));

  r = GoodStart();
  (*r.mutable_memo())["key"].set_type(std::string(1 << 20, 'x'));
  EXPECT_THAT(Refusal(r), HasSubstr("memo value.type")) << "it is stored too";
}

TEST(ValidateStartTest, MemoKeysAreNames) {
  const TextField<v1::StartWorkflowRequest> field = {
      "memo key", [](v1::StartWorkflowRequest& r, std::string v) { (*r.mutable_memo())[v]; }, 256,
      "name_bytes_max", true};
  CheckText(GoodStart(), field);
}

TEST(ValidateStartTest, RetryPoliciesMustMakeSense) {
  const auto refusal = [](auto&& change) {
    v1::StartWorkflowRequest r = GoodStart();
    change(*r.mutable_retry_policy());
    return Refusal(r);
  };
  using P = v1::RetryPolicy;
  EXPECT_EQ(refusal([](P&) {}), "");
  EXPECT_EQ(refusal([](P& p) { p.set_backoff_coefficient(1); }), "");
  EXPECT_EQ(refusal([](P& p) { p.set_jitter(1); }), "");
  EXPECT_THAT(refusal([](P& p) { p.set_initial_interval_ms(-1); }),
              HasSubstr("retry_policy.initial_interval_ms"));
  EXPECT_THAT(refusal([](P& p) { p.set_max_interval_ms(-1); }), HasSubstr("retry_policy.max_interval_ms"));
  EXPECT_THAT(refusal([](P& p) { p.set_max_attempts(-1); }), HasSubstr("retry_policy.max_attempts"));
  EXPECT_THAT(refusal([](P& p) { p.set_backoff_coefficient(0.5); }),
              HasSubstr("retry_policy.backoff_coefficient"));
  EXPECT_THAT(refusal([](P& p) { p.set_backoff_coefficient(std::nan("")); }),
              HasSubstr("retry_policy.backoff_coefficient"));
  EXPECT_THAT(refusal([](P& p) { p.set_backoff_coefficient(std::numeric_limits<double>::infinity()); }),
              HasSubstr("retry_policy.backoff_coefficient"));
  EXPECT_THAT(refusal([](P& p) { p.set_jitter(1.01); }), HasSubstr("retry_policy.jitter"));
  EXPECT_THAT(refusal([](P& p) { p.set_jitter(std::nan("")); }), HasSubstr("retry_policy.jitter"));
  const auto with_types = [&](int n) {
    return refusal([n](P& p) {
      for (int i = 0; i < n; ++i) p.add_non_retryable_types("E" + std::to_string(i));
    });
  };
  EXPECT_EQ(with_types(100), "");
  EXPECT_THAT(with_types(101),
              AllOf(HasSubstr("retry_policy.non_retryable_types has 101"), HasSubstr("100")));
}

TEST(ValidateTest, MessagesCutLongValuesBetweenCharacters) {
  v1::StartWorkflowRequest r = GoodStart();
  std::string long_id;
  while (long_id.size() <= 1000) long_id += "語";
  r.set_workflow_id(long_id);
  const std::string message = Refusal(r);
  EXPECT_THAT(message, HasSubstr("語...'"));
}

// The parts that requests about one execution have in common.
template <typename Request>
class ValidateExecutionTest : public ::testing::Test {
 protected:
  static Request Good() {
    Request r;
    r.mutable_execution()->set_workflow_id("order-1");
    if constexpr (std::is_same_v<Request, v1::SignalWorkflowRequest>) r.set_signal_name("paid");
    return r;
  }
};
using ExecutionRequests =
    ::testing::Types<v1::SignalWorkflowRequest, v1::CancelWorkflowRequest, v1::TerminateWorkflowRequest,
                     v1::GetResultRequest, v1::DescribeWorkflowRequest, v1::GetHistoryRequest,
                     v1::WatchWorkflowRequest>;
TYPED_TEST_SUITE(ValidateExecutionTest, ExecutionRequests);

TYPED_TEST(ValidateExecutionTest, NamesWhatIsWrong) {
  using R = TypeParam;
  const TextField<R> fields[] = {
      {"namespace", [](R& r, std::string v) { r.set_namespace_(v); }, 256, "name_bytes_max", false},
      {"execution.workflow_id", [](R& r, std::string v) { r.mutable_execution()->set_workflow_id(v); }, 1000,
       "id_bytes_max", true},
      {"execution.run_id", [](R& r, std::string v) { r.mutable_execution()->set_run_id(v); }, 256,
       "name_bytes_max", false},
  };
  for (const auto& field : fields) CheckText(this->Good(), field);
  EXPECT_THAT(Refusal(R()), HasSubstr("execution.workflow_id"));
}

TEST(ValidateSignalTest, NameAndInputAreBounded) {
  using R = v1::SignalWorkflowRequest;
  R good;
  good.mutable_execution()->set_workflow_id("order-1");
  good.set_signal_name("paid");
  const TextField<R> fields[] = {
      {"signal_name", [](R& r, std::string v) { r.set_signal_name(v); }, 256, "name_bytes_max", true},
      {"request_id", [](R& r, std::string v) { r.set_request_id(v); }, 256, "name_bytes_max", false},
      {"identity", [](R& r, std::string v) { r.set_identity(v); }, 1000, "id_bytes_max", false}};
  for (const auto& field : fields) CheckText(good, field);
  good.mutable_input()->set_data(std::string((4 << 20) + 1, 'x'));
  EXPECT_THAT(Refusal(good), AllOf(HasSubstr("input has"), HasSubstr("payload_bytes_max")));
}

TEST(ValidateSignalWithStartTest, NamesTheFieldOfTheStart) {
  using R = v1::SignalWithStartWorkflowRequest;
  R good;
  *good.mutable_start() = GoodStart();
  good.set_signal_name("paid");
  EXPECT_EQ(Refusal(good), "");
  R r = good;
  r.clear_start();
  EXPECT_THAT(Refusal(r), HasSubstr("start.workflow_id is empty"));
  r = good;
  r.mutable_start()->set_run_timeout_ms(-5);
  EXPECT_THAT(Refusal(r), HasSubstr("start.run_timeout_ms is -5"));
  r = good;
  r.clear_signal_name();
  EXPECT_THAT(Refusal(r), HasSubstr("signal_name is empty"));
  r = good;
  r.mutable_signal_input()->set_data(std::string((4 << 20) + 1, 'x'));
  EXPECT_THAT(Refusal(r), HasSubstr("signal_input has 4194305"));
}

template <typename Request>
void CheckReason() {
  Request good;
  good.mutable_execution()->set_workflow_id("order-1");
  const TextField<Request> fields[] = {
      {"reason", [](Request& r, std::string v) { r.set_reason(v); }, 4096, "reason_bytes_max", false},
      {"request_id", [](Request& r, std::string v) { r.set_request_id(v); }, 256, "name_bytes_max", false},
      {"identity", [](Request& r, std::string v) { r.set_identity(v); }, 1000, "id_bytes_max", false}};
  for (const auto& field : fields) CheckText(good, field);
}
TEST(ValidateCancelTest, TextsAreBounded) { CheckReason<v1::CancelWorkflowRequest>(); }
TEST(ValidateTerminateTest, TextsAreBounded) { CheckReason<v1::TerminateWorkflowRequest>(); }

TEST(ValidateGetResultTest, WaitMustNotBeNegative) {
  v1::GetResultRequest r;
  r.mutable_execution()->set_workflow_id("order-1");
  r.set_wait_ms(3'600'000);
  EXPECT_EQ(Refusal(r), "") << "longer waits are cut";
  r.set_wait_ms(-1);
  EXPECT_THAT(Refusal(r), HasSubstr("wait_ms is -1"));
}

TEST(ValidateWatchTest, EventIdMustNotBeNegative) {
  v1::WatchWorkflowRequest r;
  r.mutable_execution()->set_workflow_id("order-1");
  r.set_from_event_id(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Refusal(r), "");
  r.set_from_event_id(-1);
  EXPECT_THAT(Refusal(r), HasSubstr("from_event_id is -1"));
}

template <typename Request>
void CheckPages(const Request& good, int32_t size_max) {
  const auto refusal = [&](int32_t size) {
    Request r = good;
    r.set_page_size(size);
    return Refusal(r);
  };
  EXPECT_EQ(refusal(0), "");
  EXPECT_EQ(refusal(size_max), "");
  EXPECT_THAT(refusal(size_max + 1), AllOf(HasSubstr("page_size"), HasSubstr(std::to_string(size_max + 1)),
                                           HasSubstr(std::to_string(size_max))));
  EXPECT_THAT(refusal(-1), HasSubstr("page_size is -1"));
  Request r = good;
  r.set_page_token(std::string(8'192, '1'));
  EXPECT_EQ(Refusal(r), "");
  r.set_page_token(std::string(8'193, '1'));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("page_token has 8193"), HasSubstr("8192")));
  r.set_page_token("1\n2");
  EXPECT_THAT(Refusal(r), HasSubstr("page_token has a control character"));
}
TEST(ValidateGetHistoryTest, PagesAreBounded) {
  v1::GetHistoryRequest good;
  good.mutable_execution()->set_workflow_id("order-1");
  CheckPages(good, 10'000);
}
TEST(ValidateListTest, PagesAreBounded) { CheckPages(v1::ListWorkflowsRequest(), 1'000); }

template <typename Request>
void CheckFilter() {
  using R = Request;
  const TextField<R> fields[] = {
      {"namespace", [](R& r, std::string v) { r.set_namespace_(v); }, 256, "name_bytes_max", false},
      {"filter.workflow_type", [](R& r, std::string v) { r.mutable_filter()->set_workflow_type(v); }, 256,
       "name_bytes_max", false},
      {"filter.task_queue", [](R& r, std::string v) { r.mutable_filter()->set_task_queue(v); }, 256,
       "name_bytes_max", false},
      {"filter.workflow_id", [](R& r, std::string v) { r.mutable_filter()->set_workflow_id(v); }, 1000,
       "id_bytes_max", false},
      {"filter.workflow_id_prefix",
       [](R& r, std::string v) { r.mutable_filter()->set_workflow_id_prefix(v); }, 1000, "id_bytes_max",
       false}};
  for (const auto& field : fields) CheckText(R(), field);
  R r;
  r.mutable_filter()->add_statuses(v1::RUN_STATUS_FAILED);
  EXPECT_EQ(Refusal(r), "");
  r.mutable_filter()->add_statuses(static_cast<v1::RunStatus>(99));
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("filter.statuses"), HasSubstr("99")));
  r.mutable_filter()->set_statuses(1, v1::RUN_STATUS_UNSPECIFIED);
  EXPECT_THAT(Refusal(r), HasSubstr("filter.statuses has 0"));
  r.clear_filter();
  for (int i = 0; i < 33; ++i) r.mutable_filter()->add_statuses(v1::RUN_STATUS_FAILED);
  EXPECT_THAT(Refusal(r), AllOf(HasSubstr("filter.statuses has 33"), HasSubstr("32")))
      << "each row would be compared with all of them";
}
TEST(ValidateListTest, FilterIsBounded) { CheckFilter<v1::ListWorkflowsRequest>(); }
TEST(ValidateCountTest, FilterIsBounded) { CheckFilter<v1::CountWorkflowsRequest>(); }

}  // namespace
}  // namespace perdure::api
