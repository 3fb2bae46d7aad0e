#include "tests/unit/sdk/transport/fake_worker_server.h"

#include <stdexcept>
#include <utility>

namespace perdure::testing {

v1::WorkerFrame FakeStream::Read() {
  std::unique_lock lock(mu_);
  if (!changed_.wait_for(lock, kPatience, [this] { return !frames_.empty() || half_closed_; }) ||
      frames_.empty()) {
    throw std::runtime_error("the worker wrote no frame");
  }
  v1::WorkerFrame frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

v1::WorkerFrame FakeStream::ReadUntil(const std::function<bool(const v1::WorkerFrame&)>& wanted) {
  for (;;) {
    v1::WorkerFrame frame = Read();
    if (wanted(frame)) return frame;
  }
}

void FakeStream::ReadHalfClose() {
  std::unique_lock lock(mu_);
  if (!changed_.wait_for(lock, kPatience, [this] { return half_closed_; })) {
    throw std::runtime_error("the worker did not close its side");
  }
}

void FakeStream::Write(v1::ServerFrame frame) {
  std::lock_guard lock(mu_);
  to_write_.push_back(std::move(frame));
  PumpLocked();
}

void FakeStream::End(const grpc::Status& status) {
  std::lock_guard lock(mu_);
  if (ending_) return;
  ending_ = true;
  status_ = status;
  PumpLocked();
}

void FakeStream::PumpLocked() {
  if (writing_ || finished_) return;
  if (!to_write_.empty()) {
    writing_ = true;
    StartWrite(&to_write_.front());
  } else if (ending_) {
    finished_ = true;
    Finish(status_);
  }
}

void FakeStream::Begin(std::shared_ptr<FakeStream> self) {
  std::lock_guard lock(mu_);
  self_ = std::move(self);
  StartRead(&reading_);
}

void FakeStream::OnReadDone(bool ok) {
  std::lock_guard lock(mu_);
  if (ok) {
    frames_.push_back(std::move(reading_));
    reading_.Clear();
    StartRead(&reading_);
  } else {
    half_closed_ = true;
  }
  changed_.notify_all();
}

void FakeStream::OnWriteDone(bool ok) {
  std::lock_guard lock(mu_);
  writing_ = false;
  to_write_.pop_front();
  if (!ok) to_write_.clear();
  PumpLocked();
}

void FakeStream::OnCancel() { End(grpc::Status::CANCELLED); }

void FakeStream::OnDone() {
  std::shared_ptr<FakeStream> self;
  std::lock_guard lock(mu_);
  half_closed_ = true;
  changed_.notify_all();
  self.swap(self_);
}

FakeWorkerServer::FakeWorkerServer(int port) {
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port_);
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) throw std::runtime_error("the fake server cannot listen");
}

FakeWorkerServer::~FakeWorkerServer() { Kill(); }

void FakeWorkerServer::Kill() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

std::shared_ptr<FakeStream> FakeWorkerServer::Accept() {
  std::unique_lock lock(mu_);
  if (!changed_.wait_for(lock, kPatience, [this] { return !accepted_.empty(); })) {
    throw std::runtime_error("no worker opened a stream");
  }
  std::shared_ptr<FakeStream> stream = std::move(accepted_.front());
  accepted_.pop_front();
  return stream;
}

std::shared_ptr<FakeStream> FakeWorkerServer::Welcome(v1::Hello* hello, std::uint64_t epoch,
                                                      std::function<void(v1::Welcome&)> change) {
  std::shared_ptr<FakeStream> stream = Accept();
  const v1::WorkerFrame first = stream->Read();
  if (!first.has_hello()) throw std::runtime_error("the first frame is no hello: " + first.DebugString());
  if (hello != nullptr) *hello = first.hello();
  v1::ServerFrame frame;
  v1::Welcome& welcome = *frame.mutable_welcome();
  welcome.set_server_epoch(epoch);
  welcome.set_server_version("0.0-test");
  welcome.set_reconnect_grace_ms(10'000);
  welcome.set_payload_bytes_max(4 << 20);
  welcome.set_commands_per_advance_max(10'000);
  if (change) change(welcome);
  stream->Write(frame);
  return stream;
}

grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame>* FakeWorkerServer::Connect(
    grpc::CallbackServerContext*) {
  std::shared_ptr<FakeStream> stream(new FakeStream());
  stream->Begin(stream);
  FakeStream* const reactor = stream.get();
  std::lock_guard lock(mu_);
  accepted_.push_back(std::move(stream));
  changed_.notify_all();
  return reactor;
}

}  // namespace perdure::testing
