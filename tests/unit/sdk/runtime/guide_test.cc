// The patterns that users come with, as they would write them: shared state, failure isolation, event
// dispatch, class-based workflows, conditional fan-out, retries by hand, compensation, batches, approval,
// resources.
#include <map>

#include "tests/unit/sdk/runtime/scenario.h"

namespace guide {

struct Order {
  std::string id;
  std::vector<std::string> items;
  int cents = 0;
};
PERDURE_JSON(Order, id, items, cents)

struct Stage {
  std::string batch_id;
  int processed = 0;
};
PERDURE_JSON(Stage, batch_id, processed)

struct Pipeline {
  std::string batch_id;
  int processed = 0;
  std::chrono::milliseconds duration{0};
};
PERDURE_JSON(Pipeline, batch_id, processed, duration)

struct Synced {
  std::map<std::string, int> successful;
  std::map<std::string, std::string> failed;
};
PERDURE_JSON(Synced, successful, failed)

struct Config {
  std::string input;
  bool analytics = false;
  bool notifications = false;
  bool backup = false;
};
PERDURE_JSON(Config, input, analytics, notifications, backup)

struct Approval {
  bool approved = false;
  std::string reason;
};
PERDURE_JSON(Approval, approved, reason)

}  // namespace guide

namespace perdure::testing {
namespace {

using namespace guide;
using ::testing::ElementsAre;
using ::testing::Pair;

PERDURE_SCENARIO(GuideTest);

// --- Shared context: state that the stages hand on.

inline constexpr Task<Stage(std::string, Stage)> kStage{"stage"};
inline constexpr Workflow<Pipeline(std::string)> kPipeline{"data_processing_pipeline"};

Co<Pipeline> ProcessData(Context& ctx, std::string input) {
  const auto start = ctx.Now();
  Stage shared{ctx.Uuid(), 0};
  for (const char* stage : {"one", "two", "three"}) {
    shared = co_await ctx.Run(kStage, input + stage, shared);
    co_await ctx.Sleep(1s);
  }
  co_return Pipeline{shared.batch_id, shared.processed,
                     std::chrono::duration_cast<Milliseconds>(ctx.Now() - start)};
}

TEST_P(GuideTest, SharedContext) {
  Host(kPipeline, ProcessData);
  server().Host(kStage, [](const std::string& input, Stage stage) {
    stage.processed += static_cast<int>(input.size());
    return stage;
  });
  server().Start(kPipeline, "d");
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  const Pipeline result = server().ResultOf(kPipeline);
  EXPECT_EQ(result.processed, 14);
  EXPECT_EQ(result.duration, 3s);
  EXPECT_EQ(result.batch_id.size(), 36u);
}

// --- Failure isolation.

inline constexpr Task<int(std::string)> kSync{"sync_data_source"};
inline constexpr Workflow<Synced(std::vector<std::string>)> kSyncAll{"resilient_data_sync"};

Co<Synced> SyncAll(Context& ctx, std::vector<std::string> sources) {
  Synced results;
  for (const std::string& source : sources) {
    try {
      results.successful[source] = co_await ctx.Run(kSync, source);
    } catch (const TaskFailed& e) {
      results.failed[source] = e.Cause().message;  // one source does not stop the others
    }
  }
  co_return results;
}

TEST_P(GuideTest, FailureIsolation) {
  Host(kSyncAll, SyncAll);
  server().Host(kSync, [](const std::string& source) -> int {
    if (source == "b") throw std::runtime_error("no route");
    return 1;
  });
  server().Start(kSyncAll, {"a", "b", "c"});
  server().RunToEnd();
  EXPECT_THAT(server().ResultOf(kSyncAll).successful, ElementsAre(Pair("a", 1), Pair("c", 1)));
  EXPECT_THAT(server().ResultOf(kSyncAll).failed, ElementsAre(Pair("b", "no route")));
}

// --- Class-based, with parallel steps and state of its own.

inline constexpr Workflow<int(std::vector<int>)> kClass{"class_based"};

class DataProcessing {
 public:
  explicit DataProcessing(int batch_size) : batch_size_(static_cast<std::size_t>(batch_size)) {}

  Co<int> Run(Context& ctx, std::vector<int> data) {
    const auto valid = co_await ctx.Step("validate", &DataProcessing::Validate, this, data);
    std::vector<Pending<int>> batches;
    for (std::size_t at = 0; at < valid.size(); at += batch_size_) {
      const std::vector<int> batch(
          valid.begin() + static_cast<std::ptrdiff_t>(at),
          valid.begin() + static_cast<std::ptrdiff_t>(std::min(valid.size(), at + batch_size_)));
      batches.push_back(ctx.Step("analyze_batch", &DataProcessing::Sum, batch));
    }
    for (const int sum : co_await All(std::move(batches))) {
      ++batches_done_;
      total_ += sum;
    }
    co_await ctx.Sleep(1s);
    co_return total_ * 10 + batches_done_;
  }

 private:
  std::vector<int> Validate(const std::vector<int>& data) const {
    std::vector<int> valid;
    for (const int value : data) {
      if (value > 0) valid.push_back(value);
    }
    return valid;
  }
  static int Sum(const std::vector<int>& batch) {
    int sum = 0;
    for (const int value : batch) sum += value;
    return sum;
  }

  const std::size_t batch_size_;
  int batches_done_ = 0;
  int total_ = 0;
};

TEST_P(GuideTest, ClassBased) {
  registry_.AddWorkflow(kClass.Name(), detail::EraseWorkflowClass<DataProcessing>(kClass, 2));
  server().Start(kClass, {1, -5, 2, 3, 4, 5});
  server().RunToEnd();
  EXPECT_EQ(Trouble(), "");
  EXPECT_EQ(server().ResultOf(kClass), 153);
}

// --- Conditional parallel execution.

inline constexpr Task<std::string(std::string, std::string)> kOptional{"optional"};
inline constexpr Workflow<std::map<std::string, std::string>(Config)> kConditional{"conditional_workflow"};

Co<std::map<std::string, std::string>> Conditional(Context& ctx, Config config) {
  std::map<std::string, std::string> results;
  results["core"] = co_await ctx.Run(kOptional, "core", config.input);
  std::vector<std::string> names;
  if (config.analytics) names.push_back("analytics");
  if (config.notifications) names.push_back("notifications");
  if (config.backup) names.push_back("backup");
  std::vector<Pending<std::string>> parts;
  for (const std::string& name : names) parts.push_back(ctx.Run(kOptional, name, results["core"]));
  const std::vector<std::string> done = co_await All(std::move(parts));
  for (std::size_t i = 0; i < names.size(); ++i) results[names[i]] = done[i];
  co_return results;
}

TEST_P(GuideTest, ConditionalFanOut) {
  Host(kConditional, Conditional);
  server().Host(kOptional,
                [](const std::string& name, const std::string& input) { return name + "(" + input + ")"; });
  server().Start(kConditional, Config{"x", true, false, true});
  server().RunToEnd();
  EXPECT_THAT(server().ResultOf(kConditional),
              ElementsAre(Pair("analytics", "analytics(core(x))"), Pair("backup", "backup(core(x))"),
                          Pair("core", "core(x)")));
}

// --- Retries by hand, with a fallback.

inline constexpr Task<std::string(std::string)> kCritical{"critical"};
inline constexpr Task<std::string(std::string)> kFallback{"fallback"};
inline constexpr Workflow<std::string(std::string)> kResilient{"resilient_workflow"};

Co<std::string> Resilient(Context& ctx, std::string data) {
  const auto once = TaskOptions().Retry(RetryPolicy::Never());
  for (int attempt = 0; attempt < 3; ++attempt) {
    Result<std::string> result = co_await Try(ctx.Run(kCritical, once, data));
    if (result) co_return *result;
    if (!result.HasType("Transient")) break;
    co_await ctx.Sleep(std::chrono::seconds(1 << attempt));
  }
  co_return co_await ctx.Run(kFallback, data);
}

TEST_P(GuideTest, RetriesByHand) {
  int calls = 0;
  Host(kResilient, Resilient);
  server().Host(kCritical, [&calls](const std::string&) -> std::string {
    throw ApplicationError(++calls < 3 ? "Transient" : "Permanent", "");
  });
  server().Host(kFallback, [](const std::string& data) { return "fallback for " + data; });
  server().Start(kResilient, "d");
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kResilient), "fallback for d");
  EXPECT_EQ(calls, 3);
}

// --- Approval with a time limit, and nested workflows as coroutines.

inline constexpr Signal<Approval> kApprove{"approve"};
inline constexpr Workflow<std::string(int)> kApproval{"approval_workflow"};

Co<Approval> HumanApproval(Context& ctx) {
  auto answer = co_await Try(WithTimeout(ctx.WaitSignal(kApprove), 24h));
  if (!answer && answer.error().kind == FailureKind::kTimeout) co_return Approval{false, "nobody answered"};
  co_return answer.value();
}

Co<std::string> Approve(Context& ctx, int cents) {
  const Approval approval = cents < 1000 ? Approval{true, "small"} : co_await HumanApproval(ctx);
  co_return (approval.approved ? "approved: " : "refused: ") + approval.reason;
}

TEST_P(GuideTest, ApprovalByAPerson) {
  Host(kApproval, Approve);
  server().Start(kApproval, 5000);
  server().Settle();
  server().Send(kApprove, Approval{true, "fine"});
  server().Settle();
  EXPECT_EQ(server().ResultOf(kApproval), "approved: fine");
}

TEST_P(GuideTest, ApprovalThatNobodyGives) {
  Host(kApproval, Approve);
  server().Start(kApproval, 5000);
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kApproval), "refused: nobody answered");
}

TEST_P(GuideTest, ApprovalOfSmallAmounts) {
  Host(kApproval, Approve);
  server().Start(kApproval, 5);
  server().Settle();
  EXPECT_EQ(server().ResultOf(kApproval), "approved: small");
}

// --- The first sample of the SDK's introduction.

inline constexpr Task<Order(Order)> kValidate{"validate_order"};
inline constexpr Task<int(std::vector<std::string>)> kInventory{"check_inventory"};
inline constexpr Task<std::string(int)> kPayment{"process_payment"};
inline constexpr Workflow<std::string(Order)> kFulfil{"order_fulfillment"};

Co<std::string> Fulfil(Context& ctx, Order order) {
  auto valid = co_await ctx.Run(kValidate, order);
  auto [stock, receipt] = co_await All(ctx.Run(kInventory, valid.items), ctx.Run(kPayment, valid.cents));
  co_return valid.id + " " + std::to_string(stock) + " " + receipt;
}

TEST_P(GuideTest, OrderFulfillment) {
  Host(kFulfil, Fulfil);
  server().Host(kValidate, [](Order order) { return order; });
  server().Host(kInventory,
                [](const std::vector<std::string>& items) { return static_cast<int>(items.size()); });
  server().Host(kPayment, [](int cents) { return "paid " + std::to_string(cents); });
  server().Start(kFulfil, {"o-1", {"apple", "pear"}, 250});
  server().RunToEnd();
  EXPECT_EQ(server().ResultOf(kFulfil), "o-1 2 paid 250");
}

}  // namespace
}  // namespace perdure::testing
