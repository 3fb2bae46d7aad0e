// Between the SDK's value types and the API's messages.
#include "worker-sdk/src/runtime/convert.h"

#include <memory>
#include <utility>

#include "perdure/detail/utf8.h"

namespace perdure::runtime {
namespace {

// Failures nest as deep as their sender likes; nobody reads beyond this.
constexpr int kCauseDepthMax = 32;
// What the server takes.
constexpr std::size_t kEncodingBytesMax = 64;
constexpr std::size_t kPayloadTypeBytesMax = 1'000;
constexpr std::size_t kShownBytes = 64;

// What exceptions say may be any bytes; a frame with text that is not UTF-8 would be refused whole. Bytes
// that belong to no character become question marks.
std::string ValidUtf8(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = detail::Utf8Length(text, i);
    out.append(n == 0 ? "?" : text.substr(i, n));
    i += n == 0 ? 1 : n;
  }
  return out;
}

void CheckDescription(const char* field, const std::string& value, std::size_t bytes_max) {
  const std::string text = std::string("a payload's ") + field;
  if (value.size() > bytes_max) {
    throw EncodeError(text + " has " + std::to_string(value.size()) + " bytes, more than " +
                      std::to_string(bytes_max) + ": '" + ValidUtf8(value.substr(0, kShownBytes)) + "...'");
  }
  if (const std::string valid = ValidUtf8(value); valid != value) {
    throw EncodeError(text + " is not UTF-8: '" + valid + "'");
  }
}

// The data may be any bytes, but what describes it is text: the server refuses a frame with any other.
Payload Checked(Payload payload) {
  CheckDescription("encoding", payload.encoding, kEncodingBytesMax);
  CheckDescription("type", payload.type, kPayloadTypeBytesMax);
  return payload;
}

v1::Failure ToProtoAt(const Failure& failure, const PayloadConverter* converter, int depth) {
  v1::Failure out;
  out.set_kind(static_cast<v1::Failure::Kind>(failure.kind));
  out.set_type(ValidUtf8(failure.type));
  out.set_message(ValidUtf8(failure.message));
  out.set_non_retryable(failure.non_retryable);
  out.set_retry_delay_ms(failure.retry_delay.count());
  out.set_timeout(static_cast<v1::Failure::Timeout>(failure.timeout));
  out.set_source(ValidUtf8(failure.source));
  if (!failure.details.empty()) {
    try {
      *out.mutable_details() = ToProto(Encode(converter, failure.details));
    } catch (const Error&) {
      out.clear_details();
    }
  }
  if (failure.cause != nullptr && depth < kCauseDepthMax) {
    *out.mutable_cause() = ToProtoAt(*failure.cause, converter, depth + 1);
  }
  return out;
}

Failure FromProtoAt(const v1::Failure& failure, const PayloadConverter* converter, int depth) {
  Failure out;
  out.kind = static_cast<FailureKind>(failure.kind());
  out.type = failure.type();
  out.message = failure.message();
  out.non_retryable = failure.non_retryable();
  out.retry_delay = std::chrono::milliseconds(failure.retry_delay_ms());
  out.timeout = static_cast<TimeoutKind>(failure.timeout());
  out.source = failure.source();
  if (failure.has_details()) {
    try {
      out.details = Decode(converter, FromProto(failure.details()));
    } catch (const Error&) {
      out.details = {};
    }
  }
  if (failure.has_cause() && depth < kCauseDepthMax) {
    out.cause = std::make_shared<const Failure>(FromProtoAt(failure.cause(), converter, depth + 1));
  }
  return out;
}

}  // namespace

v1::Payload ToProto(Payload payload) {
  v1::Payload out;
  out.set_encoding(std::move(payload.encoding));
  out.set_data(std::move(payload.data));
  out.set_type(std::move(payload.type));
  return out;
}

Payload FromProto(const v1::Payload& payload) { return {payload.encoding(), payload.data(), payload.type()}; }

v1::Failure ToProto(const Failure& failure, const PayloadConverter* converter) {
  return ToProtoAt(failure, converter, 0);
}

Failure FromProto(const v1::Failure& failure, const PayloadConverter* converter) {
  return FromProtoAt(failure, converter, 0);
}

v1::RetryPolicy ToProto(const RetryPolicy& policy) {
  v1::RetryPolicy out;
  out.set_initial_interval_ms(policy.InitialInterval().count());
  out.set_backoff_coefficient(policy.Backoff());
  out.set_max_interval_ms(policy.MaxInterval().count());
  out.set_max_attempts(policy.MaxAttempts());
  if (policy.Jitter().has_value()) {
    // On the wire 0 means the default, and a negative number none.
    out.set_jitter(*policy.Jitter() == 0 ? -1 : *policy.Jitter());
  }
  for (const std::string& type : policy.NonRetryableTypes()) out.add_non_retryable_types(type);
  return out;
}

v1::TaskTimeouts TimeoutsToProto(const TaskOptions& options) {
  v1::TaskTimeouts out;
  out.set_schedule_to_start_ms(options.ScheduleToStart().count());
  out.set_start_to_close_ms(options.StartToClose().count());
  out.set_schedule_to_close_ms(options.ScheduleToClose().count());
  out.set_heartbeat_ms(options.Heartbeat().count());
  return out;
}

Payload Encode(const PayloadConverter* converter, Payload payload) {
  if (converter == nullptr) return Checked(std::move(payload));
  try {
    return Checked(converter->Encode(std::move(payload)));
  } catch (const EncodeError&) {
    throw;
  } catch (...) {
    throw EncodeError("the payload converter failed to encode: " + CurrentFailure().message);
  }
}

Payload Decode(const PayloadConverter* converter, Payload payload) {
  if (converter == nullptr) return payload;
  try {
    return converter->Decode(std::move(payload));
  } catch (const DecodeError&) {
    throw;
  } catch (...) {
    throw ConverterFailed("the payload converter failed to decode: " + CurrentFailure().message);
  }
}

}  // namespace perdure::runtime
