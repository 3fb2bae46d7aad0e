#include "server/api/worker_service.h"

#include <memory>
#include <utility>

#include "server/api/errors.h"
#include "server/base/log.h"
#include "server/base/mutex.h"

namespace perdure::api {
namespace {

// One worker's stream. gRPC runs its reactions; dispatch wakes it from other threads through the FrameSink, which it
// outlives: after OnDone a wake finds nothing.
class Stream final : public grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame>,
                     public dispatch::FrameSink,
                     public std::enable_shared_from_this<Stream> {
 public:
  Stream(grpc::CallbackServerContext* context, dispatch::Dispatcher* dispatcher, ApiMetrics* metrics)
      : context_(context), dispatcher_(dispatcher), metrics_(metrics), begin_(std::chrono::steady_clock::now()) {}

  void Begin() {
    self_ = shared_from_this();
    metrics_->streams.Add();
    StartRead(&in_);
  }

  // ---- reactions ----

  void OnReadDone(bool ok) override {
    if (!ok) return End(absl::OkStatus());
    const absl::Status status = session_ == 0 ? Hello() : dispatcher_->Receive(session_, std::move(in_));
    if (!status.ok()) return End(status);
    in_.Clear();
    StartRead(&in_);
  }

  void OnWriteDone(bool ok) override {
    base::MutexLock lock(&mu_);
    writing_ = false;
    if (ended_) return FinishOnce();
    if (ok) Send();
  }

  void OnCancel() override { End(absl::CancelledError("the stream was cut")); }

  void OnDone() override {
    metrics_->streams.Sub();
    {
      base::MutexLock lock(&mu_);
      done_ = true;
    }
    if (session_ != 0) dispatcher_->StreamClosed(session_, this);
    self_.reset();
  }

  // ---- dispatch::FrameSink ----

  void Wake() override {
    base::MutexLock lock(&mu_);
    if (welcomed_ && !writing_ && !ended_ && !done_) Send();
  }

  void Abort(absl::Status status) override { End(status); }

 private:
  absl::Status Hello() {
    if (!in_.has_hello()) {
      return absl::InvalidArgumentError("hello is missing: it must be all that the first frame of a stream carries");
    }
    absl::StatusOr<dispatch::Dispatcher::Opened> opened =
        dispatcher_->Open(std::move(*in_.mutable_hello()), shared_from_this());
    if (!opened.ok()) {
      base::LogWarning("worker refused", {{"peer", context_->peer()}, {"error", opened.status()}});
      return opened.status();
    }
    session_ = opened->session;
    base::MutexLock lock(&mu_);
    *out_.mutable_welcome() = std::move(opened->welcome);
    welcomed_ = true;
    if (!ended_) {
      writing_ = true;
      StartWrite(&out_);
    }
    return absl::OkStatus();
  }

  void Send() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    out_.Clear();
    if (!dispatcher_->TakeFrame(session_, out_)) return;
    writing_ = true;
    StartWrite(&out_);
  }

  void End(const absl::Status& status) {
    base::MutexLock lock(&mu_);
    if (ended_ || done_) return;
    ended_ = true;
    status_ = status;
    // A write that is under way ends first; one that cannot (the peer takes nothing) is cut by the keepalive.
    if (!writing_) FinishOnce();
  }

  void FinishOnce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (finished_ || done_) return;
    finished_ = true;
    metrics_->Record(Method::kConnect, status_.raw_code(), begin_);
    Finish(ToGrpc(status_));
  }

  grpc::CallbackServerContext* const context_;
  dispatch::Dispatcher* const dispatcher_;
  ApiMetrics* const metrics_;
  const std::chrono::steady_clock::time_point begin_;
  std::shared_ptr<Stream> self_;
  // Written by the first read's reaction only.
  dispatch::SessionNumber session_ = 0;
  v1::WorkerFrame in_;

  base::Mutex mu_;
  v1::ServerFrame out_;
  bool welcomed_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame>* WorkerService::Connect(
    grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<Stream>(context, dispatcher_, metrics_);
  stream->Begin();
  return stream.get();
}

}  // namespace perdure::api
