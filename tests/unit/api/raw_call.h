// Calls of bytes, for what no generated stub would send.
#ifndef PERDURE_TESTS_UNIT_API_RAW_CALL_H_
#define PERDURE_TESTS_UNIT_API_RAW_CALL_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace perdure::api {

inline grpc::ByteBuffer ToBuffer(const std::string& data) {
  grpc::Slice slice(data);
  return grpc::ByteBuffer(&slice, 1);
}

inline std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return "";
  std::string all;
  for (const grpc::Slice& slice : slices)
    all.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return all;
}

// A stream of bytes, driven step by step from one thread. Each step waits for its end; false: it failed.
class RawStream {
 public:
  RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method) : stub_(channel) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    stream_ = stub_.PrepareCall(&context_, method, &queue_);
    stream_->StartCall(this);
    Step();
  }
  ~RawStream() {
    if (!finished_) {
      context_.TryCancel();
      Finish();
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  bool Write(const std::string& data) {
    stream_->Write(ToBuffer(data), this);
    return Step();
  }
  bool WritesDone() {
    stream_->WritesDone(this);
    return Step();
  }
  bool Read(std::string* data) {
    grpc::ByteBuffer buffer;
    stream_->Read(&buffer, this);
    if (!Step()) return false;
    *data = ToString(buffer);
    return true;
  }
  // Reads on to the end; the status.
  grpc::Status Finish() {
    std::string rest;
    while (Read(&rest)) {
    }
    grpc::Status status;
    stream_->Finish(&status, this);
    Step();
    finished_ = true;
    return status;
  }

 private:
  bool Step() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  bool finished_ = false;
};

// One request, one answer (the first one).
inline grpc::Status RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                            const std::string& request, std::string* response) {
  RawStream stream(channel, method);
  stream.Write(request);
  stream.WritesDone();
  stream.Read(response);
  return stream.Finish();
}

}  // namespace perdure::api

#endif  // PERDURE_TESTS_UNIT_API_RAW_CALL_H_
