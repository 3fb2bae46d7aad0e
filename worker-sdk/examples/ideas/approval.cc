// Signals: a workflow waits for somebody's decision, for as long as that takes. The server may be restarted
// meanwhile, and so may this worker.
//
//   perdure-example-approval --address 127.0.0.1:7480
#include <perdure/perdure.h>

#include <cstdio>
#include <string>

namespace {

struct Expense {
  std::string who;
  std::string what;
  int euros = 0;
};
PERDURE_JSON(Expense, who, what, euros)

struct Verdict {
  bool approved = false;
  std::string by;
};
PERDURE_JSON(Verdict, approved, by)

inline constexpr perdure::Task<void(std::string, std::string)> Tell{"tell"};
inline constexpr perdure::Workflow<std::string(Expense)> Approval{"approval"};
inline constexpr perdure::Signal<Verdict> Decide{"decide"};

perdure::Co<std::string> Approve(perdure::Context& ctx, Expense expense) {
  if (expense.euros < 50) co_return "paid: small enough";
  co_await ctx.Run(Tell, "the boss", expense.who + " wants " + expense.what);
  const Verdict verdict = co_await ctx.WaitSignal(Decide);
  co_await ctx.Run(Tell, expense.who, verdict.approved ? "go ahead" : "sorry, no");
  co_return (verdict.approved ? "paid: approved by " : "refused by ") + verdict.by;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc == 3 ? argv[2] : perdure::ClientOptions().Address();
  perdure::Worker worker(perdure::WorkerOptions().Address(address).TaskQueue("approval"));
  worker.Host(Approval, Approve);
  worker.Host(Tell, [](const std::string& whom, const std::string& what) {
    std::printf("to %s: %s\n", whom.c_str(), what.c_str());
  });
  worker.Start();

  perdure::Client client(perdure::ClientOptions().Address(address).TaskQueue("approval"));
  auto pens = client.Start(Approval, {"ann", "pens", 12});
  auto chair = client.Start(Approval, {"bob", "a chair", 700});
  // Kept if it comes before the workflow waits for it.
  chair.Signal(Decide, {true, "the boss"});

  const std::string for_pens = pens.Result();
  const std::string for_chair = chair.Result();
  std::printf("pens: %s\na chair: %s\n", for_pens.c_str(), for_chair.c_str());
  return for_pens == "paid: small enough" && for_chair == "paid: approved by the boss" ? 0 : 1;
}
