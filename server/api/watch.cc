#include "server/api/watch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/errors.h"
#include "server/base/mutex.h"

namespace perdure::api {
namespace {

constexpr int64_t kPageEvents = 1'000;
constexpr int64_t kPageBytes = 1 << 20;

// What is new is told as a mark (progress); the events themselves are read from the store, so that a slow
// watcher costs no memory. One page is read or written at a time.
class Watch final : public grpc::ServerWriteReactor<v1::WatchWorkflowResponse>,
                    public std::enable_shared_from_this<Watch> {
 public:
  Watch(Watches* watches, const v1::WatchWorkflowRequest& request, uint64_t waiter)
      : watches_(watches),
        ring_(watches->ring),
        metrics_(watches->metrics),
        partition_(&ring_->PartitionFor(request.namespace_(), request.execution().workflow_id())),
        waiter_(waiter),
        begin_(metrics_->Begin()),
        next_(std::max<int64_t>(1, request.from_event_id())) {}

  void Begin(const v1::WatchWorkflowRequest& request, const absl::Status& valid) {
    self_ = shared_from_this();
    metrics_->watchers.Add();
    const int64_t others = watches_->open.fetch_add(1);
    if (!valid.ok()) return End(valid);
    if (others >= watches_->watchers_max) {
      return End(
          absl::ResourceExhaustedError(absl::StrCat("too many clients watch: the limit watchers_max is ",
                                                    watches_->watchers_max, "; end some, or raise it")));
    }
    partition::WatchRequest message;
    message.ns = request.namespace_();
    message.execution = request.execution();
    message.waiter = waiter_;
    message.progress = [self = shared_from_this()](absl::StatusOr<partition::Progress> p) {
      self->Hear(std::move(p));
    };
    {
      base::MutexLock lock(&mu_);
      registered_ = true;
    }
    partition_->Put(std::move(message));
  }

  void OnWriteDone(bool ok) override {
    base::MutexLock lock(&mu_);
    busy_ = false;
    if (!ok) return EndLocked(absl::CancelledError("the client went away"));
    Go();
  }
  void OnCancel() override { End(absl::CancelledError("the client went away")); }
  void OnDone() override {
    watches_->open.fetch_sub(1);
    metrics_->watchers.Sub();
    self_.reset();
  }

 private:
  void Hear(absl::StatusOr<partition::Progress> progress) {
    base::MutexLock lock(&mu_);
    if (!progress.ok() || progress->closed) registered_ = false;
    if (!progress.ok()) return EndLocked(progress.status());
    run_ = progress->run;
    run_id_ = progress->run_id;
    through_ = std::max(through_, progress->last_event_id);
    closed_ = closed_ || progress->closed;
    Go();
  }

  // Reads the next page, or ends after the last one.
  void Go() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (busy_ || ended_) return;
    if (next_ > through_) {
      if (closed_) EndLocked(absl::OkStatus());
      return;
    }
    busy_ = true;
    const bool taken = ring_->pool().Submit(
        [self = shared_from_this(), next = next_, through = through_] { self->Read(next, through); });
    if (!taken) {
      busy_ = false;
      EndLocked(ring_->TooManyReads());
    }
  }

  void Read(int64_t next, int64_t through) {
    absl::StatusOr<partition::Reader::Events> page =
        ring_->reader().ReadEvents(partition_->number(), run_, next, through, kPageEvents, kPageBytes);
    base::MutexLock lock(&mu_);
    if (ended_) return;
    if (!page.ok()) {
      busy_ = false;
      return EndLocked(page.status());
    }
    page_.Clear();
    page_.set_run_id(run_id_);
    for (v1::Event& event : page->events) *page_.add_events() = std::move(event);
    next_ = page->next_event_id != 0 ? page->next_event_id : through + 1;
    StartWrite(&page_);
  }

  void End(const absl::Status& status) {
    base::MutexLock lock(&mu_);
    EndLocked(status);
  }
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (ended_) return;
    ended_ = true;
    // However it ends: the partition would keep it, and all that it holds, until the run is closed.
    if (registered_) partition_->Put(partition::Forget{waiter_});
    metrics_->Record(Method::kWatch, status.raw_code(), begin_);
    Finish(ToGrpc(status));
  }

  Watches* const watches_;
  Ring* const ring_;
  ApiMetrics* const metrics_;
  partition::Partition* const partition_;
  const uint64_t waiter_;
  const std::chrono::steady_clock::time_point begin_;
  // Keeps this alive until gRPC is done with it.
  std::shared_ptr<Watch> self_;

  base::Mutex mu_;
  v1::WatchWorkflowResponse page_;
  uint64_t run_ = 0;
  std::string run_id_;
  int64_t next_ ABSL_GUARDED_BY(mu_);
  int64_t through_ ABSL_GUARDED_BY(mu_) = 0;
  // The partition knows this watcher.
  bool registered_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchWorkflowResponse>* StartWatch(Watches* watches,
                                                                const v1::WatchWorkflowRequest& request,
                                                                uint64_t waiter, const absl::Status& valid) {
  auto watch = std::make_shared<Watch>(watches, request, waiter);
  watch->Begin(request, valid);
  return watch.get();
}

}  // namespace perdure::api
