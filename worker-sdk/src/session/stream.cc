#include "worker-sdk/src/session/stream.h"

#include <cstddef>
#include <utility>

#include "worker-sdk/src/session/frame.h"

namespace perdure::session {
namespace {

// A buffer that grew beyond it for one large frame is given back.
constexpr std::size_t kEncodedBytesKept = 4 << 20;

}  // namespace

Stream::Stream(const std::shared_ptr<grpc::Channel>& channel, StreamOwner* owner)
    : stub_(channel), owner_(owner) {}

void Stream::Start() {
  stub_.PrepareBidiStreamingCall(&context_, method_, {}, this);
  AddHold();
  {
    std::lock_guard lock(mu_);
    started_ = true;
    hold_ = true;
  }
  read_frame_ = NewFrame();
  StartRead(read_frame_.get());
  StartCall();
  Pump();
}

void Stream::Wake() { Pump(); }

void Stream::HalfClose() {
  {
    std::lock_guard lock(mu_);
    half_close_wanted_ = true;
  }
  Pump();
}

void Stream::Cancel() { context_.TryCancel(); }

Stream::Next Stream::Claim() {
  if (!started_ || broken_ || write_out_ || half_closed_) return Next::kNothing;
  if (owner_->NextFrame(&encoded_)) {
    const grpc::Slice bytes(encoded_);
    write_frame_ = grpc::ByteBuffer(&bytes, 1);
    if (encoded_.capacity() > kEncodedBytesKept) encoded_ = std::string();
    write_out_ = true;
    ++starting_;
    return Next::kWrite;
  }
  if (half_close_wanted_) {
    half_closed_ = true;
    write_out_ = true;
    ++starting_;
    return Next::kHalfClose;
  }
  return Next::kNothing;
}

void Stream::Pump() {
  Next next;
  {
    std::lock_guard lock(mu_);
    next = Claim();
  }
  if (next == Next::kNothing) return;
  // Without the lock: this may send on the socket.
  if (next == Next::kWrite) {
    StartWrite(&write_frame_);
  } else {
    StartWritesDone();
  }
  std::unique_lock lock(mu_);
  --starting_;
  ReleaseHoldIfLast(std::move(lock));
}

void Stream::ReleaseHoldIfLast(std::unique_lock<std::mutex> lock) {
  if (!hold_ || !broken_ || write_out_ || starting_ > 0) return;
  hold_ = false;
  lock.unlock();
  RemoveHold();
}

void Stream::Break() {
  std::unique_lock lock(mu_);
  broken_ = true;
  ReleaseHoldIfLast(std::move(lock));
}

void Stream::OnReadDone(bool ok) {
  if (!ok) {
    Break();
    return;
  }
  owner_->OnFrame(std::exchange(read_frame_, NewFrame()));
  StartRead(read_frame_.get());
}

void Stream::OnWriteDone(bool ok) {
  {
    std::unique_lock lock(mu_);
    write_out_ = false;
    write_frame_.Clear();
    if (!ok) broken_ = true;
    if (broken_) {
      ReleaseHoldIfLast(std::move(lock));
      return;
    }
  }
  Pump();
}

void Stream::OnWritesDoneDone(bool ok) {
  std::unique_lock lock(mu_);
  write_out_ = false;
  if (!ok) broken_ = true;
  ReleaseHoldIfLast(std::move(lock));
}

void Stream::OnDone(const grpc::Status& status) { owner_->OnClosed(status); }

}  // namespace perdure::session
